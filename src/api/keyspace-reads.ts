import type { Estimate } from '../engine/estimate.ts'
import type { RangeSpan } from '../engine/key-span.ts'
import type { Content } from '../engine/record.ts'
import { readKeyAsync, readValueAsync, readValuesAsync } from './async-reads.ts'
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

interface RangeRequest {
  readonly span: RangeSpan
  readonly seqno: number
  readonly signal: AbortSignal | undefined
}

/**
 * The reads that databases, keyspaces and snapshots share. Every one of them sees the state of one moment, that of the call.
 * The asynchronous ones reject on any error; only a range throws at once for options that cannot be. What is in memory they answer at once; where a file must be
 * read first, the thread does other things meanwhile. The `Sync` twins do the same at once, and wait for the file.
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
    return attempt(() => this.getSoon(key, options) as Decoded<VE> | undefined)
  }

  /** The same, at once if all that it needs is in memory. @throws at once, too @internal */
  getSoon(
    key: Accepted<KE>,
    options?: ReadOptions,
  ): Decoded<VE> | undefined | Promise<Decoded<VE> | undefined> {
    const content = this.view.keys.encode(key, 'key')
    return readValueAsync(this.view, content, this.#seqno(options)) as Decoded<VE> | undefined
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
    const contents = this.#encodeKeys(keys)
    const { engine } = this.view
    const seqno = this.#seqno(options)
    return engine.readingAt(seqno, (s) =>
      contents.map((content) => readValue(this.view, content, s) as Decoded<VE> | undefined),
    )
  }

  getMany(keys: readonly Accepted<KE>[], options?: ReadOptions): Promise<(Decoded<VE> | undefined)[]> {
    return attempt(() => this.getManySoon(keys, options) as (Decoded<VE> | undefined)[])
  }

  /** As getSoon. @internal */
  getManySoon(
    keys: readonly Accepted<KE>[],
    options?: ReadOptions,
  ): (Decoded<VE> | undefined)[] | Promise<(Decoded<VE> | undefined)[]> {
    const contents = this.#encodeKeys(keys)
    return readValuesAsync(this.view, contents, this.#seqno(options)) as (Decoded<VE> | undefined)[]
  }

  #encodeKeys(keys: readonly Accepted<KE>[]): Content[] {
    if (!Array.isArray(keys)) throw new TypeError(`keys must be an array, not ${describe(keys)}`)
    return keys.map((key, i) => this.view.keys.encode(key, `keys[${i}]`))
  }

  /** Whether a key is there. */
  hasSync(key: Accepted<KE>, options?: ReadOptions): boolean {
    const content = this.view.keys.encode(key, 'key')
    return hasKey(this.view, content, this.#seqno(options))
  }

  has(key: Accepted<KE>, options?: ReadOptions): Promise<boolean> {
    return attempt(() => this.hasSoon(key, options))
  }

  /** As getSoon. @internal */
  hasSoon(key: Accepted<KE>, options?: ReadOptions): boolean | Promise<boolean> {
    const content = this.view.keys.encode(key, 'key')
    return readKeyAsync(this.view, content, this.#seqno(options), hasKey)
  }

  /** Length in bytes of the value of a key as it is stored, which is not read for it; undefined if there is none. */
  sizeOfSync(key: Accepted<KE>, options?: ReadOptions): number | undefined {
    const content = this.view.keys.encode(key, 'key')
    return valueLength(this.view, content, this.#seqno(options))
  }

  sizeOf(key: Accepted<KE>, options?: ReadOptions): Promise<number | undefined> {
    return attempt(() => {
      const content = this.view.keys.encode(key, 'key')
      return readKeyAsync(this.view, content, this.#seqno(options), valueLength)
    })
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
    return this.#edgeSync(options, false)
  }

  first(options?: RangeOptions<Accepted<KE>>): Promise<[Decoded<KE>, Decoded<VE>] | undefined> {
    return this.#edge(options, false)
  }

  /** The entry with the largest key (of a range, if one is given), or undefined. */
  lastSync(options?: RangeOptions<Accepted<KE>>): [Decoded<KE>, Decoded<VE>] | undefined {
    return this.#edgeSync(options, true)
  }

  last(options?: RangeOptions<Accepted<KE>>): Promise<[Decoded<KE>, Decoded<VE>] | undefined> {
    return this.#edge(options, true)
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
    return attempt(() => this.#estimateAsync(options).then(({ entries }) => entries))
  }

  /** About how many bytes of files the entries take (of a range, if one is given); what is in memory only counts nothing. */
  approximateSizeSync(options?: BoundOptions<Accepted<KE>>): number {
    return this.#estimate(options).bytes
  }

  approximateSize(options?: BoundOptions<Accepted<KE>>): Promise<number> {
    return attempt(() => this.#estimateAsync(options).then(({ bytes }) => bytes))
  }

  #estimate(options: unknown): Estimate {
    const { engine, tree } = this.view
    return engine.keeper.call('estimate', tree.id, this.#estimated(options))
  }

  #estimateAsync(options: unknown): Promise<Estimate> {
    const { engine, tree } = this.view
    return engine.keeper.ask('estimate', tree.id, this.#estimated(options))
  }

  #estimated(options: unknown): RangeSpan {
    const bag = ownOptions(options, BOUND_OPTIONS, 'the range')
    const { engine, tree, keys } = this.view
    const span = rangeSpan(bag, keys, 'keys')
    engine.assertReadable(tree)
    return span
  }

  /** Whether there is no entry (in a range, if one is given). */
  isEmptySync(options?: RangeOptions<Accepted<KE>>): boolean {
    const { span, seqno } = this.#counting(options)
    return countSync(this.view, { ...span, limit: Math.min(span.limit, 1) }, seqno) === 0
  }

  isEmpty(options?: RangeOptions<Accepted<KE>>): Promise<boolean> {
    return attempt(() => {
      const { span, seqno, signal } = this.#counting(options)
      return count(this.view, { ...span, limit: Math.min(span.limit, 1) }, seqno, signal).then((n) => n === 0)
    })
  }

  #counting(options: unknown): RangeRequest {
    const bag = rangeOptions(options)
    return {
      span: rangeSpan(bag, this.view.keys, 'keys'),
      seqno: this.seqnoFor(bag['snapshot']),
      signal: signalOf(bag['signal']),
    }
  }

  /** The first or last entry of a range. */
  #edgeSync(options: unknown, last: boolean): [Decoded<KE>, Decoded<VE>] | undefined {
    const { span, seqno } = this.#edgeSpan(options, last)
    const range = new SyncRange<[Decoded<KE>, Decoded<VE>]>(this.view, span, 'entries', seqno)
    try {
      return range.next().value
    } finally {
      range.return()
    }
  }

  async #edge(options: unknown, last: boolean): Promise<[Decoded<KE>, Decoded<VE>] | undefined> {
    const { span, seqno, signal } = this.#edgeSpan(options, last)
    const range = new AsyncRange<[Decoded<KE>, Decoded<VE>]>(this.view, span, 'entries', seqno, signal, false)
    try {
      return (await range.next()).value
    } finally {
      await range.return()
    }
  }

  #edgeSpan(options: unknown, last: boolean): RangeRequest {
    const bag = rangeOptions(options)
    return {
      span: { ...rangeSpan(bag, this.view.keys, 'entries', 1), reverse: last },
      seqno: this.seqnoFor(bag['snapshot']),
      signal: signalOf(bag['signal']),
    }
  }

  #syncRange<T>(mode: RangeMode, options: unknown): SyncRange<T> {
    const bag = sliceRangeOptions(options)
    const span = rangeSpan(bag, this.view.keys, mode)
    // NOTE: nothing can abort it; but what is no signal is a mistake here, too.
    signalOf(bag['signal'])
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

/** The result of a step as a promise; what it throws as a rejection. */
export function attempt<T>(step: () => T | Promise<T>): Promise<T> {
  try {
    return Promise.resolve(step())
  } catch (error) {
    return Promise.reject(error)
  }
}
