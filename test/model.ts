/**
 * The executable specification of varve's public API: what a database holds, what a read sees, and what must still be
 * there after a crash. Every randomised test compares the engine with this file, so it is written to be obvious, not fast:
 *
 * - A *state* is one moment of the database: for each keyspace its entries, sorted by key. States are immutable values.
 * - A *commit* (one put, one delete, one batch) makes the next state from the last one, whole. `states[n]` is the database
 *   after n commits; nothing else ever happens to data, and no other state may ever be seen by anybody.
 * - A *snapshot* is a state. So is what an iterator reads from.
 * - A *layout* says which named keyspaces exist. Creating and dropping one makes the next layout.
 * - *Recovery* after a crash must yield some `states[n]` under some `layouts[m]`: n is at least the number of commits
 *   acknowledged as durable against that crash and at most the number issued; the same for m.
 *
 * Bytes in, bytes out: encodings are not modelled.
 */

export type Bytes = Uint8Array

/** Identity of a keyspace. A keyspace dropped and created again under its old name is another one, and empty. */
export type KeyspaceId = number
/** The keyspace that every database has. */
export const defaultKeyspace: KeyspaceId = 0

export type Entry = readonly [key: Bytes, value: Bytes]
/** Sorted by key, no key twice. */
export type Entries = readonly Entry[]
export type State = ReadonlyMap<KeyspaceId, Entries>
/** Name → identity of the named keyspaces that exist. */
export type Layout = ReadonlyMap<string, KeyspaceId>

export type Operation =
  | { readonly type: 'put'; readonly keyspace: KeyspaceId; readonly key: Bytes; readonly value: Bytes }
  | { readonly type: 'delete'; readonly keyspace: KeyspaceId; readonly key: Bytes }

/** What an acknowledgement promises: nothing yet, survives the process, survives the machine. */
export type Durability = 'buffered' | 'os' | 'sync'

/** A crash of the process keeps what the operating system was given; one of the machine keeps what was synced. */
export type Crash = 'kill' | 'power'

export interface Range {
  readonly gte?: Bytes
  readonly gt?: Bytes
  readonly lte?: Bytes
  readonly lt?: Bytes
  readonly prefix?: Bytes
  readonly reverse?: boolean
  /** -1 and Infinity: all. */
  readonly limit?: number
}

// ── order ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Byte by byte, unsigned; a prefix comes first. */
export function compareBytes(a: Bytes, b: Bytes): number {
  return Buffer.compare(a, b)
}

export function equalBytes(a: Bytes, b: Bytes): boolean {
  return compareBytes(a, b) === 0
}

export function equalEntries(a: Entries, b: Entries): boolean {
  return a.length === b.length && a.every((entry, i) => equalEntry(entry, b[i]))
}

function equalEntry(a: Entry, b: Entry | undefined): boolean {
  return a === b || (b !== undefined && equalBytes(a[0], b[0]) && equalBytes(a[1], b[1]))
}

// ── reading a state ─────────────────────────────────────────────────────────────────────────────────────────────────

/** The entries of a keyspace; one that did not exist at that moment reads as empty. */
export function entriesOf(state: State, keyspace: KeyspaceId): Entries {
  return state.get(keyspace) ?? []
}

export function get(entries: Entries, key: Bytes): Bytes | undefined {
  return entries.find((entry) => equalBytes(entry[0], key))?.[1]
}

export function getMany(entries: Entries, keys: readonly Bytes[]): (Bytes | undefined)[] {
  return keys.map((key) => get(entries, key))
}

export function has(entries: Entries, key: Bytes): boolean {
  return get(entries, key) !== undefined
}

/** Length of a key's value. */
export function sizeOf(entries: Entries, key: Bytes): number | undefined {
  return get(entries, key)?.length
}

/** All entries that satisfy every condition given, in the order asked for, up to the limit. */
export function range(entries: Entries, options: Range = {}): Entry[] {
  const { gte, gt, lte, lt, prefix, reverse = false, limit = -1 } = options
  const hits = entries.filter(
    ([key]) =>
      (gte === undefined || compareBytes(key, gte) >= 0) &&
      (gt === undefined || compareBytes(key, gt) > 0) &&
      (lte === undefined || compareBytes(key, lte) <= 0) &&
      (lt === undefined || compareBytes(key, lt) < 0) &&
      (prefix === undefined || equalBytes(key.subarray(0, prefix.length), prefix)),
  )
  if (reverse) hits.reverse()
  return limit < 0 ? hits : hits.slice(0, limit)
}

/** Number of entries in the range. */
export function count(entries: Entries, options: Range = {}): number {
  return range(entries, options).length
}

export function isEmpty(entries: Entries, options: Range = {}): boolean {
  return count(entries, options) === 0
}

/** The entry with the smallest key in the range. */
export function first(entries: Entries, options: Range = {}): Entry | undefined {
  return range(entries, { ...options, reverse: false })[0]
}

