import {
  BOUND_OPTIONS,
  rangeLimit,
  rangeOptions,
  signalOf,
  sliceRangeOptions,
  type RangeMode,
} from '../api/range.ts'
import { describe } from '../api/encoding.ts'
import { attempt } from '../api/keyspace-reads.ts'
import { flag, ownOptions } from '../api/options.ts'
import { VarveError } from '../errors.ts'
import type { CallName, Calls, CallResult, Content, WireBounds, WireRange } from '../remote/messages.ts'
import { checkKey, type PageCodec } from './codec.ts'
import type { CallOptions } from './line.ts'
import type { Found } from './memory.ts'
import { PageRange } from './range.ts'
import type { WireView } from '../remote/served-range.ts'
import { assertOpen, owned, type PageView, type Remote } from './view.ts'

interface RangeRequest {
  readonly range: WireRange
  readonly signal: AbortSignal | undefined
}

/**
 * The asynchronous reads of a page, see `Reads` of the engine's API: each is a call to who has the database, unless what it needs is in memory that this page shares
 * with him.
 */
export abstract class PageReads {
  /** @internal */
  protected readonly view: PageView

  protected constructor(view: PageView) {
    this.view = view
  }

  /** The snapshot to read at when the call names none. */
  protected abstract ownSnapshot(): number | undefined

  protected abstract snapshotFor(snapshot: unknown): number | undefined

  get(key: unknown, options?: unknown): Promise<unknown> {
    return attempt(() => this.getSoon(key, options))
  }

  getMany(keys: unknown, options?: unknown): Promise<unknown[]> {
    return attempt(() => this.getManySoon(keys, options))
  }

  /** The same, at once if it is found in memory that this page shares. @throws at once, too @internal */
  getSoon(key: unknown, options?: unknown): unknown {
    const content = this.key(key, 'key')
    const snapshot = this.#snapshot(options)
    const found = this.#find(snapshot, (keyspace) => keyspace.getSync(content))
    if (found !== undefined) return this.#value(found.result)
    return this.#keyCall('get', content, snapshot).then((result) => this.#value(result))
  }

