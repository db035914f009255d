import { VarveError } from '../errors.ts'
import type { LockName } from './lock-order.ts'
import { addWait, readStatistics, type LockStatistics } from './lock-statistics.ts'
import type { LockThread } from './lock-thread.ts'
import { Mutex } from './mutex.ts'
import { addSlot, hasSlot, slotsAfter, takeSlot } from './slot-set.ts'
import { Wait } from './wait.ts'

// The words of an RwLock, all zero at first. Offset a multiple of 8.
//
//   0           4      8                16           32                     64
//   ├ i32 state ┼ zero ┼ u64 slots here ┼ statistics ┼ the writers' mutex
//
//   slots here: threads inside or waiting; set before the first and cleared after the last change of the state
//
//   state, changed by compare-and-exchange only (or by adding within a field):
//   bits 0–6 readers inside · 7–13 readers waiting · 14–20 writers waiting · 21–27 writer inside: slot index + 1 · 28 phase
const STATE = 0
const HERE = 8
const STATISTICS = 16
const WRITERS = 32
export const RW_LOCK_BYTES = 64

const READER = 1
const READERS = 127
const WAITING_READER = 1 << 7
const WAITING_READERS = READERS << 7
const WAITING_WRITER = 1 << 14
const WAITING_WRITERS = READERS << 14
const WRITER_SHIFT = 21
const WRITER = READERS << WRITER_SHIFT
const PHASE = 1 << 28

/**
 * Readers in parallel, or one writer. Writers wait for each other in a mutex of their own, so at most one writer meets the readers.
 *
 * INVARIANT: neither side starves.
 * - A waiting writer stops new readers: it waits for those inside, and for the writers that the mutex lets go first, each followed
 *   by the readers that were waiting when it left.
 * - A writer that leaves lets in all readers waiting at that moment, and turns the phase: a waiting reader that finds another
 *   phase than it came in is inside. So at most one writer enters while a reader waits. The phase cannot turn
 *   twice before the reader looks: the reader counts as inside already, and no writer enters.
 */
export class RwLock {
  readonly name: LockName
  readonly #thread: LockThread
  readonly #words: Int32Array
  readonly #offset: number
  /** Index of the state word. */
  readonly #state: number
  readonly #writers: Mutex

  /** The lock at `offset` of the thread's memory. Every thread that constructs it there has the same one. */
  constructor(thread: LockThread, offset: number, name: LockName) {
    this.#thread = thread
    this.#words = thread.words
    this.#offset = offset
    this.#state = (offset + STATE) >>> 2
    this.#writers = new Mutex(thread, offset + WRITERS, name)
    this.name = name
  }

