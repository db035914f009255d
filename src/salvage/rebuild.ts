import {
  ENTRY_TYPE,
  PAGE_BYTES,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../../assembly/memory/layout.ts'
import { randomBytes } from '../bytes.ts'
import { applyPayload, entryBytes, MalformedEntries, type ApplyTarget } from '../engine/apply.ts'
import { DEFAULT_KEYSPACE_ID } from '../engine/engine.ts'
import { Keeper } from '../engine/keeper.ts'
import { RecordBuffer } from '../engine/record.ts'
import { highestFileId } from '../engine/read-database.ts'
import { DatabaseThread, type EngineOptions } from '../engine/thread.ts'
import type { Tree } from '../engine/tree.ts'
import type { FileSystem } from '../fs/filesystem.ts'
import { FRAME_HEADER_BYTES, KIND_BATCH } from '../journal/format.ts'
import { readFrames, type JournalFrame } from '../journal/reader.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { VersionEdit } from '../version/edit.ts'
import { applyEdits } from '../version/fold.ts'
import { DEFAULT_POLICY } from '../version/keyspace-policy.ts'
import { Version } from '../version/version.ts'
import { lowestNextSeqno, DatabaseState } from '../version/state.ts'
import type { DamagedTable, Findings } from './findings.ts'
import { journalRemains } from './journal-remains.ts'
import { TableRemains, type StoredEntry } from './table-remains.ts'

/**
 * Makes a new database of what is left of one, beside it: files of its own, but for the tables that are whole, and no superblock yet.
 *
 * What is taken from damaged files goes through memtables like what is replayed, each entry with the seqno it had. So a newer table may hold older entries than an older one (Tree.isOrdered), and in the
 * end everything of such a keyspace is merged into one run, by the seqnos.
 */
export class Rebuild {
  readonly keeper: Keeper
  /** Entries taken from damaged files. */
  recoveredEntries = 0
  readonly #findings: Findings
  readonly #kernel: Kernel
  readonly #page: number
  /** Ids from here on were given out behind what could be read of the manifest, if they were. */
  readonly #firstUnknownKeyspace: number
  #nextSeqno = 1
  readonly #record = new RecordBuffer()

  /** `names`: of the files in the directory. @throws NO_MEMORY */
  constructor(
    fileSystem: FileSystem,
    kernel: Kernel,
    options: EngineOptions,
    findings: Findings,
    names: readonly string[],
  ) {
    this.#findings = findings
    this.#kernel = kernel
    const { epoch, wholeTables } = findings
    const nextFileId = Math.max(findings.state.counters.nextFileId, highestFileId(names) + 1)
    const state = soundState(findings, nextFileId)
    const thread = new DatabaseThread(kernel, fileSystem, { ...options, durability: 'none' })
    const databaseId = findings.databaseId ?? randomBytes(16)
    kernel.hashKeysFor(databaseId)
    this.keeper = Keeper.open(
      thread,
      {
        databaseId,
        epoch,
        // NOTE: none that is to be removed.
        manifestId: 0,
        state,
        tables: wholeTables,
        journals: [],
        tail: undefined,
        logNextSeqno: undefined,
        nextSeqno: 1,
        nextFileId,
        orphans: [],
        clean: true,
        recovery: { droppedBytes: 0, droppedFrom: '', reason: '' },
      },
      undefined,
    )
    this.#page = kernel.page()
    this.#firstUnknownKeyspace = findings.state.counters.nextKeyspaceId
    this.#raise(Math.max(1, lowestNextSeqno(findings.state)))
  }

  /** Takes everything up, and leaves it in tables. @throws DISK_FULL, IO, NO_MEMORY, POISONED */
  run(): void {
    const { keeper } = this
    const { damagedTables, journals, isManifestWhole, losses } = this.#findings
    keeper.beginEpoch()
    for (const table of damagedTables) this.#takeTable(table)
    keeper.flusher.flushAllSync(keeper.trees.values())
    for (const { id, file, end } of journals) {
      if (end === undefined) {
        const { databaseId } = this.#findings
        const frames = journalRemains(this.#kernel, file, databaseId, keeper.options.memoryLimit, losses)
        for (const frame of frames) this.#takeFrame(frame, id, file.name, isManifestWhole)
      } else if (end > 0) {
        for (const frame of readFrames(this.#kernel, file, end, keeper.options.memoryLimit))
          this.#takeFrame(frame, id, file.name, true)
      }
    }
    keeper.flusher.flushAllSync(keeper.trees.values())
    for (const tree of keeper.trees.values()) {
      if (tree.isOrdered) continue
      keeper.compactor.compactRangeSync(tree, { lower: undefined, upper: undefined })
      tree.isOrdered = true
    }
    this.#kernel.exports.freePage(this.#page)
  }

  #takeTable({ id, file, info }: DamagedTable): void {
    const { keeper } = this
    const { losses } = this.#findings
    const remains = new TableRemains(this.#kernel, keeper.blocks, file, id, info?.salt)
    try {
      const keyspaceId = info?.keyspaceId ?? remains.keyspaceId()
      if (keyspaceId === undefined) {
        losses.add(file.name, 0, file.size(), 'nothing says which keyspace it belongs to')
        return
      }
      const tree = this.#treeOf(keyspaceId)
      if (tree === undefined) return
      tree.isOrdered = false
      let entries = 0
      for (const entry of remains.entries(losses)) {
        this.#insert(tree, entry)
        entries++
      }
      this.recoveredEntries += entries
      if (info !== undefined && entries < info.entries) losses.addEntries(file.name, info.entries - entries)
    } finally {
      remains.free()
    }
  }

  /** The keyspace of that id; made up if the manifest may have lost it. @returns undefined if it was dropped */
  #treeOf(id: number): Tree | undefined {
    const { keeper } = this
    const known = keeper.trees.get(id)
    if (known !== undefined || id < this.#firstUnknownKeyspace || this.#findings.isManifestWhole) return known
    const name = `salvaged-${id}`
    keeper.nextKeyspaceId = Math.max(keeper.nextKeyspaceId, id + 1)
    const definition = { id, name, keyEncoding: undefined, valueEncoding: undefined }
    keeper.catalog.log([{ type: 'keyspaceCreated', ...definition }])
    return keeper.plant(definition, Version.empty, new Map(), 0, DEFAULT_POLICY)
  }

  #insert(tree: Tree, { key, seqno, type, value }: StoredEntry): void {
    const record = this.#record
    record.clear()
    record.add(type, tree.id, key, value, Infinity)
    this.#apply(record.bytes.subarray(FRAME_HEADER_BYTES, record.end), seqno, 1, 0, () => tree, 0)
  }

  /** `isOrdered`: the manifest says what is in tables already. */
  #takeFrame(frame: JournalFrame, journalId: number, file: string, isOrdered: boolean): void {
    if (frame.kind !== KIND_BATCH) return this.#raise(frame.baseSeqno + frame.count)
    const treeOf = (keyspaceId: number): Tree | undefined => {
      const tree = this.#treeOf(keyspaceId)
      if (tree !== undefined && !isOrdered) tree.isOrdered = false
      return tree
    }
    try {
      // NOTE: a copy; the payload may lie on a page of the reader.
      const payload = frame.payload.slice()
      this.#apply(payload, frame.baseSeqno, frame.count, journalId, treeOf, isOrdered ? undefined : 0)
    } catch (error) {
      if (!(error instanceof MalformedEntries)) throw error
      this.#findings.losses.add(file, frame.offset, frame.payload.byteLength, 'a record does not add up')
    }
  }

  /** `flushedSeqno`: undefined for that of each keyspace. */
  #apply(
    payload: Uint8Array,
    baseSeqno: number,
    count: number,
    journalId: number,
    treeOf: (keyspaceId: number) => Tree | undefined,
    flushedSeqno: number | undefined,
  ): void {
    const { keeper } = this
    const { exports, slot } = this.#kernel
    keeper.budget.forReplay(Math.ceil((payload.byteLength * 2 + count * 64) / PAGE_BYTES) + 4)
    this.#raise(baseSeqno + count)
    exports.setGroup(slot, baseSeqno, count)
    const touched = new Set<Tree>()
    this.#applyNew(payload, (keyspaceId) => {
      const tree = treeOf(keyspaceId)
      const floor = flushedSeqno ?? tree?.flushedSeqno ?? 0
      if (tree === undefined || baseSeqno + count <= floor) return { memtable: 0, flushedSeqno: 0 }
      touched.add(tree)
      return { memtable: tree.openMemtable(journalId).pointer, flushedSeqno: floor }
    })
    keeper.budget.afterReplay(touched)
  }

  /** Applies the entries that the memtables do not have yet: what is found twice is the same. @throws MalformedEntries */
  #applyNew(payload: Uint8Array, targetOf: (keyspaceId: number) => ApplyTarget): void {
    for (let start = 0; start < payload.byteLength;) {
      try {
        return applyPayload(this.#kernel, this.#page, payload, start, payload.byteLength, targetOf)
      } catch (error) {
        if (!(error instanceof MalformedEntries)) throw error
        const next = endOfEntry(payload, start + error.at)
        if (next === undefined) throw error
        this.#kernel.exports.skipEntry(this.#kernel.slot)
        start = next
      }
    }
  }

  /** Everything below is there, and visible: what is hidden may be dropped. */
  #raise(nextSeqno: number): void {
    if (nextSeqno <= this.#nextSeqno) return
    this.#nextSeqno = nextSeqno
    const { exports } = this.#kernel
    exports.raiseNextSeqno(nextSeqno)
    exports.publishSeqno(nextSeqno)
  }
}

