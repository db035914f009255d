import { CONTROL_POISON, SLOT_COUNT } from '../../assembly/memory/layout.ts'
import type { LockOrder } from './lock-order.ts'

/** What the locks need to know of the thread that uses them: one object per thread and memory. */
export class LockThread {
  readonly words: Int32Array
  readonly longs: BigInt64Array
  /** What lock words hold for this thread: its slot's index + 1. */
  readonly mark: number
  /** Whether it may sleep; false for a browser's page. */
  readonly canBlock: boolean
  readonly order: LockOrder | undefined
  /** Called after each slice of sleep, if it is there. May poison. */
  onSleep: (() => void) | undefined

  /** `slot`: index of the thread's slot. INVARIANT: no two live threads of a memory have the same one. */
  constructor(words: Int32Array, slot: number, canBlock = true, order?: LockOrder) {
    // NOTE: a memory that is not shared has one thread, which never waits.
    if (words.byteOffset !== 0) throw new TypeError('words must lie over the whole memory')
    if (!Number.isInteger(slot) || slot < 0 || slot >= SLOT_COUNT) {
      throw new RangeError(`slot must be an integer from 0 to ${SLOT_COUNT - 1}`)
    }
    this.words = words
    this.longs = new BigInt64Array(words.buffer)
    this.mark = slot + 1
    this.canBlock = canBlock
    this.order = order
  }

  get slot(): number {
    return this.mark - 1
  }

  get isPoisoned(): boolean {
    return Atomics.load(this.words, CONTROL_POISON >>> 2) !== 0
  }
}
