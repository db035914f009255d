import type { AsyncRange, Snapshot } from '../index.ts'
import { nextTurn } from '../next-turn.ts'
import { boundsFrom, boundsOf, type Bounds, type Range } from './bounds.ts'
import { LevelError, levelError } from './errors.ts'
import type { Data, FormattedKeyspace } from './formats.ts'

/** Longest stretch of reading between two turns of the event loop: entries come without waiting for anything. */
const SLICE_MS = 8
/** Entries between two looks at the clock. */
const LOOK_ENTRIES = 1024

/** What an iterator hands out of each entry; `hollow`: neither key nor value was asked for. */
export type ReaderMode = 'entries' | 'keys' | 'values' | 'valueEntries' | 'keyEntries' | 'hollow'

export interface ReaderOptions extends Range {
  signal?: AbortSignal | null | undefined
}

/** Reads a range at one point in time for an iterator: the engine's range, which reads ahead in chunks, begun again at every seek. */
export class EntryReader<T> {
  readonly #keyspace: FormattedKeyspace
  readonly #mode: ReaderMode
  readonly #snapshot: Snapshot<'bytes', 'bytes'>
  /** Whether the snapshot was taken for this reader. */
  readonly #ownsSnapshot: boolean
  readonly #bounds: Bounds
  readonly #reverse: boolean
  readonly #signal: AbortSignal | undefined
  #range: AsyncRange<unknown> | undefined
  #looksIn = LOOK_ENTRIES
  #sliceEnd = 0

  constructor(
    keyspace: FormattedKeyspace,
    mode: ReaderMode,
    options: ReaderOptions,
    snapshot: Snapshot<'bytes', 'bytes'>,
    ownsSnapshot: boolean,
  ) {
    this.#keyspace = keyspace
    this.#mode = mode
    this.#snapshot = snapshot
    this.#ownsSnapshot = ownsSnapshot
    this.#bounds = boundsOf(options)
    this.#reverse = options.reverse
    this.#signal = options.signal ?? undefined
    this.#begin(this.#bounds, options.limit)
  }

  /** The next item, or undefined at the end; at once if it can. */
  next(): T | undefined | Promise<T | undefined> {
    if (this.#signal === undefined && --this.#looksIn > 0) return this.#step()
    return this.#nextLater()
  }

  async #nextLater(): Promise<T | undefined> {
    await this.#heedSignal()
    await this.#heedOthers()
    return this.#step()
  }

  /** Up to `size` items; none at the end. */
  async nextMany(size: number): Promise<T[]> {
    const items: T[] = []
    await this.#heedSignal()
    while (items.length < size) {
      if (--this.#looksIn <= 0) await this.#heedOthers()
      const soon = this.#step()
      const item = soon instanceof Promise ? await soon : soon
      if (item === undefined) break
      items.push(item)
    }
    return items
  }

  /** Goes to `target`, or the nearest behind it in the direction of the range. */
  seek(target: Data): void {
    this.#end()
    const bounds = boundsFrom(this.#bounds, target, this.#reverse)
    // NOTE: the limit counts what was handed out, which abstract-level does.
    if (bounds !== undefined) this.#begin(bounds, -1)
  }

  close(): void {
    this.#end()
    if (this.#ownsSnapshot) this.#snapshot.close()
  }

  #end(): void {
    void this.#range?.return()
    this.#range = undefined
  }

  #begin(bounds: Bounds, limit: number): void {
    const options = { ...bounds, reverse: this.#reverse, limit, snapshot: this.#snapshot }
    try {
      switch (this.#mode) {
        case 'entries':
          this.#range = this.#keyspace.range(options)
          break
        case 'keys':
        case 'keyEntries':
        case 'hollow':
          this.#range = this.#keyspace.keys(options)
          break
        case 'values':
        case 'valueEntries':
          this.#range = this.#keyspace.values(options)
      }
    } catch (error) {
      throw levelError(error)
    }
  }

  /** At once if all that it needs is in memory. */
  #step(): T | undefined | Promise<T | undefined> {
    const range = this.#range
    if (range === undefined) return undefined
    let result: ReturnType<typeof range.soon>
    try {
      result = range.soon()
    } catch (error) {
      throw levelError(error)
    }
    if (!(result instanceof Promise)) return this.#itemOf(result.value)
    return result.then(
      ({ value }) => this.#itemOf(value),
      (error: unknown) => {
        throw levelError(error)
      },
    )
  }

  #itemOf(item: unknown): T | undefined {
    if (item === undefined) return undefined
    switch (this.#mode) {
      case 'keyEntries':
        return [item, undefined] as T
      case 'valueEntries':
        return [undefined, item] as T
      case 'hollow':
        return [undefined, undefined] as T
      default:
        return item as T
    }
  }

  /** Gives up the turn if this has gone on for long. */
  async #heedOthers(): Promise<void> {
    if (this.#looksIn > 0) return
    this.#looksIn = LOOK_ENTRIES
    if (this.#sliceEnd === 0) this.#sliceEnd = Date.now() + SLICE_MS
    if (Date.now() < this.#sliceEnd) return
    await nextTurn()
    this.#sliceEnd = Date.now() + SLICE_MS
    await this.#heedSignal()
  }

  /** NOTE: one that is aborted in the turn of the call still ends it. @throws LEVEL_ABORTED */
  async #heedSignal(): Promise<void> {
    if (this.#signal === undefined) return
    await undefined
    if (!this.#signal.aborted) return
    throw new LevelError('LEVEL_ABORTED', 'Operation has been aborted', { cause: this.#signal.reason })
  }
}
