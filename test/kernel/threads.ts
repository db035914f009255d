/** Several instances of a kernel module on one memory, each on a thread of its own. */
import { Worker } from 'node:worker_threads'

const prologue = /* js */ `
  const { parentPort, workerData } = require('node:worker_threads')
  const { module, memory, thread, gate } = workerData
  const x = new WebAssembly.Instance(module, {
    env: { memory, abort(m, f, line, column) { throw new Error('assertion failed at line ' + line + ', column ' + column) } },
  }).exports
  let result
  // All threads start together.
  const count = new Int32Array(gate)
  Atomics.sub(count, 0, 1)
  while (Atomics.load(count, 0) > 0);
`

/**
 * Runs `body` (JavaScript source; sees x: the exports, memory, thread: 0, 1, …, data; leaves its answer in `result`) on every thread.
 * @returns the answers in thread order
 */
export async function runThreads<T>(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  threads: number,
  body: string,
  data: unknown = undefined,
): Promise<T[]> {
  const gate = new SharedArrayBuffer(4)
  new Int32Array(gate)[0] = threads
  const source = `${prologue}\nconst data = workerData.data\n${body}\nparentPort.postMessage(result)`
  const answers = Array.from(
    { length: threads },
    (_, thread) =>
      new Promise<T>((resolve, reject) => {
        const worker = new Worker(source, { eval: true, workerData: { module, memory, thread, gate, data } })
        worker.once('message', resolve)
        worker.once('error', reject)
        worker.once('exit', (code) => {
          if (code !== 0) reject(new Error(`thread ${thread} ended with code ${code}`))
        })
      }),
  )
  return Promise.all(answers)
}
