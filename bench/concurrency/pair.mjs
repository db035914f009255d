import { Worker } from 'node:worker_threads'
import { measured } from './machine.mjs'

/** Words of a pair's gate. */
export const GATE = { ready: 0, go: 1, stop: 2 }

/**
 * Has worker threads run `file` for a while at the same time. Each says that it is ready, waits for the start, goes on until the end, and posts what it did.
 * @returns what they posted
 */
export async function together(file, workers, milliseconds) {
  const gate = new Int32Array(new SharedArrayBuffer(12))
  const threads = workers.map((data) => new Worker(file, { workerData: { ...data, gate } }))
  const results = threads.map(
    (thread) =>
      new Promise((resolve, reject) => {
        thread.once('message', resolve)
        thread.once('error', reject)
      }),
  )
  while (Atomics.load(gate, GATE.ready) < threads.length) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 5)), ...results])
  }
  return measured(async () => {
    Atomics.store(gate, GATE.go, 1)
    Atomics.notify(gate, GATE.go)
    setTimeout(() => Atomics.store(gate, GATE.stop, 1), milliseconds)
    return Promise.all(results)
  })
}

/**
 * Has one worker thread run `file` beside this thread, which takes `step`. It is told to stop when that ends.
 * @returns what the step returned, and what the worker posted
 */
export async function beside(file, data, transferList, step) {
  const gate = new Int32Array(new SharedArrayBuffer(12))
  const thread = new Worker(file, { workerData: { ...data, gate }, transferList })
  const posted = new Promise((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
  })
  while (Atomics.load(gate, GATE.ready) === 0) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 5)), posted])
  }
  return measured(async () => {
    Atomics.store(gate, GATE.go, 1)
    Atomics.notify(gate, GATE.go)
    const own = await step()
    Atomics.store(gate, GATE.stop, 1)
    return [own, await posted]
  })
}

/** In a worker: returns when all are to start. */
export function start(gate) {
  Atomics.add(gate, GATE.ready, 1)
  Atomics.wait(gate, GATE.go, 0)
}

export function isOver(gate) {
  return Atomics.load(gate, GATE.stop) !== 0
}
