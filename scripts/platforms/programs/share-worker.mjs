// The other thread of share.mjs.
import { parentPort, workerData } from 'node:worker_threads'
import { attach } from 'varve'

const db = attach(workerData.handle)
const found = await db.get('from')
await db.put('there', 'too')
await db.close()
parentPort.postMessage(found)
