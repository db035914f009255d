/**
 * How edits change the state, and which ones cannot be true. The reader refuses a manifest with such an edit; the
 * writer asks before it writes, so that no manifest holds one.
 */
import { KEY_MAX_BYTES } from '../../assembly/memory/layout.ts'
import { NAME_MAX_BYTES, type CountersEdit, type KeyspaceCreatedEdit, type VersionEdit } from './edit.ts'
import type { Counters, DatabaseState, JournalState, KeyspaceState, StateChange } from './state.ts'
import { DEFAULT_POLICY, policyProblem, type KeyspacePolicy } from './keyspace-policy.ts'
import { compareKeys, isWellFormed } from '../bytes.ts'
import { Version, type TableInfo } from './version.ts'

/** Keyspace ids are u32 in journals. */
const highestKeyspaceId = 0xffff_ffff
const highestLevel = 255
const nul = '\0'

/** Changes the state by these edits, all or none. @returns why they contradict it, or undefined. */
export function applyEdits(state: DatabaseState, edits: readonly VersionEdit[]): string | undefined {
  const change = planEdits(state, edits)
  if (typeof change === 'string') return change
  state.commit(change)
  return undefined
}

/** What the edits, in order, would change. @returns a sentence when they contradict the state or each other. */
export function planEdits(state: DatabaseState, edits: readonly VersionEdit[]): StateChange | string {
  const draft = new Draft(state)
  for (const edit of edits) {
    const problem = draft.add(edit)
    if (problem !== undefined) return problem
  }
  return draft.finish() ?? draft
}

/** Edits on top of a state that does not change meanwhile. */
class Draft implements StateChange {
  counters: Counters
  replayFloor: number
  retainFloor: number
  cleanClose: number | undefined
  readonly keyspaces = new Map<number, KeyspaceState | undefined>()
  readonly tables = new Map<number, TableInfo | undefined>()
  readonly journals = new Map<number, JournalState | undefined>()
  readonly #state: DatabaseState
  readonly #names = new Map<string, boolean>()

  constructor(state: DatabaseState) {
    this.#state = state
    this.counters = state.counters
    this.replayFloor = state.replayFloor
    this.retainFloor = state.retainFloor
    this.cleanClose = state.cleanClose
  }

  add(edit: VersionEdit): string | undefined {
    if (this.cleanClose !== undefined) return 'an edit follows the clean close'
    switch (edit.type) {
      case 'counters':
        return this.#count(edit)
      case 'keyspaceCreated':
        return this.#createKeyspace(edit)
      case 'keyspacePolicy':
        return this.#setPolicy(edit.id, edit.policy)
      case 'keyspaceDropped':
        return this.#dropKeyspace(edit.id)
      case 'tableAdded':
        return this.#addTable(edit.table)
      case 'tableRemoved':
        return this.#removeTable(edit.keyspaceId, edit.tableId)
      case 'flushedSeqno':
        return this.#raiseFlushedSeqno(edit.keyspaceId, edit.seqno)
      case 'journalCreated':
        return this.#createJournal(edit.id)
      case 'journalSealed':
        return this.#sealJournal(edit.id, { length: edit.length, chain: edit.chain })
      case 'journalRemoved':
        return this.#removeJournal(edit.id)
      case 'replayFloor':
      case 'retainFloor':
        return this.#raiseFloor(edit.type, edit.id)
      case 'cleanClose':
        return this.#close(edit.nextSeqno)
    }
  }

  /** Checks what need only hold between edits, and settles the Versions. */
  finish(): string | undefined {
    if (this.retainFloor > this.replayFloor) return 'the retain floor is above the replay floor'
    return this.#settleTables() ?? this.#checkClose()
  }

