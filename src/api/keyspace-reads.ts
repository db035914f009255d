import type { Estimate } from '../engine/estimate.ts'
import type { RangeSpan } from '../engine/key-span.ts'
import { count, countSync } from './count.ts'
import { describe } from './encoding.ts'
import { flag, ownOptions } from './options.ts'
import {
  AsyncRange,
  BOUND_OPTIONS,
  rangeOptions,
  rangeSpan,
  signalOf,
  sliceRangeOptions,
  SyncRange,
  type RangeMode,
} from './range.ts'
import { hasKey, readSlice, readValue, valueLength } from './reads.ts'
import type { Slice } from './slice.ts'
import type {
  Accepted,
  BoundOptions,
  Decoded,
  DecodedRangeOptions,
  KeyEncoding,
  RangeOptions,
  ReadOptions,
  SliceRangeOptions,
  ValueEncoding,
} from './types.ts'
import type { View } from './view.ts'

/**
 * The reads that databases, keyspaces and snapshots share. Every one of them sees the state of one moment.
 * The asynchronous ones reject on any error; only a range throws at once for options that cannot be. The `Sync` twins do the same at once.
 */
export abstract class Reads<KE extends KeyEncoding, VE extends ValueEncoding> {
  /** @internal */
  protected readonly view: View

  /** @internal */
  protected constructor(view: View) {
    this.view = view
  }

  /** The seqno to read at when the call names no snapshot; 0: the latest. @internal */
  protected abstract ownSeqno(): number

  /** The seqno for a call with these options. @internal */
  protected abstract seqnoFor(snapshot: unknown): number

