/** Locks on several threads: workers that construct them from the same memory and the bundled sources. */
import { Worker } from 'node:worker_threads'
import { buildSync } from 'esbuild'
import { LockThread } from '../../src/sync/lock-thread.ts'
import type { LockOrder } from '../../src/sync/lock-order.ts'

const MEMORY_BYTES = 524288
/** Where tests keep their locks and their data. */
export const LOCK = 65536
export const CONDITION: number = LOCK + 128
export const DATA: number = LOCK + 256

const sources = [
  'sync/lock-thread',
  'sync/lock-order',
  'sync/mutex',
  'sync/rw-lock',
  'sync/condition',
  'version/snapshot-registry',
]

let bundle: string | undefined

function bundled(): string {
  bundle ??= buildSync({
    stdin: {
      contents: sources.map((name) => `export * from './src/${name}.ts'`).join('\n'),
      resolveDir: process.cwd(),
    },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'sync',
    target: 'es2022',
  }).outputFiles[0]?.text
  return bundle as string
}

const prologue = /* js */ `
  const { parentPort, workerData } = require('node:worker_threads')
  const { words, thread, gate, data, at } = workerData
  const { LOCK, CONDITION, DATA } = at
  const count = new Int32Array(gate)
  const codeOf = (action) => { try { action(); return 'done' } catch (error) { return error.code ?? error.message } }
  const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  const me = new sync.LockThread(words, thread)
  const mutex = new sync.Mutex(me, LOCK, 'journal')
  const lock = new sync.RwLock(me, LOCK, 'versionHistory')
  const condition = new sync.Condition(me, CONDITION)
  let result
  // All threads start together.
  Atomics.sub(count, 0, 1)
  while (Atomics.load(count, 0) > 0);
`

export function sharedWords(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(MEMORY_BYTES))
}

export function lockThread(words: Int32Array, slot: number, order?: LockOrder): LockThread {
  return new LockThread(words, slot, true, order)
}

/**
 * Runs `body` (JavaScript source; sees words, thread: 0, 1, …, me, mutex and lock at LOCK, condition, codeOf, sleep, data; leaves its
 * answer in `result`) on every thread, in the slots from 0 on.
 * @returns the answers in thread order
 */
export async function runLockThreads<T>(
  words: Int32Array,
  threads: number,
  body: string,
  data: unknown = undefined,
): Promise<T[]> {
  const gate = new SharedArrayBuffer(4)
  new Int32Array(gate)[0] = threads
  const source = `${bundled()}\n${prologue}\n${body}\nparentPort.postMessage(result)`
  return Promise.all(
    Array.from({ length: threads }, (_, thread) => {
      const worker = new Worker(source, {
        eval: true,
        workerData: { words, thread, gate, data, at: { LOCK, CONDITION, DATA } },
      })
      return new Promise<T>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
        worker.once('exit', () => reject(new Error(`thread ${thread} ended without an answer`)))
      })
    }),
  )
}
