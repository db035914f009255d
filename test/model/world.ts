/** A model and a real database side by side, and what both have open. */
import {
  type Bytes,
  type Durability,
  type Entries,
  type Entry,
  type KeyspaceId,
  type State,
  Model,
  defaultKeyspace,
  entriesOf,
} from '../model.ts'
import type { SubjectDatabase, SubjectKeyspace, SubjectReads, SubjectSnapshot } from '../support/subject.ts'
import { show } from './arbitraries.ts'

export interface OpenSnapshot {
  readonly real: SubjectSnapshot
  readonly state: State
}

/** An iterator somewhere in the middle. `item` turns an entry into what this iterator returns. */
export interface OpenIterator {
  readonly next: () => Promise<IteratorResult<unknown, unknown>>
  readonly end: () => Promise<unknown>
  readonly expected: readonly unknown[]
  position: number
}

export class World {
  readonly model: Model = new Model()
  /** Whether writes may ask for a durability: without a journal they may not. */
  readonly journal: boolean
  readonly #reopen: () => Promise<SubjectDatabase>
  database: SubjectDatabase
  snapshots: OpenSnapshot[] = []
  iterators: OpenIterator[] = []
  /** Keys that were written once and are there, oldest first; how many there ever were. */
  queue: { readonly id: KeyspaceId; readonly key: Bytes }[] = []
  pushed = 0
  /** Named keyspaces the test has a handle of. */
  readonly handles: Map<string, SubjectKeyspace> = new Map()
  /** Results returned earlier beside copies of them: nobody may write to them any more. */
  readonly #held: { readonly result: Bytes; readonly copy: Bytes }[] = []

  private constructor(database: SubjectDatabase, reopen: () => Promise<SubjectDatabase>, journal: boolean) {
    this.database = database
    this.journal = journal
    this.#reopen = reopen
  }

  static async open(open: () => Promise<SubjectDatabase>, journal: boolean): Promise<World> {
    return new World(await open(), open, journal)
  }

  /** Closes and opens the database; the test's handles are new ones then. */
  async reopen(): Promise<void> {
    this.snapshots = []
    this.iterators = []
    this.handles.clear()
    await this.database.close()
    this.database = await this.#reopen()
    check(this.database.keyspaces().sort(), [...this.model.layout.keys()].sort(), 'keyspaces() after reopen')
    for (const name of this.model.layout.keys()) this.handles.set(name, await this.database.keyspace(name))
  }

  /** The default keyspace or a named one, by a random number. */
  pick(number: number): { handle: SubjectKeyspace; id: KeyspaceId; name: string } {
    const names = ['', ...this.model.layout.keys()]
    const name = names[number % names.length] ?? ''
    const handle = name === '' ? this.database : this.handles.get(name)
    const id = name === '' ? defaultKeyspace : this.model.layout.get(name)
    if (handle === undefined || id === undefined) throw new Error(`the test has no handle of ${name}`)
    return { handle, id, name }
  }

  /** The handle of a keyspace, if it exists. */
  handleOf(id: KeyspaceId): SubjectKeyspace | undefined {
    if (id === defaultKeyspace) return this.database
    for (const [name, named] of this.model.layout) if (named === id) return this.handles.get(name)
    return undefined
  }

  /**
   * A way to read a keyspace now or as of an open snapshot, and the entries it must show. A snapshot can be read by three routes:
   * `keyspace.at(snapshot)`, the option `snapshot`, and (default keyspace) the snapshot itself.
   */
  view(keyspace: number, snapshot: number | undefined, route: number): View {
    const { handle, id } = this.pick(keyspace)
    const open = snapshot === undefined ? undefined : this.snapshots[snapshot % this.snapshots.length]
    if (open === undefined) return { reads: handle, options: {}, entries: this.model.entries(id) }
    const entries = entriesOf(open.state, id)
    if (route % 3 === 0) return { reads: handle, options: { snapshot: open.real }, entries }
    if (route % 3 === 1 && id === defaultKeyspace) return { reads: open.real, options: {}, entries }
    return { reads: handle.at(open.real), options: {}, entries }
  }

  /** Remembers some of the results, to see that they stay as they were. */
  hold(result: unknown): void {
    if (result instanceof Uint8Array && this.#held.length < 100) {
      this.#held.push({ result, copy: result.slice() })
    } else if (Array.isArray(result)) {
      for (const item of result.slice(0, 4)) this.hold(item)
    }
  }

  /** What must hold at the end of every run: results untouched, every keyspace equal forwards, backwards and by key. */
  async finish(): Promise<void> {
    for (const { result, copy } of this.#held) check(result, copy, 'a result returned earlier')
    await this.compareAll()
    await this.reopen()
    await this.compareAll()
  }

  /** Options of a write. */
  writeOptions(durability: Durability | undefined): { durability?: Durability } {
    return durability === undefined || !this.journal ? {} : { durability }
  }

  async compareAll(): Promise<void> {
    for (let i = 0; i <= this.model.layout.size; i++) {
      const { handle, id, name } = this.pick(i)
      const entries = this.model.entries(id)
      check([...handle.rangeSync()], entries, `all of keyspace '${name}'`)
      check([...handle.rangeSync({ reverse: true })], entries.toReversed(), `keyspace '${name}' backwards`)
      const keys = entries.map(([key]) => key)
      check(await handle.getMany(keys), values(entries), `getMany of all keys of '${name}'`)
      for (const [key, value] of entries) check(handle.getSync(key), value, `get of a key of '${name}'`)
    }
    for (const { real, state } of this.snapshots) {
      check([...real.rangeSync()], entriesOf(state, defaultKeyspace), 'all of a snapshot')
    }
  }
}

export interface View {
  readonly reads: SubjectReads
  /** To be given with every read. */
  readonly options: { snapshot?: SubjectSnapshot }
  readonly entries: Entries
}

export function keys(entries: readonly Entry[]): Bytes[] {
  return entries.map(([key]) => key)
}

export function values(entries: readonly Entry[]): Bytes[] {
  return entries.map(([, value]) => value)
}

/** Throws unless both are the same: bytes, entries, or lists of them. */
export function check(actual: unknown, expected: unknown, what: string): void {
  const difference = compare(actual, expected)
  if (difference !== undefined) throw new Error(`${what}: ${difference}`)
}

/** Where two results differ, in words; undefined if they do not. */
export function compare(actual: unknown, expected: unknown): string | undefined {
  if (expected instanceof Uint8Array) {
    if (actual instanceof Uint8Array && Buffer.compare(actual, expected) === 0) return undefined
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return `expected a list, got ${show(actual)}`
    for (const [i, item] of expected.entries()) {
      const difference = i < actual.length ? compare(actual[i], item) : `missing: ${show(item)}`
      if (difference !== undefined)
        return `[${i}] ${difference} (${actual.length} of ${expected.length} items)`
    }
    if (actual.length === expected.length) return undefined
    return `${actual.length} items instead of ${expected.length}, the first of them ${show(actual[expected.length])}`
  } else if (actual === expected) {
    return undefined
  }
  return `expected ${show(expected)}, got ${show(actual)}`
}
