import { VarveError } from '../errors.ts'
import type { LockName } from './lock-order.ts'
import type { LockThread } from './lock-thread.ts'

/** Looks at a taken lock before the thread goes to sleep: some microseconds, as long as the locks are mostly held. */
const SPINS = 100
/** Longest sleep. After it the thread looks at the poison word, and at the lock even if a wake-up went to a thread that died. */
export const SLICE_MS = 20
/** Longest that a thread which may not sleep tries: a small part of a frame. */
export const TRY_MS = 4

/** One acquisition that may have to wait: spins, then sleeps in slices. */
export class Wait {
  /** Whether the lock was taken when it was first looked at. */
  waited = false
  readonly #thread: LockThread
  readonly #name: LockName
  readonly #timeoutMs: number
  #startMs = 0
  #spins = 0

  /** `timeoutMs`: Infinity for no limit. */
  constructor(thread: LockThread, name: LockName, timeoutMs: number) {
    this.#thread = thread
    this.#name = name
    this.#timeoutMs = timeoutMs
  }

  /**
   * Returns when word `index` may no longer hold `seen`, and at times earlier: the caller looks again.
   * ORDER: who changes the word calls Atomics.notify after the store; Atomics.wait compares and falls asleep in one step.
   * @returns whether the thread slept
   * @throws POISONED, LOCK_TIMEOUT
   */
  pause(index: number, seen: number): boolean {
    const thread = this.#thread
    if (!this.waited) {
      this.waited = true
      this.#startMs = performance.now()
    }
    if (this.#spins++ < SPINS) return false
    if (thread.isPoisoned) throw poisoned()
    const waitedMs = performance.now() - this.#startMs
    const limitMs = thread.canBlock ? this.#timeoutMs : Math.min(this.#timeoutMs, TRY_MS)
    if (waitedMs >= limitMs) throw this.#timedOut(waitedMs)
    if (!thread.canBlock) return false
    Atomics.wait(thread.words, index, seen, Math.min(SLICE_MS, limitMs - waitedMs))
    thread.onSleep?.()
    return true
  }

  /** Microseconds since the first pause. */
  waitedMicroseconds(): number {
    return Math.round((performance.now() - this.#startMs) * 1000)
  }

  #timedOut(waitedMs: number): VarveError {
    return new VarveError(
      'LOCK_TIMEOUT',
      `The ${this.#name} lock was held by another thread for ${Math.round(waitedMs)} ms. Nothing was changed; try again.`,
    )
  }
}

export function poisoned(): VarveError {
  return new VarveError(
    'POISONED',
    'Another thread could not go on, and the database takes no more work. Close it and open it again.',
  )
}
