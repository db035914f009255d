/** The script of a background thread of Node.js; scripts/build-worker.mjs makes one file of it, which the library carries as text. */
import { parentPort, workerData } from 'node:worker_threads'
import { nodeFileSystem } from '../fs/node.ts'
import { orphanAll, takeOver } from './keeper-thread.ts'
import type { TakeOver, Watch } from './messages.ts'
import { watch } from './monitor.ts'
import { portsOf } from './node-threads.ts'

const { ready } = workerData as { readonly ready: Int32Array }

parentPort?.on('message', (message: TakeOver | Watch) => {
  const [port] = portsOf(message)
  if (port === undefined) throw new Error('the message has no port')
  if (message.kind === 'watch') watch(message, port)
  else takeOver(message, port, (directory) => nodeFileSystem(directory as string))
})
process.on('uncaughtExceptionMonitor', orphanAll)
process.on('exit', orphanAll)
Atomics.store(ready, 0, 1)
