import type { Engine } from '../engine/engine.ts'
import type { Lease } from '../engine/lease.ts'
import type { Borrower, RangeCursor } from '../engine/range-cursor.ts'
import { VarveError } from '../errors.ts'
import type { RangeMode } from './range.ts'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
/** A generation no lease is ever in. */
const NEVER = -1

/**
 * A key or value where it lies in the database's memory, not copied and not decoded. It is valid for a short time:
 *
 * - from a range (`slices: true`): until the next step of that iteration, its end or its `return()`. The objects are used again: one
 *   that was kept throws at the step after, and may show a later entry of the same iteration after that;
 * - from `getSlice`: until the next call on the database, of whatever kind, or the end of the turn, when work in the background may
 *   move it;
 * - from both: until `release()` or the end of the database.
 *
 * Afterwards every member but `release` throws STALE_SLICE. What is to be kept is copied: `copy()` or `toString()`.
 */
export class Slice {
  readonly #engine: Engine
  readonly #lease: Lease
  #generation = NEVER
  #pointer = 0
  #length = 0
  /** The bytes themselves if they do not lie in linear memory: a large value. */
  #own: Uint8Array | undefined
  #view: Uint8Array | undefined

  /** @internal */
  constructor(engine: Engine, lease: Lease) {
    this.#engine = engine
    this.#lease = lease
  }

  /** Shows what lies at [pointer, pointer + length) of linear memory, or `own`, as long as the lease stays as it is. @internal */
  show(pointer: number, length: number, own: Uint8Array | undefined): void {
    this.#pointer = pointer
    this.#length = length
    this.#own = own
    this.#view = undefined
    this.#generation = this.#lease.generation
  }

  /** Whether a view of linear memory was handed out that is valid still. @internal */
  get lent(): boolean {
    return this.#view !== undefined && this.#own === undefined && this.#generation === this.#lease.generation
  }

  /** Takes the bytes out of linear memory, where they are about to go. @internal */
  detach(): void {
    if (this.#generation !== this.#lease.generation || this.#own !== undefined) return
    this.#own = this.#engine.kernel.u8.slice(this.#pointer, this.#pointer + this.#length)
  }

  /** Number of bytes. @throws STALE_SLICE */
  get length(): number {
    this.#check()
    return this.#own === undefined ? this.#length : this.#own.byteLength
  }

  /**
   * The bytes where they lie: to be read at once and never written to. NOTE: nothing guards this view itself. Once the slice is
   * stale, other bytes may be there. @throws STALE_SLICE
   */
  get bytes(): Uint8Array {
    this.#check()
    if (this.#own !== undefined) return this.#own
    return (this.#view ??= this.#engine.kernel.u8.subarray(this.#pointer, this.#pointer + this.#length))
  }

  /** The bytes as UTF-8. @throws STALE_SLICE */
  toString(): string {
    this.#check()
    if (this.#own !== undefined) return decoder.decode(this.#own)
    return this.#engine.kernel.text.read(this.#pointer, this.#length)
  }

  /** A copy of the bytes that is the caller's own. @throws STALE_SLICE */
  copy(): Uint8Array {
    this.#check()
    if (this.#own !== undefined) return this.#own.slice()
    const copy = new Uint8Array(this.#length)
    copy.set(this.#engine.kernel.u8.subarray(this.#pointer, this.#pointer + this.#length))
    return copy
  }

  /** Ends the slice. Idempotent. */
  release(): void {
    this.#generation = NEVER
    this.#own = undefined
    this.#view = undefined
  }

  #check(): void {
    if (this.#generation !== this.#lease.generation || this.#engine.closed) throw stale()
  }
}

function stale(): VarveError {
  return new VarveError(
    'STALE_SLICE',
    'The slice is not valid any more, because something was read or written after it; use copy() for what you keep.',
  )
}

/** The slices of one iteration: two pairs in turn, so that those of the step before are stale and nothing is allocated. */
export class RangeSlices implements Borrower {
  readonly #cursor: RangeCursor
  readonly #even: [Slice, Slice]
  readonly #odd: [Slice, Slice]

  constructor(engine: Engine, cursor: RangeCursor) {
    this.#cursor = cursor
    cursor.borrower = this
    this.#even = [new Slice(engine, cursor), new Slice(engine, cursor)]
    this.#odd = [new Slice(engine, cursor), new Slice(engine, cursor)]
  }

  /** Slices of the cursor's entry; those of the one before are stale. */
  show(mode: RangeMode): Slice | [Slice, Slice] {
    const cursor = this.#cursor
    const pair = (++cursor.generation & 1) === 0 ? this.#even : this.#odd
    const [key, value] = pair
    if (mode !== 'values') key.show(cursor.keyPointer, cursor.keyLength, undefined)
    if (mode === 'keys') return key
    value.show(cursor.valuePointer, cursor.valueLength, cursor.large)
    return mode === 'values' ? value : pair
  }

  /** NOTE: a view that was handed out in this step must stay good, so its page stays until the next one. */
  detach(): boolean {
    const all = [...this.#even, ...this.#odd]
    if (all.some((slice) => slice.lent)) return false
    for (const slice of all) slice.detach()
    return true
  }
}