/** The entry with the largest key in the range. */
export function last(entries: Entries, options: Range = {}): Entry | undefined {
  return range(entries, { ...options, reverse: true })[0]
}

// ── making the next state ───────────────────────────────────────────────────────────────────────────────────────────

/** The state after one commit: its operations take effect in their order, so the last one on a key wins. */
export function apply(state: State, operations: readonly Operation[]): State {
  const next = new Map(state)
  for (const operation of operations) {
    next.set(operation.keyspace, applyOne(entriesOf(next, operation.keyspace), operation))
  }
  return next
}

function applyOne(entries: Entries, operation: Operation): Entries {
  const { key } = operation
  const at = lowerBound(entries, key)
  const found = entries[at]
  const exists = found !== undefined && equalBytes(found[0], key)
  if (operation.type === 'put') return entries.toSpliced(at, exists ? 1 : 0, [key, operation.value])
  return exists ? entries.toSpliced(at, 1) : entries
}

/** Index of the first entry whose key is not below `key`. */
function lowerBound(entries: Entries, key: Bytes): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle]
    if (entry !== undefined && compareBytes(entry[0], key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

// ── what a crash may leave ──────────────────────────────────────────────────────────────────────────────────────────

/** The contents of a reopened database: each keyspace's entries by name, '' being the default keyspace. */
export type Contents = ReadonlyMap<string, Entries>

/** What a crash at one moment may leave: a reopened database holds n commits, lowest ≤ n ≤ highest. */
export interface Bounds {
  readonly commits: { readonly lowest: Readonly<Record<Crash, number>>; readonly highest: number }
  readonly layouts: { readonly lowest: Readonly<Record<Crash, number>>; readonly highest: number }
  /** Without a journal, keyspaces come back each for itself: at least as they were when last flushed. */
  readonly flushed: ReadonlyMap<KeyspaceId, number> | undefined
}

const noState: State = new Map()

/** Where in its history a reopened database stands. */
export interface Position {
  readonly commits: number
  readonly layouts: number
}

export interface ModelOptions {
  /** False for `durability: 'none'`. */
  readonly journal?: boolean
}

export class Model {
  /** `states[n]`: after n commits. */
  readonly states: State[] = [new Map()]
  /** `layouts[m]`: after m keyspaces created or dropped. */
  readonly layouts: Layout[] = [new Map()]
  readonly #journal: boolean
  #staged: Operation[] = []
  #nextKeyspace: KeyspaceId = defaultKeyspace + 1
  /** Commits that survive each kind of crash. */
  #durable: Record<Crash, number> = { kill: 0, power: 0 }
  #durableLayouts: Record<Crash, number> = { kill: 0, power: 0 }
  #flushed = new Map<KeyspaceId, number>()

  constructor(options: ModelOptions = {}) {
    this.#journal = options.journal ?? true
  }

  // ── now ──

  /** What the latest reads see. What is staged is not in it. */
  get state(): State {
    return latest(this.states)
  }

  get layout(): Layout {
    return latest(this.layouts)
  }

  /** Number of commits issued. */
  get commits(): number {
    return this.states.length - 1
  }

  entries(keyspace: KeyspaceId): Entries {
    return entriesOf(this.state, keyspace)
  }

  /** A snapshot: the state itself, for nothing can change it. Like every call but reads it commits what is staged first. */
  snapshot(): State {
    this.commitStaged()
    return this.state
  }

  // ── writing ──

  /**
   * An un-awaited put or delete. It becomes a commit of its own at the end of the turn, or when any later call of the turn
   * other than a read commits what was staged before it.
   */
  stage(operation: Operation): void {
    this.#staged.push(operation)
  }

  commitStaged(): void {
    const staged = this.#staged
    this.#staged = []
    for (const operation of staged) this.states.push(apply(this.state, [operation]))
  }

  /** One commit: all operations or none of them, at once, after what is staged. A batch of nothing is no commit. */
  commit(operations: readonly Operation[]): void {
    this.commitStaged()
    if (operations.length > 0) this.states.push(apply(this.state, operations))
  }

  /** The last `count` commits failed with an error that promises that nothing was applied. */
  revoke(count = 1): void {
    this.states.length -= count
  }

  /** Commits up to number `commits` were acknowledged: they and all before them are as durable as asked. */
  acknowledge(durability: Durability, commits: number = this.commits): void {
    if (durability === 'buffered' || !this.#journal) return
    this.#durable.kill = Math.max(this.#durable.kill, commits)
    if (durability === 'sync') this.#durable.power = Math.max(this.#durable.power, commits)
  }

  /** A flush of these keyspaces (all if not given) was acknowledged: every entry they had is in tables, which are durable. */
  acknowledgeFlush(keyspaces: readonly KeyspaceId[] | undefined, commits: number = this.commits): void {
    for (const id of keyspaces ?? [defaultKeyspace, ...this.layout.values()]) this.#flushed.set(id, commits)
    // A commit lies before all that follow it: what is in a table is never without what came before it.
    const covered = keyspaces === undefined ? commits : lastTouching(this.states, keyspaces, commits)
    this.acknowledge('sync', covered)
  }

  // ── keyspaces ──

  /** The keyspace of that name, created now if there is none. */
  createKeyspace(name: string): KeyspaceId {
    this.commitStaged()
    const existing = this.layout.get(name)
    if (existing !== undefined) return existing
    const id = this.#nextKeyspace++
    this.layouts.push(new Map(this.layout).set(name, id))
    return id
  }

  dropKeyspace(name: string): void {
    this.commitStaged()
    const next = new Map(this.layout)
    if (next.delete(name)) this.layouts.push(next)
  }

  /** Creating or dropping was acknowledged: that is durable at once, whatever the durability of writes. */
  acknowledgeLayout(): void {
    const highest = this.layouts.length - 1
    this.#durableLayouts = { kill: highest, power: highest }
  }

  // ── crashes ──

  /** What a crash at this moment may leave. */
  bounds(): Bounds {
    return {
      commits: { lowest: { ...this.#durable }, highest: this.commits },
      layouts: { lowest: { ...this.#durableLayouts }, highest: this.layouts.length - 1 },
      flushed: this.#journal ? undefined : new Map(this.#flushed),
    }
  }

  /** The same after a clean close: nothing is missing. */
  boundsWhenClosed(): Bounds {
    const { commits } = this
    const layouts = this.layouts.length - 1
    return {
      commits: { lowest: { kill: commits, power: commits }, highest: commits },
      layouts: { lowest: { kill: layouts, power: layouts }, highest: layouts },
      flushed: undefined,
    }
  }

  /** The latest moment within the bounds at which the database held exactly `contents`; undefined if there is none. */
  matching(contents: Contents, bounds: Bounds, crash: Crash): Position | undefined {
    for (let m = bounds.layouts.highest; m >= bounds.layouts.lowest[crash]; m--) {
      const layout: Layout = this.layouts[m] ?? new Map()
      const names = ['', ...layout.keys()]
      if (contents.size !== names.length || !names.every((name) => contents.has(name))) continue
      const idOf = (name: string): KeyspaceId => layout.get(name) ?? defaultKeyspace
      const holds = (name: string, n: number): boolean =>
        equalEntries(contents.get(name) ?? [], entriesOf(this.states[n] ?? noState, idOf(name)))
      const { lowest, highest } = bounds.commits
      const { flushed } = bounds
      const commits =
        flushed === undefined
          ? search(highest, lowest[crash], (n) => names.every((name) => holds(name, n)))
          : names.every(
                (name) => search(highest, flushed.get(idOf(name)) ?? 0, (n) => holds(name, n)) !== undefined,
              )
            ? highest
            : undefined
      if (commits !== undefined) return { commits, layouts: m }
    }
    return undefined
  }

  /**
   * The model of a database that came back with `contents` after a crash: what lay behind its position never happened. After
   * a loss of power all that is left is durable; after a kill only another kill is certain to leave it.
   */
  recovered(position: Position, contents: Contents, bounds: Bounds, crash: Crash): Model {
    const { commits, layouts } = position
    const model = new Model({ journal: this.#journal })
    model.states.splice(0, 1, ...this.states.slice(0, commits + 1))
    model.layouts.splice(0, 1, ...this.layouts.slice(0, layouts + 1))
    model.#nextKeyspace = this.#nextKeyspace
    model.#durable = { kill: commits, power: crash === 'power' ? commits : bounds.commits.lowest.power }
    model.#durableLayouts = {
      kill: layouts,
      power: crash === 'power' ? layouts : bounds.layouts.lowest.power,
    }
    const ids: [string, KeyspaceId][] = [['', defaultKeyspace], ...model.layout]
    model.states[commits] = new Map(ids.map(([name, id]) => [id, contents.get(name) ?? []]))
    for (const [, id] of ids) model.#flushed.set(id, commits)
    return model
  }
}

/** The highest n, from `highest` down to `lowest`, that satisfies the condition. */
function search(highest: number, lowest: number, holds: (n: number) => boolean): number | undefined {
  for (let n = highest; n >= lowest; n--) if (holds(n)) return n
  return undefined
}

/** Number of the last commit, up to `commits`, that changed one of the keyspaces. */
function lastTouching(states: readonly State[], keyspaces: readonly KeyspaceId[], commits: number): number {
  const changed = (n: number): boolean =>
    keyspaces.some((id) => states[n]?.get(id) !== states[n - 1]?.get(id))
  return search(commits, 1, changed) ?? 0
}

function latest<T>(list: readonly T[]): T {
  const item = list.at(-1)
  if (item === undefined) throw new Error('an empty history')
  return item
}
