import {
  GAP_BYTES,
  GAP_FROM,
  GAP_FROM_LENGTH,
  GAP_KEY_MAX_BYTES,
  GAP_KNOWN,
  GAP_SEQNO,
  GAP_TO,
  GAP_TO_LENGTH,
  NO_LENGTH,
} from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { compareKeys } from '../bytes.ts'

const FIRST_KEY = new Uint8Array(0)

/** Memory for a gap that covers nothing; 0 if there is none. */
export function createGap(kernel: Kernel): number {
  return kernel.exports.allocateRecord(GAP_BYTES) >>> 0
}

export function freeGap(kernel: Kernel, pointer: number): void {
  kernel.exports.freeRecord(pointer, GAP_BYTES)
}

/**
 * A keyspace's gap: keys between which nothing is left but deleted entries, so that the ranges that begin there need not pass over them one by one, as the head of a
 * queue would have to. Found by a range, kept right by the kernel (assembly/memtable/gap.ts).
 */
export class Gap {
  readonly pointer: number
  readonly #kernel: Kernel

  /** The one at `pointer`. */
  constructor(kernel: Kernel, pointer: number) {
    this.#kernel = kernel
    this.pointer = pointer
  }

  /** Whether there is one. NOTE: if the memory is shared, without the journal lock it is a guess. */
  get isKnown(): boolean {
    return this.#word(GAP_KNOWN) !== 0
  }

  /**
   * Where a range that would begin at `start` (undefined: the first key) and read at `seqno` may begin instead: an address and a length, NO_LENGTH if
   * it finds nothing; undefined: where it would.
   */
  behind(start: Uint8Array | undefined, seqno: number): { key: number; length: number } | undefined {
    const { view } = this.#kernel
    if (!this.#covers(start ?? FIRST_KEY) || seqno < view.getFloat64(this.pointer + GAP_SEQNO, true))
      return undefined
    return { key: this.pointer + GAP_TO, length: this.#word(GAP_TO_LENGTH) }
  }

  /**
   * A range that began at `start` and read at `seqno`, which is what is visible now, found nothing before `end` (undefined: nothing at all). It may have begun behind
   * the gap that there was.
   */
  found(start: Uint8Array | undefined, end: Uint8Array | undefined, seqno: number): void {
    const { u8, u32, view } = this.#kernel
    const at = this.pointer >>> 2
    const from = start ?? FIRST_KEY
    if (from.byteLength > GAP_KEY_MAX_BYTES || (end?.byteLength ?? 0) > GAP_KEY_MAX_BYTES) return
    if (!this.#covers(from)) {
      u8.set(from, this.pointer + GAP_FROM)
      u32[at + (GAP_FROM_LENGTH >>> 2)] = from.byteLength
    }
    if (end !== undefined) u8.set(end, this.pointer + GAP_TO)
    u32[at + (GAP_TO_LENGTH >>> 2)] = end === undefined ? NO_LENGTH : end.byteLength
    view.setFloat64(this.pointer + GAP_SEQNO, seqno, true)
    u32[at + (GAP_KNOWN >>> 2)] = 1
  }

  /** What was hidden may be seen again. */
  forget(): void {
    this.#kernel.u32[(this.pointer + GAP_KNOWN) >>> 2] = 0
  }

  /** Whether a key lies in the gap, or right behind it. */
  #covers(key: Uint8Array): boolean {
    if (!this.isKnown) return false
    const { u8 } = this.#kernel
    const from = this.pointer + GAP_FROM
    if (compareKeys(key, u8.subarray(from, from + this.#word(GAP_FROM_LENGTH))) < 0) return false
    const length = this.#word(GAP_TO_LENGTH)
    const to = this.pointer + GAP_TO
    return length === NO_LENGTH || compareKeys(key, u8.subarray(to, to + length)) <= 0
  }

  #word(offset: number): number {
    return this.#kernel.u32[(this.pointer + offset) >>> 2] as number
  }
}
