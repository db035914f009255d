import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { Worker, type Transferable } from 'node:worker_threads'
import type { SharedDatabase } from '../../src/api/exports.ts'

/** A thread that attaches to a shared database and runs a script there. */
export interface Guest {
  readonly worker: Worker
  /** The next message of the script. */
  next(): Promise<unknown>
  /** The next message, after this one was sent. */
  ask(message: unknown): Promise<unknown>
  /** Resolves with the exit code. */
  readonly ended: Promise<number>
}

/**
 * `script`: the body of an async function with `db`, `attach`, `handle`, `say(message)`, `heard(): Promise<message>`, `words` (the memory) and `slot`.
 * NOTE: it is the built library that runs there; a test is compiled on its own thread only.
 */
export function startGuest(handle: SharedDatabase, script: string, attaches = true): Guest {
  const worker = new Worker(
    `const { workerData: { handle }, parentPort } = require('node:worker_threads')
     const { once } = require('node:events')
     const say = (message) => parentPort.postMessage(message)
     const heard = async () => (await once(parentPort, 'message'))[0]
     const slot = handle.slot
     const words = new Int32Array(handle.memory.buffer)
     import(${JSON.stringify(pathToFileURL('dist/index.js').href)}).then(async ({ open, attach }) => {
       const db = ${attaches ? 'attach(handle)' : 'undefined'}
       ${script}
     }).catch((error) => say({ failed: String(error?.stack ?? error) })).finally(() => parentPort.unref())`,
    { eval: true, workerData: { handle }, transferList: [...handle.transfer] as Transferable[] },
  )
  const messages: unknown[] = []
  let wake = (): void => {}
  worker.on('message', (message: unknown) => {
    messages.push(message)
    wake()
  })
  const next = async (): Promise<unknown> => {
    while (messages.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    const message = messages.shift()
    const { failed } = (typeof message === 'object' && message !== null ? message : {}) as { failed?: string }
    if (failed !== undefined) throw new Error(`the guest failed: ${failed}`)
    return message
  }
  return {
    worker,
    next,
    ask: (message) => {
      worker.postMessage(message)
      return next()
    },
    ended: once(worker, 'exit').then(([code]) => code as number),
  }
}
