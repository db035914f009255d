import type { RangeMode } from '../api/range.ts'
import { VarveError } from '../errors.ts'
import { columnAt } from '../remote/column.ts'
import type { Page, WireRange } from '../remote/messages.ts'
import type { PageCodec } from './codec.ts'
import { unwatchRange, watchRange } from './forgotten.ts'
import type { Line } from './line.ts'
import type { PageView } from './view.ts'

/**
 * An asynchronous iteration over a range, at the moment when it was called for. Pieces of it come ahead: one that is read and one behind it.
 */
export class PageRange<T> implements AsyncIterableIterator<T, undefined> {
  readonly #line: Line
  // NOTE: who reads a range of it has not forgotten the database.
  readonly #lifeline: object
  readonly #id: number
  readonly #keys: PageCodec
  readonly #values: PageCodec
  readonly #mode: RangeMode
  readonly #signal: AbortSignal | undefined
  /** The piece that is read, and where. */
  #page: Page | undefined
  #at = 0
  /** The piece behind it. */
  #next: Promise<Page> | undefined
  #isOpen = true
  /** Ends when the steps that wait for a piece have ended. */
  #queue: Promise<unknown> | undefined

  constructor(view: PageView, mode: RangeMode, range: WireRange, signal: AbortSignal | undefined) {
    const { remote, id, keys, values } = view
    this.#line = remote.line
    this.#lifeline = view.lifeline
    this.#id = remote.nextId++
    this.#keys = keys
    this.#values = values
    this.#mode = mode
    this.#signal = signal
    const found =
      range.snapshot === undefined && signal?.aborted !== true
        ? remote.memory.find(view, (keyspace, reader) => reader.shortRange(keyspace, mode, range))
        : undefined
    if (found?.result !== undefined) {
      // NOTE: nobody else knows of it.
      this.#page = found.result
      return
    }
    this.#next = this.#line.call('openRange', [this.#id, id, mode, range])
    // NOTE: who asks for entries is told.
    this.#next.catch(() => undefined)
    watchRange(this, this.#line, this.#id)
  }

  next(): Promise<IteratorResult<T, undefined>> {
    try {
      if (this.#queue !== undefined) return this.#enqueue(this.#queue.then(() => this.#step()))
      const result = this.#step()
      return result instanceof Promise ? this.#enqueue(result) : Promise.resolve(result)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The same, at once if the piece is here. @throws at once, too @internal */
  soon(): IteratorResult<T, undefined> | Promise<IteratorResult<T, undefined>> {
    if (this.#queue !== undefined) return this.next()
    const result = this.#step()
    return result instanceof Promise ? this.#enqueue(result) : result
  }

  #step(): IteratorResult<T, undefined> | Promise<IteratorResult<T, undefined>> {
    if (!this.#isOpen) return { done: true, value: undefined }
    const signal = this.#signal
    if (signal?.aborted === true) {
      this.#end()
      throw new VarveError('ABORTED', 'The range was aborted by its signal.', { cause: signal.reason })
    }
    const page = this.#page
    if (page !== undefined && this.#at < page.count) return { done: false, value: this.#entry(page) }
    const next = this.#next
    if (next === undefined) {
      this.#end()
      return { done: true, value: undefined }
    }
    return next.then(
      (arrived) => {
        this.#turn(arrived)
        return this.#step()
      },
      (error: unknown) => {
        this.#end()
        throw error
      },
    )
  }

  /** Goes on with the piece that has come, and has the one behind it sent. */
  #turn(page: Page): void {
    this.#page = page
    this.#at = 0
    this.#next = page.isLast || !this.#isOpen ? undefined : this.#line.call('nextPage', [this.#id])
    this.#next?.catch(() => undefined)
    if (page.isLast) unwatchRange(this)
  }

  #entry(page: Page): T {
    const i = this.#at++
    const { keys, values } = page
    try {
      const key = keys === undefined ? undefined : this.#keys.decode(columnAt(keys, i))
      if (this.#mode === 'keys') return key as T
      const value = values === undefined ? undefined : this.#values.decode(columnAt(values, i))
      return (this.#mode === 'values' ? value : [key, value]) as T
    } catch (error) {
      this.#end()
      throw error
    }
  }

  #enqueue(step: Promise<IteratorResult<T, undefined>>): Promise<IteratorResult<T, undefined>> {
    const leave = (): void => {
      if (this.#queue === end) this.#queue = undefined
    }
    const end: Promise<unknown> = step.then(leave, leave)
    this.#queue = end
    return step
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#end()
    return Promise.resolve({ done: true, value: undefined })
  }

  #end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const isRead = this.#page?.isLast === true
    this.#page = undefined
    this.#next = undefined
    unwatchRange(this)
    if (!isRead) this.#line.tell('endRange', this.#id)
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
