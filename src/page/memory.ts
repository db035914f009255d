import type { MemoryReads } from '../api/memory-reads.ts'
import type { ViewId, Wire } from '../remote/messages.ts'
import type { WireView } from '../remote/served-range.ts'
import type { MemoryReader } from './engine-script.ts'
import type { Line } from './line.ts'

/** Loads what reads in a worker's memory; undefined: pages of this kind share none. */
export type LoadReader = (() => Promise<MemoryReader>) | undefined

/** A read that was answered on the page. */
export interface Found<T> {
  readonly result: T
}

/** What a read of a keyspace is told by its page: its number, and how its keys and values travel. */
interface ReadView {
  readonly id: ViewId
  readonly keys: { readonly wire: Wire }
  readonly values: { readonly wire: Wire }
}

/**
 * The memory of the worker that has the database, which a cross-origin isolated page shares with it: a read that finds all it needs there is answered without a message. It is
 * asked for at the first read.
 *
 * INVARIANT: a read sees every write of this page that was called for before it. So as long as one of them is unanswered all reads go its way.
 */
export class PageMemory {
  readonly #line: Line
  readonly #load: LoadReader
  /** Counts the changes of who has the database. */
  #term = 0
  #isAsked = false
  #reader: MemoryReader | undefined
  #memory: MemoryReads | undefined
  /** By the numbers of views; undefined: it was asked where they are. */
  readonly #keyspaces = new Map<ViewId, WireView | undefined>()

  constructor(line: Line, load: LoadReader) {
    this.#line = line
    this.#load = load
    line.onChange = () => this.#forget()
  }

  /** What a read finds in memory; undefined: ask who has the database. `read` may throw whatever it likes, and may not keep the keyspace. */
  find<T>(view: ReadView, read: (keyspace: WireView, reader: MemoryReader) => T): Found<T> | undefined {
    if (this.#load === undefined) return undefined
    const reader = this.#reader
    if (reader === undefined) {
      this.#ask(this.#load)
      return undefined
    }
    const keyspace = this.#keyspaces.get(view.id)
    if (keyspace === undefined) {
      this.#learn(view)
      return undefined
    }
    if (!this.#line.isSettled) return undefined
    try {
      return { result: read(keyspace, reader) }
    } catch {
      this.#memory?.endRead()
      // NOTE: who is asked then says what is wrong, if something is.
      return undefined
    }
  }

  #forget(): void {
    this.#term++
    this.#isAsked = false
    this.#reader = undefined
    this.#memory = undefined
    this.#keyspaces.clear()
  }

  #ask(load: () => Promise<MemoryReader>): void {
    if (this.#isAsked || !this.#line.isConnected) return
    this.#isAsked = true
    // NOTE: where a content security policy forbids scripts made of text, or there is no room for another thread, everything goes by messages.
    this.#begin(load).catch(() => undefined)
  }

  async #begin(load: () => Promise<MemoryReader>): Promise<void> {
    const line = this.#line
    const term = this.#term
    const shared = await line.call('memory', [])
    if (shared === undefined) return
    const reader = await load()
    if (term !== this.#term) return
    this.#memory = reader.readMemory(shared, () => line.tell('readEnded'))
    this.#reader = reader
  }

  #learn({ id, keys, values }: ReadView): void {
    const memory = this.#memory
    if (memory === undefined || this.#keyspaces.has(id)) return
    this.#keyspaces.set(id, undefined)
    this.#line.call('identity', [id]).then(
      (identity) => {
        if (memory === this.#memory)
          this.#keyspaces.set(id, memory.keyspace(identity, keys.wire, values.wire))
      },
      () => undefined,
    )
  }
}
