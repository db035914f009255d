// What a user's page does with varve: in the page, and in a worker of its own.
import { open } from 'varve'

const worker = new Worker(new URL('./own-worker.js', import.meta.url), { type: 'module' })

const { postMessage } = Worker.prototype
let messages = 0
Worker.prototype.postMessage = function (...args) {
  messages++
  return postMessage.apply(this, args)
}

/** Whether a read is answered without a message, now or soon. */
async function isNear(db) {
  for (let tries = crossOriginIsolated ? 500 : 5; tries > 0; tries--) {
    const before = messages
    await db.get('k')
    if (messages === before) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}

async function run() {
  const db = await open('bundled', { keyEncoding: 'utf8', valueEncoding: 'json', memoryLimit: 16 << 20 })
  await db.put('k', { from: 'page' })
  const near = await isNear(db)
  await db.put('k', { from: 'page' })
  const page = await db.get('k')
  await db.close()
  const own = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage('go')
  })
  return { page, own, near, isIsolated: crossOriginIsolated }
}

globalThis.result = run().catch((error) => ({ error: String(error) }))
