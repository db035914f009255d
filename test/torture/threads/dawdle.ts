/** Where the engine's steps follow one another closely: sometimes the thread sleeps there, so that others come between. */

/** A thread sleeps no more than this share of its time, */
const SLEEP_SHARE = 0.35
/** and so often, if it may. */
const OFTEN = 0.15
const SHORTEST_MS = 0.03
/** Under a lock that others wait for; and where nobody waits, now and then long enough for a flush. */
const LONGEST_DAWDLING_MS = 3
const LONGEST_LINGERING_MS = 200

const DOZE_SHARE = 0.004
const DOZE_MS = 150

const word = new Int32Array(new SharedArrayBuffer(4))
const startMs = performance.now()
let sleptMs = 0

export function dawdle(): void {
  sleepSometimes(LONGEST_DAWDLING_MS)
}

export function linger(): void {
  sleepSometimes(LONGEST_LINGERING_MS)
}

/** Once in a while for as long as some flushes take, for bugs that need one to begin and to end meanwhile. */
export function doze(): void {
  if (Math.random() < DOZE_SHARE) Atomics.wait(word, 0, 0, DOZE_MS)
}

/** Most sleeps are short: of each length, however long, there are as many as of one twice as long. */
function sleepSometimes(longestMs: number): void {
  if (Math.random() > OFTEN) return
  const ms = SHORTEST_MS * (longestMs / SHORTEST_MS) ** Math.random()
  if (sleptMs + ms > (performance.now() - startMs) * SLEEP_SHARE) return
  sleptMs += ms
  Atomics.wait(word, 0, 0, ms)
}
