import { parentPort, workerData } from 'node:worker_threads'
import { open } from 'varve'

const { path, ENTRIES } = workerData
const database = await open(path, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
for (let at = 0; at < ENTRIES; at++) await database.put(`theirs ${at}`, `grüße ${at}`)
await database.flush()
parentPort.once('message', async () => {
  await database.close()
  parentPort.postMessage('closed')
  parentPort.close()
})
parentPort.postMessage({ count: await database.count() })
