/** SQLite behind a worker: a page's calls of one turn are one message, as varve's are. */
export { durability } from './sqlite-direct.mjs'

const PAGE = 1000

function connect() {
  const worker = new Worker('/sqlite-worker.js', { type: 'module' })
  const asked = []
  let waiting = []
  worker.onmessage = ({ data: answers }) => {
    for (const { result, error } of answers) {
      const { resolve, reject } = asked.shift()
      if (error === undefined) resolve(result)
      else reject(new Error(error))
    }
  }
  const call = (...args) =>
    new Promise((resolve, reject) => {
      asked.push({ resolve, reject })
      if (waiting.push(args) > 1) return
      queueMicrotask(() => {
        worker.postMessage(waiting)
        waiting = []
      })
    })
  return { worker, call }
}

export async function open() {
  const { worker, call } = connect()
  await call('open')
  return {
    put: (key, value) => call('put', key, value),
    batch: (entries) => call('batch', entries),
    get: (key) => call('get', key),
    getMany: (keys) => Promise.all(keys.map((key) => call('get', key))),
    async scan() {
      let entries = 0
      let bytes = 0
      let next = call('page', new Uint8Array(0), PAGE)
      for (;;) {
        const found = await next
        // NOTE: the next page comes while this one is read.
        if (found.length === PAGE) next = call('page', found[PAGE - 1][0], PAGE)
        for (const [key, value] of found) {
          entries++
          bytes += key.length + value.length
        }
        if (found.length < PAGE) return { entries, bytes }
      }
    },
    async close() {
      await call('close')
      await end(worker)
    },
  }
}

export async function remove() {
  const { worker, call } = connect()
  try {
    await call('remove')
  } finally {
    await end(worker)
  }
}

/** NOTE: what it had open is free a moment after it ended. */
async function end(worker) {
  worker.terminate()
  await new Promise((resolve) => setTimeout(resolve, 300))
}
