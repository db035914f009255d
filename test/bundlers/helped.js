// Writes, compacts and reads, and says how many compactions a second worker wrote, and whether the content is right.
import { open } from 'varve'

let built = 0
new BroadcastChannel('built').onmessage = () => built++

/** A worker that tells of what it builds for another one. */
function createWorker(source, options) {
  const spy = `const { postMessage } = MessagePort.prototype
    MessagePort.prototype.postMessage = function (message, ...rest) {
      if (message?.kind === 'built') new BroadcastChannel('built').postMessage('one')
      return postMessage.call(this, message, ...rest)
    };`
  const url = URL.createObjectURL(new Blob([spy, source], { type: 'text/javascript' }))
  return new Worker(url, options)
}

const options = { keyEncoding: 'utf8', valueEncoding: 'utf8', memoryLimit: 32 << 20, createWorker }

async function isRight(db, model) {
  const found = await db.range().toArray()
  const wanted = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(found) === JSON.stringify(wanted)
}

async function run() {
  const model = new Map()
  const right = []
  let db = await open('helped', options)
  for (let round = 0; round < 12; round++) {
    // NOTE: from the second compaction on there is somebody to help.
    const compacted = round % 3 === 2 ? db.compact() : undefined
    const batch = db.batch()
    for (let i = 0; i < 2000; i++) {
      const key = `k${(i * 7919 + round * 104729) % 9000}`
      if (i % 5 === 0) {
        batch.delete(key)
        model.delete(key)
      } else {
        const value = `${round} ${i} ${'v'.repeat(i % 200)}`
        batch.put(key, value)
        model.set(key, value)
      }
    }
    await batch.commit()
    await db.flush()
    await compacted
    if (compacted !== undefined) {
      right.push(await isRight(db, model))
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
  }
  await db.compact()
  const { problems } = await db.verify()
  await db.close()
  db = await open('helped', options)
  right.push(await isRight(db, model))
  await db.close()
  return { built: built > 0, right: right.every(Boolean), problems, isIsolated: crossOriginIsolated }
}

globalThis.result = run().catch((error) => ({ error: String(error) }))
