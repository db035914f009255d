/** What the edits of a manifest add up to: the structure of the database. */
import type { VersionEdit } from './edit.ts'
import { DEFAULT_POLICY, samePolicy, type KeyspacePolicy } from './keyspace-policy.ts'
import type { TableInfo, Version } from './version.ts'

export interface Counters {
  readonly nextFileId: number
  readonly nextKeyspaceId: number
  /** A lower bound; `lowestNextSeqno` raises it by what tables and keyspaces say. */
  readonly nextSeqno: number
}

export interface KeyspaceState {
  readonly id: number
  readonly name: string
  readonly keyEncoding: string | undefined
  readonly valueEncoding: string | undefined
  /** Every entry with a smaller seqno is in tables. */
  readonly flushedSeqno: number
  readonly version: Version
  readonly policy: KeyspacePolicy
}

/** Where a journal was left. */
export interface JournalSeal {
  readonly length: number
  /** 8 bytes. */
  readonly chain: Uint8Array
}

export interface JournalState {
  readonly id: number
  /** undefined: live, its end is for the journal to say. */
  readonly seal: JournalSeal | undefined
}

/** What some edits change; of maps only the entries that change, undefined = gone. Made by `planEdits`. */
export interface StateChange {
  readonly counters: Counters
  readonly replayFloor: number
  readonly retainFloor: number
  readonly cleanClose: number | undefined
  readonly keyspaces: ReadonlyMap<number, KeyspaceState | undefined>
  readonly tables: ReadonlyMap<number, TableInfo | undefined>
  readonly journals: ReadonlyMap<number, JournalState | undefined>
}

/**
 * The state, owned by whoever made it: the reader of a manifest, then the writer of the next one. It changes only by
 * `commit`; the values in its maps are immutable.
 *
 * NOTE: changing in place keeps reading a manifest linear in its length, however many keyspaces and tables there are.
 */
export class DatabaseState {
  #counters: Counters = { nextFileId: 0, nextKeyspaceId: 0, nextSeqno: 0 }
  #replayFloor = 0
  #retainFloor = 0
  #cleanClose: number | undefined
  readonly #keyspaces = new Map<number, KeyspaceState>()
  readonly #keyspaceIds = new Map<string, number>()
  readonly #tables = new Map<number, TableInfo>()
  readonly #journals = new Map<number, JournalState>()

  get counters(): Counters {
    return this.#counters
  }

  /** Journals below this id are not needed by replay; 0 = never set. */
  get replayFloor(): number {
    return this.#replayFloor
  }

  get retainFloor(): number {
    return this.#retainFloor
  }

  /** Next seqno at the clean close with which the manifest ends; undefined = it does not. */
  get cleanClose(): number | undefined {
    return this.#cleanClose
  }

  get keyspaces(): ReadonlyMap<number, KeyspaceState> {
    return this.#keyspaces
  }

  /** Ids of the keyspaces by name. */
  get keyspaceIds(): ReadonlyMap<string, number> {
    return this.#keyspaceIds
  }

  /** Tables of all keyspaces by id. */
  get tables(): ReadonlyMap<number, TableInfo> {
    return this.#tables
  }

  /** Journals that are named, live and sealed. Removed ones are orphans and not here. */
  get journals(): ReadonlyMap<number, JournalState> {
    return this.#journals
  }

  /** Applies what `planEdits` made of this very state. */
  commit(change: StateChange): void {
    this.#counters = change.counters
    this.#replayFloor = change.replayFloor
    this.#retainFloor = change.retainFloor
    this.#cleanClose = change.cleanClose
    for (const [id, keyspace] of change.keyspaces) {
      const name = this.#keyspaces.get(id)?.name
      if (keyspace === undefined && name !== undefined) this.#keyspaceIds.delete(name)
    }
    // Second, because a new keyspace may have the name of one that was dropped by the same edit.
    for (const [id, keyspace] of change.keyspaces) {
      if (keyspace !== undefined) this.#keyspaceIds.set(keyspace.name, id)
    }
    applyTo(this.#keyspaces, change.keyspaces)
    applyTo(this.#tables, change.tables)
    applyTo(this.#journals, change.journals)
  }
}

function applyTo<V>(map: Map<number, V>, changes: ReadonlyMap<number, V | undefined>): void {
  for (const [id, value] of changes) {
    if (value === undefined) map.delete(id)
    else map.set(id, value)
  }
}

/** The smallest seqno that the manifest allows to give out next; journals may know a higher one. */
export function lowestNextSeqno(state: DatabaseState): number {
  let next = Math.max(state.counters.nextSeqno, state.cleanClose ?? 0)
  for (const keyspace of state.keyspaces.values()) next = Math.max(next, keyspace.flushedSeqno)
  for (const table of state.tables.values()) next = Math.max(next, table.highestSeqno + 1)
  return next
}

/**
 * Edits that make the state out of nothing: the first edit of a manifest. The same state gives the same edits.
 * A clean close is not repeated, as a new manifest begins a time in which the database is open; what it said about
 * seqnos goes into the counters.
 */
export function snapshotEdit(state: DatabaseState): VersionEdit[] {
  const nextSeqno = Math.max(state.counters.nextSeqno, state.cleanClose ?? 0)
  const edits: VersionEdit[] = [{ type: 'counters', ...state.counters, nextSeqno }]
  for (const { id, name, keyEncoding, valueEncoding, flushedSeqno, version, policy } of byId(
    state.keyspaces,
  )) {
    edits.push({ type: 'keyspaceCreated', id, name, keyEncoding, valueEncoding })
    if (!samePolicy(policy, DEFAULT_POLICY)) edits.push({ type: 'keyspacePolicy', id, policy })
    if (flushedSeqno > 0) edits.push({ type: 'flushedSeqno', keyspaceId: id, seqno: flushedSeqno })
    for (const table of version.tables()) edits.push({ type: 'tableAdded', table })
  }
  for (const { id, seal } of byId(state.journals)) {
    edits.push({ type: 'journalCreated', id })
    if (seal !== undefined) edits.push({ type: 'journalSealed', id, ...seal })
  }
  if (state.replayFloor > 0) edits.push({ type: 'replayFloor', id: state.replayFloor })
  if (state.retainFloor > 0) edits.push({ type: 'retainFloor', id: state.retainFloor })
  return edits
}

function byId<V extends { readonly id: number }>(map: ReadonlyMap<number, V>): V[] {
  return [...map.values()].sort((a, b) => a.id - b.id)
}
