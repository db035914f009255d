import { VarveError } from '../errors.ts'
import type { LockName } from './lock-order.ts'
import { addWait, readStatistics, type LockStatistics } from './lock-statistics.ts'
import type { LockThread } from './lock-thread.ts'
import { addSlot, isEmptySet, slotsAfter, takeSlot } from './slot-set.ts'
import { poisoned, SLICE_MS, Wait } from './wait.ts'

// The words of a mutex, all zero at first. Offset a multiple of 8.
//
//   0          4             8                     16                          32
//   ├ i32 owner ┼ i32 sleepers ┼ u64 starving slots ┼ statistics (lock-statistics.ts)
//
//   owner: 0 when free, else slot index + 1
//   sleepers: threads that wait or are about to
//   starving: threads that slept and then lost the lock to another; they are handed it
const OWNER = 0
const SLEEPERS = 4
const STARVING = 8
const STATISTICS = 16
export const MUTEX_BYTES = 32

/**
 * A lock for one thread at a time. Whoever comes while it is free takes it, sleepers or not; but a thread that slept and did not
 * find it free then is starving, and while there are starving threads every release hands the lock to the next of them in slot order.
 *
 * INVARIANT: a waiting thread starves after at most one slice of sleep. A starving one has the lock after at most SLOT_COUNT - 1
 * other owners: one that slips in by a release begun before, and then each release brings the owner nearer to its slot.
 */
export class Mutex {
  readonly name: LockName
  readonly #thread: LockThread
  readonly #words: Int32Array
  readonly #offset: number
  /** Index of the owner word. */
  readonly #owner: number

  /** The mutex at `offset` of the thread's memory. Every thread that constructs it there has the same one. */
  constructor(thread: LockThread, offset: number, name: LockName) {
    this.#thread = thread
    this.#words = thread.words
    this.#offset = offset
    this.#owner = (offset + OWNER) >>> 2
    this.name = name
  }

  /** Index of the slot whose thread holds it. */
  get ownerSlot(): number | undefined {
    const mark = Atomics.load(this.#words, this.#owner)
    return mark === 0 ? undefined : mark - 1
  }

  get isHeld(): boolean {
    return Atomics.load(this.#words, this.#owner) === this.#thread.mark
  }

  get statistics(): LockStatistics {
    return readStatistics(this.#words, this.#thread.longs, this.#offset + STATISTICS)
  }

  /**
   * ORDER: what the previous owner wrote before its release is seen.
   * @throws LOCK_TIMEOUT, POISONED (of a waiting thread only) · Error if this thread holds it
   */
  acquire(timeoutMs: number = Infinity): void {
    const { order } = this.#thread
    if (order === undefined) {
      if (!this.#take()) this.#acquireSlowly(timeoutMs)
      return
    }
    this.#refuseOwner()
    order.check(this.name)
    if (!this.#take()) this.#acquireSlowly(timeoutMs)
    order.acquired(this.name)
  }

  /** Takes it if it is free. */
  tryAcquire(): boolean {
    this.#refuseOwner()
    this.#thread.order?.check(this.name)
    if (!this.#take()) return false
    this.#thread.order?.acquired(this.name)
    return true
  }

  /**
   * The part of `acquire` behind the lock order, for locks made of this one.
   * INVARIANT: the caller does not hold it.
   */
  acquireWith(wait: Wait): void {
    if (!this.#take()) this.#wait(wait)
  }

  /** The part of `release` behind the lock order. INVARIANT: the caller holds it. */
  handOn(): void {
    const words = this.#words
    // ORDER: a thread puts itself among the starving before it looks at the owner word again. One that is not seen here sees the 0
    // stored below, or is woken.
    if (!isEmptySet(words, this.#offset + STARVING)) {
      for (const slot of slotsAfter(words, this.#offset + STARVING, this.#thread.slot)) {
        // NOTE: one that gives up in this moment takes itself out, and is no heir.
        if (!takeSlot(words, this.#offset + STARVING, slot)) continue
        Atomics.store(words, this.#owner, slot + 1)
        // NOTE: all are woken, because which sleeper is the heir cannot be said to notify.
        Atomics.notify(words, this.#owner)
        return
      }
    }
    Atomics.store(words, this.#owner, 0)
    // ORDER: a sleeper counts itself before it looks at the owner word.
    if (Atomics.load(words, (this.#offset + SLEEPERS) >>> 2) !== 0) Atomics.notify(words, this.#owner, 1)
  }

  /** @throws Error if this thread does not hold it; in a poisoned database a Condition may have lost it, and nothing happens */
  release(): void {
    if (!this.isHeld) {
      if (this.#thread.isPoisoned) return
      throw new Error(`the ${this.name} lock is released by a thread that does not hold it`)
    }
    this.#thread.order?.released(this.name)
    this.handOn()
  }

  /**
   * A thread that has ended waits no more. @returns false if it was handed the lock: nobody gets it any more
   * NOTE: who releases it just now may have chosen that thread before; when the lock was had once afterwards, he has not.
   */
  forget(slot: number): boolean {
    takeSlot(this.#words, this.#offset + STARVING, slot)
    while (this.ownerSlot !== slot) {
      try {
        this.acquire(SLICE_MS)
      } catch (error) {
        if (error instanceof VarveError && error.code === 'LOCK_TIMEOUT') continue
        throw error
      }
      this.release()
      return true
    }
    return false
  }

  #take(): boolean {
    return Atomics.compareExchange(this.#words, this.#owner, 0, this.#thread.mark) === 0
  }

  #refuseOwner(): void {
    if (!this.isHeld) return
    // NOTE: one that gave up because of poison may have been handed it all the same.
    if (this.#thread.isPoisoned) throw poisoned()
    throw new Error(`the ${this.name} lock is acquired twice by one thread`)
  }

  #acquireSlowly(timeoutMs: number): void {
    this.#refuseOwner()
    const wait = new Wait(this.#thread, this.name, timeoutMs)
    try {
      this.#wait(wait)
    } finally {
      addWait(
        this.#words,
        this.#thread.longs,
        this.#offset + STATISTICS,
        wait.waited ? wait.waitedMicroseconds() : 0,
      )
    }
  }

  #wait(wait: Wait): void {
    const words = this.#words
    const { mark, slot } = this.#thread
    const starving = this.#offset + STARVING
    let isStarving = false
    Atomics.add(words, (this.#offset + SLEEPERS) >>> 2, 1)
    try {
      for (;;) {
        const owner = Atomics.load(words, this.#owner)
        if (owner === mark) return
        if (owner === 0) {
          if (!this.#take()) continue
          if (isStarving) takeSlot(words, starving, slot)
          return
        }
        if (wait.pause(this.#owner, owner) && !isStarving) isStarving = addSlot(words, starving, slot)
      }
    } catch (error) {
      if (!isStarving || takeSlot(words, starving, slot)) throw error
      this.#receive(error)
    } finally {
      Atomics.sub(words, (this.#offset + SLEEPERS) >>> 2, 1)
    }
  }

  /** Another thread is just handing the lock over to this one, which had given up with `error`. */
  #receive(error: unknown): void {
    while (!this.isHeld) if (this.#thread.isPoisoned) throw poisoned()
    if (!(error instanceof VarveError) || error.code !== 'LOCK_TIMEOUT') {
      this.handOn()
      throw error
    }
  }
}