  /**
   * The value of a key, or undefined.
   * @throws TypeError, RangeError for a key that cannot be one; CLOSED, NOT_FOUND (dropped keyspace), CORRUPT, IO
   */
  getSync(key: Accepted<KE>, options?: ReadOptions): Decoded<VE> | undefined {
    const content = this.view.keys.encode(key, 'key')
    return readValue(this.view, content, this.#seqno(options)) as Decoded<VE> | undefined
  }

  /** See `getSync`. */
  get(key: Accepted<KE>, options?: ReadOptions): Promise<Decoded<VE> | undefined> {
    return attempt(() => this.getSync(key, options))
  }

  /**
   * The value of a key where it lies, not copied and not decoded: valid until the next call on the database or the end of the turn,
   * whichever comes first; see Slice. Undefined if there is none.
   */
  getSlice(key: Accepted<KE>, options?: ReadOptions): Slice | undefined {
    const content = this.view.keys.encode(key, 'key')
    return readSlice(this.view, content, this.#seqno(options))
  }

  /** The values of several keys at one moment, in the order of the keys; undefined where there is none. */
  getManySync(keys: readonly Accepted<KE>[], options?: ReadOptions): (Decoded<VE> | undefined)[] {
    if (!Array.isArray(keys)) throw new TypeError(`keys must be an array, not ${describe(keys)}`)
    const contents = keys.map((key, i) => this.view.keys.encode(key, `keys[${i}]`))
    const { engine } = this.view
    const seqno = this.#seqno(options)
    return engine.readingAt(seqno, (s) =>
      contents.map((content) => readValue(this.view, content, s) as Decoded<VE> | undefined),
    )
  }

  getMany(keys: readonly Accepted<KE>[], options?: ReadOptions): Promise<(Decoded<VE> | undefined)[]> {
    return attempt(() => this.getManySync(keys, options))
  }

  /** Whether a key is there. */
  hasSync(key: Accepted<KE>, options?: ReadOptions): boolean {
    const content = this.view.keys.encode(key, 'key')
    return hasKey(this.view, content, this.#seqno(options))
  }

  has(key: Accepted<KE>, options?: ReadOptions): Promise<boolean> {
    return attempt(() => this.hasSync(key, options))
  }

  /** Length in bytes of the value of a key as it is stored, which is not read for it; undefined if there is none. */
  sizeOfSync(key: Accepted<KE>, options?: ReadOptions): number | undefined {
    const content = this.view.keys.encode(key, 'key')
    return valueLength(this.view, content, this.#seqno(options))
  }

  sizeOf(key: Accepted<KE>, options?: ReadOptions): Promise<number | undefined> {
    return attempt(() => this.sizeOfSync(key, options))
  }

  /**
   * The entries of a range of keys as [key, value], in bytewise order of the keys.
   *
   * @example
   * for (const [key, value] of db.rangeSync({ gte: 'a', lt: 'b', limit: 10 })) …
   * // Nothing is copied or decoded: each entry is valid until the next one; see Slice.
   * for (const [key, value] of db.rangeSync({ prefix: 'a', slices: true })) total += value.length
   */
  rangeSync(options: SliceRangeOptions<Accepted<KE>>): SyncRange<[Slice, Slice]>
  rangeSync(options?: DecodedRangeOptions<Accepted<KE>>): SyncRange<[Decoded<KE>, Decoded<VE>]>
  rangeSync(options?: unknown): SyncRange<unknown> {
    return this.#syncRange('entries', options)
  }

  range(options: SliceRangeOptions<Accepted<KE>>): AsyncRange<[Slice, Slice]>
  range(options?: DecodedRangeOptions<Accepted<KE>>): AsyncRange<[Decoded<KE>, Decoded<VE>]>
  range(options?: unknown): AsyncRange<unknown> {
    return this.#asyncRange('entries', options)
  }

  keysSync(options: SliceRangeOptions<Accepted<KE>>): SyncRange<Slice>
  keysSync(options?: DecodedRangeOptions<Accepted<KE>>): SyncRange<Decoded<KE>>
  keysSync(options?: unknown): SyncRange<unknown> {
    return this.#syncRange('keys', options)
  }

  keys(options: SliceRangeOptions<Accepted<KE>>): AsyncRange<Slice>
  keys(options?: DecodedRangeOptions<Accepted<KE>>): AsyncRange<Decoded<KE>>
  keys(options?: unknown): AsyncRange<unknown> {
    return this.#asyncRange('keys', options)
  }

  valuesSync(options: SliceRangeOptions<Accepted<KE>>): SyncRange<Slice>
  valuesSync(options?: DecodedRangeOptions<Accepted<KE>>): SyncRange<Decoded<VE>>
  valuesSync(options?: unknown): SyncRange<unknown> {
    return this.#syncRange('values', options)
  }

  values(options: SliceRangeOptions<Accepted<KE>>): AsyncRange<Slice>
  values(options?: DecodedRangeOptions<Accepted<KE>>): AsyncRange<Decoded<VE>>
  values(options?: unknown): AsyncRange<unknown> {
    return this.#asyncRange('values', options)
  }

  /** The entry with the smallest key (of a range, if one is given), or undefined. */
  firstSync(options?: RangeOptions<Accepted<KE>>): [Decoded<KE>, Decoded<VE>] | undefined {
    return this.#edge(options, false)
  }

  first(options?: RangeOptions<Accepted<KE>>): Promise<[Decoded<KE>, Decoded<VE>] | undefined> {
    return attempt(() => this.firstSync(options))
  }

  /** The entry with the largest key (of a range, if one is given), or undefined. */
  lastSync(options?: RangeOptions<Accepted<KE>>): [Decoded<KE>, Decoded<VE>] | undefined {
    return this.#edge(options, true)
  }

  last(options?: RangeOptions<Accepted<KE>>): Promise<[Decoded<KE>, Decoded<VE>] | undefined> {
    return attempt(() => this.lastSync(options))
  }

  /** The exact number of entries (of a range, if one is given); it reads every key of them. */
  countSync(options?: RangeOptions<Accepted<KE>>): number {
    const { span, seqno } = this.#counting(options)
    return countSync(this.view, span, seqno)
  }

  /** The same in slices, so that others have their turns. */
  async count(options?: RangeOptions<Accepted<KE>>): Promise<number> {
    const { span, seqno, signal } = this.#counting(options)
    return count(this.view, span, seqno, signal)
  }

  /**
   * About how many entries there are (in a range, if one is given), without reading them: overwritten and deleted ones that are still stored
   * make it wrong, and the edges of a range by a block of each table.
   */
  approximateCountSync(options?: BoundOptions<Accepted<KE>>): number {
    return this.#estimate(options).entries
  }

  approximateCount(options?: BoundOptions<Accepted<KE>>): Promise<number> {
    return attempt(() => this.approximateCountSync(options))
  }

  /** About how many bytes of files the entries take (of a range, if one is given); what is in memory only counts nothing. */
  approximateSizeSync(options?: BoundOptions<Accepted<KE>>): number {
    return this.#estimate(options).bytes
  }

  approximateSize(options?: BoundOptions<Accepted<KE>>): Promise<number> {
    return attempt(() => this.approximateSizeSync(options))
  }

  #estimate(options: unknown): Estimate {
    const bag = ownOptions(options, BOUND_OPTIONS, 'the range')
    const { engine, tree, keys } = this.view
    const span = rangeSpan(bag, keys, 'keys')
    engine.assertReadable(tree)
    return engine.keeper.call('estimate', tree.id, span)
  }

  /** Whether there is no entry (in a range, if one is given). */
  isEmptySync(options?: RangeOptions<Accepted<KE>>): boolean {
    const { span, seqno } = this.#counting(options)
    return countSync(this.view, { ...span, limit: Math.min(span.limit, 1) }, seqno) === 0
  }

  isEmpty(options?: RangeOptions<Accepted<KE>>): Promise<boolean> {
    return attempt(() => this.isEmptySync(options))
  }

  #counting(options: unknown): { span: RangeSpan; seqno: number; signal: AbortSignal | undefined } {
    const bag = rangeOptions(options)
    return {
      span: rangeSpan(bag, this.view.keys, 'keys'),
      seqno: this.seqnoFor(bag['snapshot']),
      signal: signalOf(bag['signal']),
    }
  }

  /** The first or last entry of a range. */
  #edge(options: unknown, last: boolean): [Decoded<KE>, Decoded<VE>] | undefined {
    const bag = rangeOptions(options)
    const span = { ...rangeSpan(bag, this.view.keys, 'entries', 1), reverse: last }
    const range = new SyncRange<[Decoded<KE>, Decoded<VE>]>(
      this.view,
      span,
      'entries',
      this.seqnoFor(bag['snapshot']),
    )
    try {
      return range.next().value
    } finally {
      range.return()
    }
  }

  #syncRange<T>(mode: RangeMode, options: unknown): SyncRange<T> {
    const bag = sliceRangeOptions(options)
    const span = rangeSpan(bag, this.view.keys, mode)
    return new SyncRange<T>(this.view, span, mode, this.seqnoFor(bag['snapshot']), flag(bag, 'slices', false))
  }

  #asyncRange<T>(mode: RangeMode, options: unknown): AsyncRange<T> {
    const bag = sliceRangeOptions(options)
    const span = rangeSpan(bag, this.view.keys, mode)
    const signal = signalOf(bag['signal'])
    const seqno = this.seqnoFor(bag['snapshot'])
    return new AsyncRange<T>(this.view, span, mode, seqno, signal, flag(bag, 'slices', false))
  }

  #seqno(options: unknown): number {
    if (options === undefined) return this.ownSeqno()
    return this.seqnoFor(ownOptions(options, ['snapshot'], 'the read')['snapshot'])
  }
}

/** The result of a synchronous step as a promise. */
export function attempt<T>(step: () => T): Promise<T> {
  try {
    return Promise.resolve(step())
  } catch (error) {
    return Promise.reject(error)
  }
}
