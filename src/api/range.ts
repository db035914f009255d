import { readAsync } from '../engine/async-read.ts'
import type { Engine } from '../engine/engine.ts'
import { prefixEnd } from '../engine/key-order.ts'
import type { RangeBound, RangeSpan } from '../engine/key-span.ts'
import { RangeCursor } from '../engine/range-cursor.ts'
import { keyTooLong } from '../engine/record.ts'
import { KEY_MAX_BYTES } from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import { BlockMissing } from '../table/awaited-blocks.ts'
import type { BlockLoader } from '../table/block-loader.ts'
import { compareKeys } from '../bytes.ts'
import { describe, type Codec } from './encoding.ts'
import { unwatchIterator, watchIterator, type WatchedIterator } from './forgotten.ts'
import { flag, ownOptions } from './options.ts'
import type { View } from './view.ts'
import { RangeSlices } from './slice.ts'

/** What a range hands out of each entry. */
export type RangeMode = 'entries' | 'keys' | 'values'

export const BOUND_OPTIONS = ['gte', 'gt', 'lte', 'lt', 'prefix'] as const

export const RANGE_OPTIONS = [
  'gte',
  'gt',
  'lte',
  'lt',
  'prefix',
  'reverse',
  'limit',
  'snapshot',
  'signal',
] as const

/** Those of ranges that can hand out slices. */
const SLICE_RANGE_OPTIONS = [...RANGE_OPTIONS, 'slices'] as const

const encoder = new TextEncoder()
const NO_MEMORY = new ArrayBuffer(0)

/** A view of which what is handed out are bytes. */
type BytesView = Record<'keys' | 'values', Codec & Required<Pick<Codec, 'copied'>>>

/** The bytes of a key given as an option, copied. */
function keyBytes(codec: Codec, value: unknown, name: string): Uint8Array {
  const content = codec.encode(value, name)
  const bytes = typeof content === 'string' ? encoder.encode(content) : new Uint8Array(content)
  if (bytes.byteLength > KEY_MAX_BYTES) throw keyTooLong(bytes.byteLength)
  return bytes
}

/** The tighter of two lower (or upper) bounds. */
function tighter(
  a: RangeBound | undefined,
  b: RangeBound | undefined,
  upper: boolean,
): RangeBound | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const order = compareKeys(a.key, b.key) || Number(a.after) - Number(b.after)
  return order > 0 === upper ? b : a
}

/** Turns range options into a span of keys of at most `most` entries. @throws TypeError, RangeError */
export function rangeSpan(
  options: Record<string, unknown>,
  keys: Codec,
  mode: RangeMode,
  most: number = Infinity,
): RangeSpan {
  const bound = (name: 'gte' | 'gt' | 'lte' | 'lt', after: boolean): RangeBound | undefined =>
    options[name] === undefined ? undefined : { key: keyBytes(keys, options[name], name), after }
  let lower = tighter(bound('gte', false), bound('gt', true), false)
  let upper = tighter(bound('lt', false), bound('lte', true), true)
  if (options['prefix'] !== undefined) {
    const prefix = keyBytes(keys, options['prefix'], 'prefix')
    const end = prefixEnd(prefix)
    lower = tighter(lower, { key: prefix, after: false }, false)
    if (end !== undefined) upper = tighter(upper, { key: end, after: false }, true)
  }
  return {
    lower,
    upper,
    reverse: flag(options, 'reverse', false),
    limit: rangeLimit(options['limit'], most),
    keysOnly: mode === 'keys',
  }
}

/** The limit asked for, but not above `most`. */
export function rangeLimit(limit: unknown, most: number = Infinity): number {
  if (limit === undefined || limit === -1 || limit === Infinity) return most
  if (typeof limit !== 'number') throw new TypeError(`limit must be a number, not ${describe(limit)}`)
  if (!Number.isInteger(limit) || limit < 0) {
    throw new RangeError('limit must be a whole number from 0, or -1 or Infinity for no limit')
  }
  return Math.min(limit, most)
}

/**
 * An iteration over a range of keys, ascending or descending, at one point in time: what is written after the call is not seen. Gives its
 * page back when it ends, when a `for` loop leaves it, or by `return()`.
 */
