/** A page's SQLite: its calls, those of a turn in one message. */
import { open, remove } from './sqlite-direct.mjs'

let db

onmessage = async ({ data: calls }) => {
  const answers = []
  for (const [name, ...args] of calls) {
    try {
      if (name === 'open') db = await open()
      else if (name === 'remove') await remove()
      else {
        answers.push({ result: await db[name](...args) })
        continue
      }
      answers.push({ result: undefined })
    } catch (error) {
      answers.push({ error: String(error) })
    }
  }
  postMessage(answers)
}
