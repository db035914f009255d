// What a user's page does with varve: in the page, and in a worker of its own.
import { open } from 'varve'

const worker = new Worker(new URL('./own-worker.js', import.meta.url), { type: 'module' })

async function run() {
  const db = await open('bundled', { keyEncoding: 'utf8', valueEncoding: 'json', memoryLimit: 16 << 20 })
  await db.put('k', { from: 'page' })
  const page = await db.get('k')
  await db.close()
  const own = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage('go')
  })
  return { page, own, isIsolated: crossOriginIsolated }
}

globalThis.result = run().catch((error) => ({ error: String(error) }))