class RangeReader<T> implements WatchedIterator {
  readonly #view: View
  readonly #mode: RangeMode
  readonly #engine: Engine
  readonly cursor: RangeCursor
  /** Undefined: what is handed out is copied and decoded. */
  readonly #slices: RangeSlices | undefined
  /** Whether what is handed out are bytes: then each chunk is copied at once, and entries are views of the copy. */
  readonly #areBytes: boolean
  /** Whether what was copied is handed out as it is. */
  readonly #isFinal: boolean
  /** Number of the chunk that was copied, where, and how much further the copy lies. */
  #copiedChunk = 0
  #memory: ArrayBuffer = NO_MEMORY
  #shift = 0
  open = true
  watched = false

  /** `seqno`: 0 reads the latest state of this moment. */
  constructor(view: View, span: RangeSpan, mode: RangeMode, seqno: number, slices: boolean) {
    this.#view = view
    this.#mode = mode
    this.#engine = view.engine
    this.#engine.assertReadable(view.tree)
    this.cursor = new RangeCursor(this.#engine, view.tree, span, seqno)
    const { keys, values } = view
    const ofKeys = mode === 'values' || keys.copied !== undefined
    const ofValues = mode === 'keys' || values.copied !== undefined
    this.#areBytes = ofKeys && ofValues
    this.#isFinal = slices || ((mode === 'values' || keys.isFinal) && (mode === 'keys' || values.isFinal))
    this.#slices = slices ? new RangeSlices(view.engine, this.cursor) : undefined
    watchIterator(this)
  }

  /**
   * Goes to the next entry and copies what is handed out of it. @returns undefined at the end
   * @throws CLOSED, CORRUPT, …; the iteration is over then. BlockMissing: the step may be taken again
   */
  take(): unknown {
    if (!this.open) return undefined
    try {
      this.#engine.assertReadable(this.#view.tree)
      if (this.cursor.next()) return this.#slices === undefined ? this.#copy() : this.#slices.show(this.#mode)
    } catch (error) {
      if (!(error instanceof BlockMissing)) this.close()
      throw error
    }
    this.close()
    return undefined
  }

  /** What the user gets of what `take` has returned. @throws what a decoder of his throws; the iteration is over then */
  result(taken: unknown): IteratorResult<T, undefined> {
    if (taken === undefined) return { done: true, value: undefined }
    if (this.#isFinal) return { done: false, value: taken as T }
    try {
      return { done: false, value: this.#decode(taken) as T }
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    if (!this.open) return
    this.open = false
    this.cursor.close()
    if (this.watched) unwatchIterator(this)
  }

  /** NOTE: both are copied before either is decoded: a decoder of the user's may end this very iteration. */
  #copy(): unknown {
    if (this.#areBytes) return this.#copyBytes()
    const { keyPointer, keyLength, valuePointer, valueLength, large } = this.cursor
    const { keys, values } = this.#view
    if (this.#mode === 'keys') return keys.copyOut(keyPointer, keyLength)
    const key = this.#mode === 'entries' ? keys.copyOut(keyPointer, keyLength) : undefined
    const value = large === undefined ? values.copyOut(valuePointer, valueLength) : values.copyFrom(large)
    return this.#mode === 'entries' ? [key, value] : value
  }

  /** The same as views of a copy of the chunk that the entry is in. */
  #copyBytes(): unknown {
    const { cursor } = this
    if (cursor.chunk !== this.#copiedChunk) this.#copyChunk()
    const { keys, values } = this.#view as BytesView
    const memory = this.#memory
    const shift = this.#shift
    const mode = this.#mode
    const key =
      mode === 'values' ? undefined : keys.copied(memory, cursor.keyPointer + shift, cursor.keyLength)
    if (mode === 'keys') return key
    const { large } = cursor
    const value =
      large === undefined
        ? values.copied(memory, cursor.valuePointer + shift, cursor.valueLength)
        : values.copyFrom(large)
    return mode === 'values' ? value : [key, value]
  }

  #copyChunk(): void {
    const { chunk, chunkPointer, chunkEnd } = this.cursor
    const { memory, at } = this.#view.pool.chunk(chunkPointer, chunkEnd - chunkPointer)
    this.#copiedChunk = chunk
    this.#memory = memory
    this.#shift = at - chunkPointer
  }

  #decode(copy: unknown): unknown {
    const { keys, values } = this.#view
    if (this.#mode === 'keys') return keys.decode(copy)
    if (this.#mode === 'values') return values.decode(copy)
    const entry = copy as [unknown, unknown]
    entry[0] = keys.decode(entry[0])
    entry[1] = values.decode(entry[1])
    return entry
  }
}

/** A synchronous iteration; see `Keyspace.rangeSync`. */
export class SyncRange<T> implements IterableIterator<T, undefined> {
  readonly #reader: RangeReader<T>

  /** @internal */
  constructor(view: View, span: RangeSpan, mode: RangeMode, seqno: number, slices: boolean = false) {
    this.#reader = new RangeReader(view, span, mode, seqno, slices)
  }

  next(): IteratorResult<T, undefined> {
    return this.#reader.result(this.#reader.take())
  }

  return(): IteratorResult<T, undefined> {
    this.#reader.close()
    return { done: true, value: undefined }
  }

  [Symbol.iterator](): this {
    return this
  }
}

/** An asynchronous iteration; see `Keyspace.range`. */
export class AsyncRange<T> implements AsyncIterableIterator<T, undefined> {
  readonly #reader: RangeReader<T>
  readonly #blocks: BlockLoader
  readonly #take: () => unknown
  /** Resolves when the last of the steps has ended that could not be taken at once. */
  #queue: Promise<void> | undefined

  /** @internal */
  constructor(
    view: View,
    span: RangeSpan,
    mode: RangeMode,
    seqno: number,
    signal: AbortSignal | undefined,
    slices: boolean,
  ) {
    const reader = new RangeReader<T>(view, span, mode, seqno, slices)
    this.#reader = reader
    this.#blocks = view.engine.blocks
    this.#take = () => {
      if (signal?.aborted !== true) return reader.take()
      reader.close()
      throw new VarveError('ABORTED', 'The range was aborted by its signal.', { cause: signal.reason })
    }
  }

  next(): Promise<IteratorResult<T, undefined>> {
    try {
      const result = this.soon()
      return result instanceof Promise ? result : Promise.resolve(result)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The same, at once if all that it needs is in memory. @throws at once, too @internal */
  soon(): IteratorResult<T, undefined> | Promise<IteratorResult<T, undefined>> {
    const queue = this.#queue
    return queue === undefined ? this.#step() : this.#enqueue(queue.then(() => this.#step()))
  }

  #step(): IteratorResult<T, undefined> | Promise<IteratorResult<T, undefined>> {
    const reader = this.#reader
    const taken = readAsync(this.#blocks, this.#take)
    if (!(taken instanceof Promise)) return reader.result(taken)
    return this.#enqueue(taken.then((late) => reader.result(late)))
  }

  /** A step that ends later: those asked for meanwhile follow it, in their order. */
  #enqueue(step: Promise<IteratorResult<T, undefined>>): Promise<IteratorResult<T, undefined>> {
    const leave = (): void => {
      if (this.#queue === end) this.#queue = undefined
    }
    const end = step.then(leave, leave)
    this.#queue = end
    return step
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#reader.close()
    return Promise.resolve({ done: true, value: undefined })
  }

  /** All entries that are left, as an array. */
  async toArray(): Promise<T[]> {
    const all: T[] = []
    for await (const entry of this) all.push(entry)
    return all
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

export function rangeOptions(options: unknown): Record<string, unknown> {
  return ownOptions(options, RANGE_OPTIONS, 'the range')
}

export function sliceRangeOptions(options: unknown): Record<string, unknown> {
  return ownOptions(options, SLICE_RANGE_OPTIONS, 'the range')
}

/** The signal of a range. @throws TypeError */
export function signalOf(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw new TypeError(`signal must be an AbortSignal, not ${describe(signal)}`)
}