  #count(edit: CountersEdit): string | undefined {
    const { nextFileId, nextKeyspaceId, nextSeqno } = this.counters
    const isLower =
      edit.nextFileId < nextFileId || edit.nextKeyspaceId < nextKeyspaceId || edit.nextSeqno < nextSeqno
    if (isLower) return 'a counter goes down'
    if (edit.nextFileId < 1 || edit.nextSeqno < 1) return 'a counter is 0'
    this.counters = {
      nextFileId: edit.nextFileId,
      nextKeyspaceId: edit.nextKeyspaceId,
      nextSeqno: edit.nextSeqno,
    }
    return undefined
  }

  #createKeyspace(edit: KeyspaceCreatedEdit): string | undefined {
    const { id, name, keyEncoding, valueEncoding } = edit
    if (id > highestKeyspaceId || id >= this.counters.nextKeyspaceId)
      return `keyspace id ${id} was never given out`
    // NOTE: also when the same edit dropped it: ids are never reused.
    if (this.#state.keyspaces.has(id) || this.keyspaces.has(id)) return `keyspace ${id} is created twice`
    if (!isName(name) && !(id === 0 && name === '')) return `keyspace ${id} has a malformed name`
    if (keyEncoding !== undefined && !isName(keyEncoding))
      return `keyspace ${id} has a malformed key encoding`
    if (valueEncoding !== undefined && !isName(valueEncoding))
      return `keyspace ${id} has a malformed value encoding`
    const isTaken = this.#names.get(name) ?? this.#state.keyspaceIds.has(name)
    if (isTaken) return `keyspace ${id} has the name of another`
    this.#names.set(name, true)
    this.keyspaces.set(id, {
      id,
      name,
      keyEncoding,
      valueEncoding,
      flushedSeqno: 0,
      version: Version.empty,
      policy: DEFAULT_POLICY,
    })
    return undefined
  }

  #setPolicy(id: number, policy: KeyspacePolicy): string | undefined {
    const keyspace = this.#keyspace(id)
    if (keyspace === undefined) return `keyspace ${id} is given a policy but not there`
    const problem = policyProblem(policy)
    if (problem !== undefined) return `keyspace ${id}: ${problem}`
    this.keyspaces.set(id, { ...keyspace, policy })
    return undefined
  }

  #dropKeyspace(id: number): string | undefined {
    const keyspace = this.#keyspace(id)
    if (keyspace === undefined) return `keyspace ${id} is dropped but not there`
    this.#names.set(keyspace.name, false)
    this.keyspaces.set(id, undefined)
    return undefined
  }

  #addTable(table: TableInfo): string | undefined {
    const { id } = table
    if (this.#keyspace(table.keyspaceId) === undefined) return `table ${id} belongs to no keyspace`
    if (this.#table(id) !== undefined) return `table ${id} is added twice`
    if (this.#journal(id) !== undefined || !this.#isFileId(id)) return `table id ${id} was never given out`
    const old = this.#state.tables.get(id)
    if (old !== undefined && old.keyspaceId !== table.keyspaceId)
      return `table ${id} belongs to another keyspace`
    const problem = tableProblem(table)
    if (problem !== undefined) return `table ${id} ${problem}`
    this.tables.set(id, table)
    return undefined
  }

  #removeTable(keyspaceId: number, id: number): string | undefined {
    if (this.#keyspace(keyspaceId) === undefined || this.#table(id)?.keyspaceId !== keyspaceId) {
      return `table ${id} is removed but not there`
    }
    this.tables.set(id, undefined)
    return undefined
  }

  #raiseFlushedSeqno(keyspaceId: number, flushedSeqno: number): string | undefined {
    const keyspace = this.#keyspace(keyspaceId)
    if (keyspace === undefined) return `keyspace ${keyspaceId} is flushed but not there`
    if (flushedSeqno < keyspace.flushedSeqno) return `the flushed seqno of keyspace ${keyspaceId} goes down`
    this.keyspaces.set(keyspaceId, { ...keyspace, flushedSeqno })
    return undefined
  }

  #createJournal(id: number): string | undefined {
    if (this.#journal(id) !== undefined) return `journal ${id} is created twice`
    if (this.#table(id) !== undefined || !this.#isFileId(id)) return `journal id ${id} was never given out`
    this.journals.set(id, { id, seal: undefined })
    return undefined
  }

  #sealJournal(id: number, seal: NonNullable<JournalState['seal']>): string | undefined {
    const journal = this.#journal(id)
    if (journal === undefined) return `journal ${id} is sealed but not there`
    if (journal.seal !== undefined) return `journal ${id} is sealed twice`
    this.journals.set(id, { id, seal })
    return undefined
  }

  #removeJournal(id: number): string | undefined {
    if (this.#journal(id) === undefined) return `journal ${id} is removed but not there`
    this.journals.set(id, undefined)
    return undefined
  }

  #raiseFloor(which: 'replayFloor' | 'retainFloor', id: number): string | undefined {
    if (id < this[which]) return 'a journal floor goes down'
    if (!this.#isFileId(id)) return `journal id ${id} was never given out`
    this[which] = id
    return undefined
  }

  #close(nextSeqno: number): string | undefined {
    if (nextSeqno < this.counters.nextSeqno) return 'the clean close has a seqno that was given out'
    this.cleanClose = nextSeqno
    return undefined
  }

  #settleTables(): string | undefined {
    const changes = new Map<number, TableChange>()
    const changeOf = (keyspaceId: number): TableChange => {
      const known = changes.get(keyspaceId)
      if (known !== undefined) return known
      const change: TableChange = { added: [], removed: [] }
      changes.set(keyspaceId, change)
      return change
    }
    for (const [id, table] of this.tables) {
      const old = this.#state.tables.get(id)
      if (old !== undefined) changeOf(old.keyspaceId).removed.push(old)
      if (table === undefined) continue
      if (this.#keyspace(table.keyspaceId) === undefined) this.tables.set(id, undefined)
      else changeOf(table.keyspaceId).added.push(table)
    }
    for (const [id, keyspace] of this.keyspaces) {
      if (keyspace !== undefined) continue
      for (const table of this.#state.keyspaces.get(id)?.version.tables() ?? [])
        this.tables.set(table.id, undefined)
    }
    for (const [id, change] of changes) {
      const problem = this.#settleKeyspace(id, change)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #settleKeyspace(id: number, change: TableChange): string | undefined {
    const keyspace = this.#keyspace(id)
    if (keyspace === undefined) return undefined
    for (const table of change.added) {
      // NOTE: replay would apply the entries of such a table a second time.
      if (table.highestSeqno >= keyspace.flushedSeqno) {
        return `table ${table.id} holds seqnos from the flushed seqno on`
      }
    }
    const version = keyspace.version.change(change.added, change.removed)
    if (typeof version === 'string') return version
    this.keyspaces.set(id, { ...keyspace, version })
    return undefined
  }

  #checkClose(): string | undefined {
    const { cleanClose } = this
    if (cleanClose === undefined || this.#state.cleanClose !== undefined) return undefined
    const keyspaces = merged(this.#state.keyspaces, this.keyspaces)
    for (const { flushedSeqno } of keyspaces) {
      // NOTE: the seqnos of tables are below it, see above.
      if (flushedSeqno > cleanClose) return 'the clean close has a seqno that was given out'
    }
    for (const { id, seal } of merged(this.#state.journals, this.journals)) {
      if (seal === undefined) return `journal ${id} is not sealed at the clean close`
    }
    return undefined
  }

  #keyspace(id: number): KeyspaceState | undefined {
    return lookUp(this.#state.keyspaces, this.keyspaces, id)
  }

  #table(id: number): TableInfo | undefined {
    return lookUp(this.#state.tables, this.tables, id)
  }

  #journal(id: number): JournalState | undefined {
    return lookUp(this.#state.journals, this.journals, id)
  }

  #isFileId(id: number): boolean {
    return id >= 1 && id < this.counters.nextFileId
  }
}

interface TableChange {
  readonly added: TableInfo[]
  readonly removed: TableInfo[]
}

function lookUp<V>(
  base: ReadonlyMap<number, V>,
  changes: ReadonlyMap<number, V | undefined>,
  id: number,
): V | undefined {
  return changes.has(id) ? changes.get(id) : base.get(id)
}

function* merged<V>(
  base: ReadonlyMap<number, V>,
  changes: ReadonlyMap<number, V | undefined>,
): Generator<V, void, undefined> {
  for (const [id, value] of base) if (!changes.has(id)) yield value
  for (const value of changes.values()) if (value !== undefined) yield value
}

const textEncoder = new TextEncoder()

/** 1 to 255 bytes of UTF-8 without NUL and lone surrogates. */
function isName(name: string): boolean {
  const length = textEncoder.encode(name).byteLength
  return length >= 1 && length <= NAME_MAX_BYTES && !name.includes(nul) && isWellFormed(name)
}

/** Why a table cannot be as described, whatever the state. */
function tableProblem(table: TableInfo): string | undefined {
  const { smallestKey, largestKey, entries } = table
  if (smallestKey.byteLength > KEY_MAX_BYTES || largestKey.byteLength > KEY_MAX_BYTES)
    return 'has a key too long'
  if (compareKeys(smallestKey, largestKey) > 0) return 'has its keys in the wrong order'
  if (table.lowestSeqno > table.highestSeqno) return 'has its seqnos in the wrong order'
  if (entries < 1) return 'has no entries'
  if (table.tombstones > entries) return 'has more tombstones than entries'
  if (table.hiddenVersions >= entries) return 'has no newest version of any key'
  if (table.sizeBytes < 1) return 'has no bytes'
  if (table.level > highestLevel) return 'has a level too high'
  return undefined
}
