import type { LockThread } from './lock-thread.ts'
import type { Mutex } from './mutex.ts'
import { VarveError } from '../errors.ts'
import { poisoned, SLICE_MS } from './wait.ts'

// The words of a condition, all zero at first. Offset a multiple of 4.
//
//   ├ i32 sequence: moves with every notification ┼ i32 waiting threads
const SEQUENCE = 0
const WAITING = 4
export const CONDITION_BYTES = 8

/**
 * Waiting, with a mutex given up meanwhile, until another thread says that something changed. A thread may be woken without
 * cause, so it looks at what it waits for in a loop.
 */
export class Condition {
  readonly #thread: LockThread
  readonly #sequence: number
  readonly #waiting: number

  /** The condition at `offset` of the thread's memory. Every thread that constructs it there has the same one. */
  constructor(thread: LockThread, offset: number) {
    this.#thread = thread
    this.#sequence = (offset + SEQUENCE) >>> 2
    this.#waiting = (offset + WAITING) >>> 2
  }

  /**
   * Gives the mutex up, waits for a notification, takes the mutex again.
   * ORDER: the sequence is read under the mutex. Who changes what is waited for under the same mutex, and notifies then, is not missed.
   * @returns false after `timeoutMs` without a notification; the mutex is held in both cases
   * @throws POISONED, without the mutex · LOCK_TIMEOUT at once, with it, if the thread may not sleep · Error if it is not held
   */
  wait(mutex: Mutex, timeoutMs: number = Infinity): boolean {
    const { words, canBlock } = this.#thread
    if (!mutex.isHeld)
      throw new Error(`the ${mutex.name} lock is not held by the thread that waits for a condition`)
    if (!canBlock) {
      throw new VarveError(
        'LOCK_TIMEOUT',
        'This thread may not wait for another one. Use the asynchronous call.',
      )
    }
    const sequence = Atomics.load(words, this.#sequence)
    Atomics.add(words, this.#waiting, 1)
    mutex.release()
    let notified = false
    const endMs = performance.now() + timeoutMs
    try {
      while (!notified) {
        if (this.#thread.isPoisoned) throw poisoned()
        const leftMs = endMs - performance.now()
        if (leftMs > 0) Atomics.wait(words, this.#sequence, sequence, Math.min(SLICE_MS, leftMs))
        this.#thread.onSleep?.()
        notified = Atomics.load(words, this.#sequence) !== sequence
        if (leftMs <= 0) break
      }
    } finally {
      Atomics.sub(words, this.#waiting, 1)
    }
    mutex.acquire()
    return notified
  }

  /** Wakes at least one waiting thread, if there is one. */
  notifyOne(): void {
    this.#notify(1)
  }

  notifyAll(): void {
    this.#notify(Infinity)
  }

  #notify(count: number): void {
    const { words } = this.#thread
    Atomics.add(words, this.#sequence, 1)
    // ORDER: a thread counts itself before it gives the mutex up.
    if (Atomics.load(words, this.#waiting) !== 0) Atomics.notify(words, this.#sequence, count)
  }
}
