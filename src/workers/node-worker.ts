/** The script of a background thread of Node.js; scripts/build-worker.mjs makes one file of it, which the library carries as text. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { nodeFileSystem } from '../fs/node.ts'
import { orphanAll, takeOver } from './keeper-thread.ts'
import type { TakeOver } from './messages.ts'
import { NodePort } from './node-threads.ts'

const { ready } = workerData as { readonly ready: Int32Array }

parentPort?.on('message', (message: TakeOver & { readonly ports: readonly MessagePort[] }) => {
  const [port] = message.ports
  if (port === undefined) throw new Error('the message has no port')
  takeOver(message, new NodePort(port), (directory) => nodeFileSystem(directory as string))
})
process.on('uncaughtExceptionMonitor', orphanAll)
process.on('exit', orphanAll)
Atomics.store(ready, 0, 1)
