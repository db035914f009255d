// One of the threads of contention.mjs.
import { parentPort, workerData } from 'node:worker_threads'
import { BEGUN, READY } from './contention.mjs'
import { functionsOf } from './functions.mjs'

const { shared, words, run, thread, rounds } = workerData
const [name, cell, first, ...rest] = run
const { functions } = functionsOf(shared)
const times = []
for (let round = 1; round <= rounds; round++) {
  Atomics.add(words, READY, 1)
  Atomics.notify(words, READY)
  // NOTE: spins, so that all begin at once.
  while (Atomics.load(words, BEGUN) < round);
  const start = performance.now()
  functions[name](cell, first + thread, ...rest)
  times.push(performance.now() - start)
}
parentPort.postMessage({ times })