  /** As getSoon. @internal */
  getManySoon(keys: unknown, options?: unknown): unknown[] | Promise<unknown[]> {
    if (!Array.isArray(keys)) throw new TypeError(`keys must be an array, not ${describe(keys)}`)
    const contents = keys.map((key, i) => this.key(key, `keys[${i}]`))
    const snapshot = this.#snapshot(options)
    const found = this.#find(snapshot, (keyspace) => keyspace.getManySync(contents))
    if (found !== undefined) return found.result.map((value) => this.#value(value))
    const { remote, id } = this.view
    const owns = contents.map((content) => owned(remote, content))
    const sizeBytes = owns.reduce((sum, { length }) => sum + length, 0)
    return this.call('getMany', [id, owns, snapshot], { sizeBytes }).then((values) =>
      values.map((value) => this.#value(value)),
    )
  }

  /** As getSoon. @internal */
  hasSoon(key: unknown, options?: unknown): boolean | Promise<boolean> {
    const content = this.key(key, 'key')
    const snapshot = this.#snapshot(options)
    const found = this.#find(snapshot, (keyspace) => keyspace.hasSync(content))
    return found === undefined ? this.#keyCall('has', content, snapshot) : found.result
  }

  has(key: unknown, options?: unknown): Promise<boolean> {
    return attempt(() => this.hasSoon(key, options))
  }

  sizeOf(key: unknown, options?: unknown): Promise<number | undefined> {
    return attempt(() => {
      const content = this.key(key, 'key')
      const snapshot = this.#snapshot(options)
      const found = this.#find(snapshot, (keyspace) => keyspace.sizeOfSync(content))
      return found === undefined ? this.#keyCall('sizeOf', content, snapshot) : found.result
    })
  }

  range(options?: unknown): PageRange<[unknown, unknown]> {
    return this.#range('entries', options)
  }

  keys(options?: unknown): PageRange<unknown> {
    return this.#range('keys', options)
  }

  values(options?: unknown): PageRange<unknown> {
    return this.#range('values', options)
  }

  first(options?: unknown): Promise<[unknown, unknown] | undefined> {
    return attempt(() => this.#edge(options, false))
  }

  last(options?: unknown): Promise<[unknown, unknown] | undefined> {
    return attempt(() => this.#edge(options, true))
  }

  count(options?: unknown): Promise<number> {
    return attempt(() => {
      const { range, signal } = this.#request(options)
      return this.call('count', [this.view.id, range], { signal, what: 'count' })
    })
  }

  isEmpty(options?: unknown): Promise<boolean> {
    return attempt(() => {
      const { range, signal } = this.#request(options)
      return this.call('isEmpty', [this.view.id, range], { signal, what: 'count' })
    })
  }

  approximateCount(options?: unknown): Promise<number> {
    return attempt(() => this.call('approximateCount', [this.view.id, this.bounds(options)]))
  }

  approximateSize(options?: unknown): Promise<number> {
    return attempt(() => this.call('approximateSize', [this.view.id, this.bounds(options)]))
  }

  /** @throws CLOSED @internal */
  protected call<N extends CallName>(
    name: N,
    args: Parameters<Calls[N]>,
    options?: CallOptions,
  ): Promise<CallResult<N>> {
    assertOpen(this.view.remote)
    return this.view.remote.line.call(name, args, options)
  }

  /** A key as it travels. @internal */
  protected key(key: unknown, what: string): Content {
    return checkKey(this.view.keys.encode(key, what))
  }

  /** The bounds of a call that takes nothing else. @internal */
  protected bounds(options: unknown, what: string = 'the range'): WireBounds {
    return wireBounds(this.view.remote, this.view.keys, ownOptions(options, BOUND_OPTIONS, what))
  }

  #keyCall<N extends 'get' | 'has' | 'sizeOf'>(
    name: N,
    key: Content,
    snapshot: number | undefined,
  ): Promise<CallResult<N>> {
    const { remote, id } = this.view
    const args: Parameters<Calls['get']> = [id, owned(remote, key), snapshot]
    return this.call(name, args as Parameters<Calls[N]>, { sizeBytes: key.length })
  }

  /** What a read of the latest state finds in memory that this page shares. @throws CLOSED */
  #find<T>(snapshot: number | undefined, read: (keyspace: WireView) => T): Found<T> | undefined {
    const { remote } = this.view
    assertOpen(remote)
    return snapshot === undefined ? remote.memory.find(this.view, read) : undefined
  }

  #value(found: Content | undefined): unknown {
    return found === undefined ? undefined : this.view.values.decode(found)
  }

  async #edge(options: unknown, isLast: boolean): Promise<[unknown, unknown] | undefined> {
    const { range, signal } = this.#request(options)
    const { id, keys, values } = this.view
    const { snapshot, ...latest } = range
    const near =
      signal?.aborted === true
        ? undefined
        : this.#find(snapshot, (keyspace) =>
            isLast ? keyspace.lastSync(latest) : keyspace.firstSync(latest),
          )
    const entry =
      near === undefined
        ? await this.call('edge', [id, range, isLast], { signal, what: 'range' })
        : near.result
    return entry === undefined ? undefined : [keys.decode(entry[0]), values.decode(entry[1])]
  }

  #range<T>(mode: RangeMode, options: unknown): PageRange<T> {
    const bag = sliceRangeOptions(options)
    if (flag(bag, 'slices', false)) throw onPagesNot('slices')
    const { range, signal } = this.#requestOf(bag)
    assertOpen(this.view.remote)
    return new PageRange<T>(this.view, mode, range, signal)
  }

  #request(options: unknown): RangeRequest {
    return this.#requestOf(rangeOptions(options))
  }

  #requestOf(bag: Record<string, unknown>): RangeRequest {
    const { remote, keys } = this.view
    const range: WireRange = wireBounds(remote, keys, bag)
    // NOTE: there may be no call of it; the arena is emptied with the turn all the same.
    remote.line.flushSoon()
    const reverse = flag(bag, 'reverse', false)
    if (reverse) range.reverse = true
    const limit = rangeLimit(bag['limit'])
    if (limit !== Infinity) range.limit = limit
    const snapshot = this.snapshotFor(bag['snapshot'])
    if (snapshot !== undefined) range.snapshot = snapshot
    return { range, signal: signalOf(bag['signal']) }
  }

  #snapshot(options: unknown): number | undefined {
    if (options === undefined) return this.ownSnapshot()
    return this.snapshotFor(ownOptions(options, ['snapshot'], 'the read')['snapshot'])
  }
}

function wireBounds(remote: Remote, keys: PageCodec, bag: Readonly<Record<string, unknown>>): WireBounds {
  const bounds: WireBounds = {}
  for (const name of BOUND_OPTIONS) {
    if (bag[name] !== undefined) bounds[name] = owned(remote, checkKey(keys.encode(bag[name], name)))
  }
  return bounds
}

export function onPagesNot(what: string): VarveError {
  return new VarveError(
    'NOT_SUPPORTED',
    `A page has no ${what}: its database is in a worker. Use the asynchronous calls, or open the database in a worker of your own.`,
  )
}