/** What of the found state is sound: its keyspaces, and of its tables those that are whole. */
function soundState({ state: found, wholeTables }: Findings, nextFileId: number): DatabaseState {
  const { counters } = found
  const edits: VersionEdit[] = [
    {
      type: 'counters',
      nextFileId,
      nextKeyspaceId: Math.max(DEFAULT_KEYSPACE_ID + 1, counters.nextKeyspaceId),
      nextSeqno: Math.max(1, lowestNextSeqno(found)),
    },
  ]
  const nameless = { name: '', keyEncoding: undefined, valueEncoding: undefined }
  if (!found.keyspaces.has(DEFAULT_KEYSPACE_ID))
    edits.push({ type: 'keyspaceCreated', id: DEFAULT_KEYSPACE_ID, ...nameless })
  for (const {
    id,
    name,
    keyEncoding,
    valueEncoding,
    flushedSeqno,
    version,
    policy,
  } of found.keyspaces.values()) {
    edits.push({ type: 'keyspaceCreated', id, name, keyEncoding, valueEncoding })
    edits.push({ type: 'keyspacePolicy', id, policy })
    if (flushedSeqno > 0) edits.push({ type: 'flushedSeqno', keyspaceId: id, seqno: flushedSeqno })
    for (const table of version.tables())
      if (wholeTables.has(table.id)) edits.push({ type: 'tableAdded', table })
  }
  const state = new DatabaseState()
  const problem = applyEdits(state, edits)
  if (problem !== undefined) throw new Error(`salvage: ${problem}`)
  return state
}

/** Where the encoded entry at `at` ends; undefined if it is none. */
function endOfEntry(payload: Uint8Array, at: number): number | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const sizeBytes = entryBytes(view, at, payload.byteLength)
  if (sizeBytes > payload.byteLength - at) return undefined
  const type = view.getUint16(at + ENTRY_TYPE, true)
  const isKnown = type === TYPE_VALUE || type === TYPE_TOMBSTONE || type === TYPE_WEAK_TOMBSTONE
  return isKnown ? at + sizeBytes : undefined
}
