/** On a page or in a worker: measures one engine. */
import { firstAnswer, measureLines } from './lines.mjs'

const isWorker = typeof document === 'undefined'
const ENGINES = {
  varve: () => import('./varve.mjs'),
  IndexedDB: () => import('./indexeddb.mjs'),
  'browser-level': () => import('./browser-level.mjs'),
  SQLite: () => (isWorker ? import('./sqlite-direct.mjs') : import('./sqlite-remote.mjs')),
}

/** Everything, from an empty store on (the profile is new, and `firstOpen` leaves none), which stays for `firstOpen`. */
async function measure(name) {
  const engine = await ENGINES[name]()
  const db = await engine.open()
  const figures = await measureLines(db)
  await db.close()
  return { figures, durability: engine.durability }
}

/** Milliseconds from here to the first answer of what was stored before. NOTE: the page has just begun, the engine's script is not even loaded. */
async function firstOpen(name) {
  const start = performance.now()
  const engine = await ENGINES[name]()
  const db = await firstAnswer(engine.open)
  const openMs = performance.now() - start
  await db.close()
  await engine.remove()
  return { openMs }
}

const STEPS = { measure, firstOpen }

if (isWorker) {
  onmessage = ({ data: [step, name] }) =>
    STEPS[step](name).then(
      (result) => postMessage({ result }),
      (error) => postMessage({ error: `${error}\n${error?.stack}` }),
    )
} else {
  globalThis.measureHere = (step, name) => STEPS[step](name)
  globalThis.measureInWorker = (step, name) => {
    const worker = new Worker('/run.js', { type: 'module' })
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data: { result, error } }) =>
        error === undefined ? resolve(result) : reject(new Error(error))
      worker.onerror = ({ message }) => reject(new Error(message))
      worker.postMessage([step, name])
    }).finally(() => worker.terminate())
  }
}