  /** Index of the slot whose thread is inside as writer. */
  get writerSlot(): number | undefined {
    const mark = (Atomics.load(this.#words, this.#state) & WRITER) >>> WRITER_SHIFT
    return mark === 0 ? undefined : mark - 1
  }

  /** Slots whose threads are inside, waiting, or on their way: if one of them is dead, nobody can say what it left behind. */
  slots(): number[] {
    return [...slotsAfter(this.#words, this.#offset + HERE, -1)]
  }

  get statistics(): LockStatistics {
    return readStatistics(this.#words, this.#thread.longs, this.#offset + STATISTICS)
  }

  /** @throws LOCK_TIMEOUT, POISONED (of a waiting thread only) · Error if this thread is inside already, as reader or writer */
  acquireRead(timeoutMs: number = Infinity): void {
    this.#arrive()
    const words = this.#words
    for (;;) {
      const state = Atomics.load(words, this.#state)
      const isOpen = (state & (WRITER | WAITING_WRITERS)) === 0
      if (!this.#change(state, state + (isOpen ? READER : WAITING_READER))) continue
      if (!isOpen) this.#waitToRead(state & PHASE, timeoutMs)
      break
    }
    this.#thread.order?.acquired(this.name)
  }

  /** @throws Error if this thread is not inside as a reader */
  releaseRead(): void {
    if (!this.#isHere || this.writerSlot === this.#thread.slot) throw this.#notInside('reader')
    this.#thread.order?.released(this.name)
    this.#leaveReaders()
    this.#depart()
  }

  /** @throws LOCK_TIMEOUT, POISONED (of a waiting thread only) · Error if this thread is inside already, as reader or writer */
  acquireWrite(timeoutMs: number = Infinity): void {
    this.#arrive()
    // ORDER: announced before the writers' mutex, so that no reader comes in between one writer and the next but those let in by the first.
    Atomics.add(this.#words, this.#state, WAITING_WRITER)
    const wait = new Wait(this.#thread, this.name, timeoutMs)
    try {
      this.#writers.acquireWith(wait)
      this.#waitToWrite(wait)
    } catch (error) {
      const state = Atomics.sub(this.#words, this.#state, WAITING_WRITER) - WAITING_WRITER
      if ((state & WAITING_WRITERS) === 0 && (state & WAITING_READERS) !== 0) this.#wake()
      this.#depart()
      throw error
    } finally {
      this.#count(wait)
    }
    this.#thread.order?.acquired(this.name)
  }

  /** @throws Error if this thread is not inside as the writer */
  releaseWrite(): void {
    if (this.writerSlot !== this.#thread.slot) throw this.#notInside('writer')
    this.#thread.order?.released(this.name)
    for (;;) {
      const state = Atomics.load(this.#words, this.#state)
      const waiting = (state & WAITING_READERS) / WAITING_READER
      let next = state & ~(WRITER | WAITING_READERS)
      // NOTE: there are no readers inside while a writer is.
      if (waiting > 0) next = (next + waiting * READER) ^ PHASE
      if (!this.#change(state, next)) continue
      if (waiting > 0) this.#wake()
      break
    }
    this.#writers.handOn()
    this.#depart()
  }

  #waitToRead(phase: number, timeoutMs: number): void {
    const words = this.#words
    const wait = new Wait(this.#thread, this.name, timeoutMs)
    try {
      for (;;) {
        const state = Atomics.load(words, this.#state)
        if ((state & PHASE) !== phase) return
        if ((state & (WRITER | WAITING_WRITERS)) === 0) {
          // The writers have given up.
          if (this.#change(state, state - WAITING_READER + READER)) return
        } else {
          wait.pause(this.#state, state)
        }
      }
    } catch (error) {
      if (this.#stopWaitingToRead(phase)) {
        this.#depart()
        throw error
      }
      // Let in just now, after all.
      if (error instanceof VarveError && error.code === 'LOCK_TIMEOUT') return
      this.#leaveReaders()
      this.#depart()
      throw error
    } finally {
      this.#count(wait)
    }
  }

  /** @returns false if a writer has let this reader in */
  #stopWaitingToRead(phase: number): boolean {
    for (;;) {
      const state = Atomics.load(this.#words, this.#state)
      if ((state & PHASE) !== phase) return false
      if (this.#change(state, state - WAITING_READER)) return true
    }
  }

  /** Waits for the readers to leave. The writers' mutex is held, and given up in case of an error. */
  #waitToWrite(wait: Wait): void {
    const entering = (this.#thread.mark << WRITER_SHIFT) - WAITING_WRITER
    try {
      for (;;) {
        const state = Atomics.load(this.#words, this.#state)
        if ((state & READERS) !== 0) wait.pause(this.#state, state)
        else if (this.#change(state, state + entering)) return
      }
    } catch (error) {
      this.#writers.handOn()
      throw error
    }
  }

  #leaveReaders(): void {
    const state = Atomics.sub(this.#words, this.#state, READER) - READER
    if ((state & READERS) === 0 && (state & WAITING_WRITERS) !== 0) this.#wake()
  }

  #change(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, this.#state, from, to) === from
  }

  /** Wakes all that wait for the state: readers, and the writer that has the mutex. */
  #wake(): void {
    Atomics.notify(this.#words, this.#state)
  }

  get #isHere(): boolean {
    return hasSlot(this.#words, this.#offset + HERE, this.#thread.slot)
  }

  #arrive(): void {
    if (this.#isHere) throw new Error(`the ${this.name} lock is acquired twice by one thread`)
    this.#thread.order?.check(this.name)
    addSlot(this.#words, this.#offset + HERE, this.#thread.slot)
  }

  #depart(): void {
    takeSlot(this.#words, this.#offset + HERE, this.#thread.slot)
  }

  #count(wait: Wait): void {
    if (!wait.waited) return
    addWait(this.#words, this.#thread.longs, this.#offset + STATISTICS, wait.waitedMicroseconds())
  }

  #notInside(role: string): Error {
    return new Error(`the ${this.name} lock is released by a thread that is not inside as a ${role}`)
  }
}
