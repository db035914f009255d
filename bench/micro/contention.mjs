import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { median } from '../measure.mjs'

const WARM_ROUNDS = 10
const ROUNDS = 40
/** Words that threads and their parent share: threads that are ready for a round; rounds that may begin. */
export const READY = 0
export const BEGUN = 1

/** Threads that run the same at once, each with seqnos of its own: the milliseconds of the slowest, median of the rounds; the result at the end. */
export async function contendedMs(shared, { before, run, threads, call }) {
  const words = new Int32Array(new SharedArrayBuffer(8))
  const workers = Array.from(
    { length: threads },
    (_, thread) =>
      new Worker(new URL('./contender.mjs', import.meta.url), {
        workerData: { shared, words, run, thread, rounds: WARM_ROUNDS + ROUNDS },
      }),
  )
  const done = Promise.all(workers.map((worker) => once(worker, 'message')))
  for (let round = 1; round <= WARM_ROUNDS + ROUNDS; round++) {
    for (let ready; (ready = Atomics.load(words, READY)) < round * threads;) Atomics.wait(words, READY, ready)
    call(before)
    Atomics.store(words, BEGUN, round)
  }
  const each = (await done).map(([{ times }]) => times)
  const slowest = each[0].map((_, round) => Math.max(...each.map((times) => times[round])))
  const [name, cell, first, step] = run
  return { ms: median(slowest.slice(WARM_ROUNDS)), result: call([name, cell, first, step, 0]) }
}
