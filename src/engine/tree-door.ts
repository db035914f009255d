import {
  MEMTABLE_GAP,
  SUPERVERSION_ACTIVE,
  SUPERVERSION_MEMTABLES,
  SUPERVERSION_OLDER,
  SUPERVERSION_SEQNO,
  TREE_GAP,
  TREE_MARK,
  TREE_SUPERVERSION,
} from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { createGap, Gap } from './gap.ts'

/** A keyspace as its record in linear memory is found. */
export interface TreeIdentity {
  readonly id: number
  readonly name: string
  /** Address of its tree record. */
  readonly record: number
  readonly keyEncoding: string | undefined
  readonly valueEncoding: string | undefined
}

/**
 * One thread's door to a keyspace: what a read or a write needs of it, found in linear memory, so that it is the same on every thread.
 */
export class TreeDoor {
  readonly id: number
  readonly name: string
  readonly record: number
  readonly keyEncoding: string | undefined
  readonly valueEncoding: string | undefined
  /** Lists of this one and its id alone. NOTE: made once, so that a single write makes none. */
  readonly alone: readonly TreeDoor[] = [this]
  readonly aloneIds: readonly number[]
  readonly #kernel: Kernel
  #gap: Gap | undefined

  constructor(kernel: Kernel, { id, name, record, keyEncoding, valueEncoding }: TreeIdentity) {
    this.#kernel = kernel
    this.id = id
    this.aloneIds = [id]
    this.name = name
    this.record = record
    this.keyEncoding = keyEncoding
    this.valueEncoding = valueEncoding
  }

  get identity(): TreeIdentity {
    const { id, name, record, keyEncoding, valueEncoding } = this
    return { id, name, record, keyEncoding, valueEncoding }
  }

  /** Whether the keyspace is gone: its record is nobody's, or another one's. */
  get dropped(): boolean {
    return Atomics.load(this.#kernel.words, (this.record + TREE_MARK) >>> 2) !== this.id + 1
  }

  /**
   * Address of the SuperVersion for a read at S = `seqno`: the newest one with a smaller seqno; 0: the latest one.
   * INVARIANT: on several threads, between enterRead and leaveRead; S is registered, or not below the dropBarrier, or 0.
   * ORDER: pairs with the store of Tree.#publish: what the pointer leads to is there. The mark is looked at behind it: Tree.free takes the mark away before the pointer, and
   * Tree.plant brings it after the pointer, so under our mark the pointer was ours.
   * @throws NOT_FOUND if the keyspace was dropped
   */
  superVersionAt(seqno: number): number {
    const { words, view } = this.#kernel
    let superVersion = Atomics.load(words, (this.record + TREE_SUPERVERSION) >>> 2) >>> 0
    if (this.dropped) throw dropped()
    if (seqno === 0) return superVersion
    while (view.getFloat64(superVersion + SUPERVERSION_SEQNO, true) >= seqno) {
      superVersion = Atomics.load(words, (superVersion + SUPERVERSION_OLDER) >>> 2) >>> 0
      if (superVersion === 0) throw new Error(`no SuperVersion is left for seqno ${seqno}`)
    }
    return superVersion
  }

  /** Address of the memtable that takes writes, 0 if there is none. INVARIANT: on several threads, under the journal lock. */
  get active(): number {
    const superVersion = this.#word(this.record + TREE_SUPERVERSION)
    return this.#word(superVersion + SUPERVERSION_ACTIVE) === 0
      ? 0
      : this.#word(superVersion + SUPERVERSION_MEMTABLES)
  }

  /** The gap, if there is one. */
  get gap(): Gap | undefined {
    const pointer = this.#word(this.record + TREE_GAP)
    if (pointer === 0) return undefined
    return this.#gap?.pointer === pointer ? this.#gap : (this.#gap = new Gap(this.#kernel, pointer))
  }

  /** The gap, made now if there is none and there is memory for it. INVARIANT: on several threads, under the journal lock. */
  openGap(): Gap | undefined {
    const { words, u32 } = this.#kernel
    if (this.#word(this.record + TREE_GAP) === 0) {
      const made = createGap(this.#kernel)
      if (made === 0) return undefined
      Atomics.store(words, (this.record + TREE_GAP) >>> 2, made)
      const { active } = this
      if (active !== 0) u32[(active + MEMTABLE_GAP) >>> 2] = made
    }
    return this.gap
  }

  #word(address: number): number {
    return this.#kernel.u32[address >>> 2] as number
  }
}

export function dropped(): VarveError {
  return new VarveError('NOT_FOUND', 'The keyspace was dropped; create it again with keyspace().')
}
