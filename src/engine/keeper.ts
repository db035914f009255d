import { TREE_BYTES } from '../../assembly/memory/layout.ts'
import type { VarveError } from '../errors.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import { journalFileName, tableFileName } from '../fs/file-names.ts'
import type { JournalLink } from '../journal/format.ts'
import { JournalRecord } from '../journal/journal-record.ts'
import { JournalWriter } from '../journal/writer.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { BlockLoader } from '../table/block-loader.ts'
import type { TableFile } from '../table/table-file.ts'
import type { VersionEdit } from '../version/edit.ts'
import type { KeyspacePolicy } from '../version/keyspace-policy.ts'
import type { ManifestHeader } from '../version/manifest-header.ts'
import type { SuperblockWriter } from '../version/superblock-writer.ts'
import type { Version } from '../version/version.ts'
import { randomBytes } from '../bytes.ts'
import { Catalog } from './catalog.ts'
import { Compactor } from './compactor.ts'
import { Disposal } from './disposal.ts'
import type { Events } from './events.ts'
import { Files } from './files.ts'
import { Flusher } from './flusher.ts'
import { Journals } from './journals.ts'
import type { KeeperPosition } from './keeper-position.ts'
import type { Lease } from './lease.ts'
import { MemoryBudget } from './memory-budget.ts'
import type { StoredDatabase } from './read-database.ts'
import { Reclaimer } from './reclaimer.ts'
import type { Snapshots } from './snapshots.ts'
import { journalLimitBytes, type DatabaseThread, type EngineOptions } from './thread.ts'
import { Tree } from './tree.ts'
import { dropped, type TreeIdentity } from './tree-door.ts'
import type { Waiters } from './waiters.ts'

/** At close, memtables whose journals are longer than this, or many, are flushed, so that the next open has little to replay. */
const CLOSE_FLUSH_BYTES = 4194304

/** What is known of the log that was found at open. */
interface FoundLog {
  readonly orphans: readonly string[]
  readonly tail: JournalLink | undefined
  readonly logNextSeqno: number | undefined
}

const NO_LOG: FoundLog = { orphans: [], tail: undefined, logNextSeqno: undefined }

/**
 * The part of an open database that changes its structure: memtables, journals, tables, keyspaces, and the manifest that says so. There is one, on one
 * thread; who reads and writes entries asks it for what he cannot do himself.
 */
export class Keeper {
  readonly thread: DatabaseThread
  readonly kernel: Kernel
  readonly options: EngineOptions
  readonly fileSystem: FileSystem
  readonly blocks: BlockLoader
  readonly snapshots: Snapshots
  readonly events: Events
  readonly lease: Lease
  readonly waiters: Waiters
  readonly files: Files
  readonly databaseId: Uint8Array
  readonly catalog: Catalog
  readonly journals: Journals
  readonly disposal: Disposal
  readonly flusher: Flusher
  readonly compactor: Compactor
  readonly budget: MemoryBudget
  readonly reclaimer: Reclaimer
  /** Keyspaces by id. */
  readonly trees: Map<number, Tree> = new Map()
  nextKeyspaceId: number
  /** Called when there is something to do in the background. @returns whether somebody else will see to it */
  onBackgroundWork: () => boolean = () => false
  /** Tree records of dropped keyspaces: doors may still look at them, so they serve the next keyspaces and nothing else. */
  readonly #spareTreeRecords: number[] = []
  #replaying = false
  /** Files to delete once this open writes. */
  #orphans: readonly string[]
  /** Where the log that was found ends, and the seqno that follows it. */
  readonly #tail: JournalLink | undefined
  readonly #logNextSeqno: number | undefined

  private constructor(
    thread: DatabaseThread,
    databaseId: Uint8Array,
    nextKeyspaceId: number,
    catalog: (keeper: Keeper) => Catalog,
    log: FoundLog,
  ) {
    this.thread = thread
    this.kernel = thread.kernel
    this.options = thread.options
    this.fileSystem = thread.fileSystem
    this.blocks = thread.blocks
    this.snapshots = thread.snapshots
    this.events = thread.events
    this.lease = thread.lease
    this.waiters = thread.waiters
    this.reclaimer = new Reclaimer(thread.kernel)
    this.files = new Files(thread.fileSystem)
    this.databaseId = databaseId
    this.nextKeyspaceId = nextKeyspaceId
    this.#orphans = log.orphans
    this.#tail = log.tail
    this.#logNextSeqno = log.logNextSeqno
    this.catalog = catalog(this)
    this.disposal = new Disposal(this)
    thread.onSnapshotEnd = () => this.disposal.collect()
    thread.blocks.reads.onEnd = () => this.reclaimer.collect()
    this.journals = new Journals(this)
    this.flusher = new Flusher(this)
    this.compactor = new Compactor(this)
    this.budget = new MemoryBudget(this)
  }

  /** Of a database that was just read or is being created; then there is no `superblock` yet. @throws NO_MEMORY */
  static open(
    thread: DatabaseThread,
    stored: StoredDatabase,
    superblock: SuperblockWriter | undefined,
  ): Keeper {
    const { databaseId, state } = stored
    const catalog = (keeper: Keeper): Catalog => new Catalog(keeper, { ...stored, superblock })
    const keeper = new Keeper(thread, databaseId, state.counters.nextKeyspaceId, catalog, stored)
    for (const table of stored.tables.values()) keeper.blocks.add(table)
    for (const keyspace of state.keyspaces.values()) {
      const { version, flushedSeqno, policy } = keyspace
      keeper.plant(keyspace, version, stored.tables, flushedSeqno, policy)
    }
    return keeper
  }

  // ── from one thread to another ──────────────────────────────────────────────────────────────────────────

  /** Goes on where `handOver` left off on another thread. */
  static takeOver(thread: DatabaseThread, position: KeeperPosition): Keeper {
    const adopt = (name: string, descriptor: number): File => thread.adopt(name, descriptor)
    const catalog = (keeper: Keeper): Catalog => Catalog.takeOver(keeper, adopt, position.catalog)
    const { databaseId, nextKeyspaceId } = position
    const keeper = new Keeper(thread, databaseId, nextKeyspaceId, catalog, NO_LOG)
    const tables = new Map<number, TableFile>()
    for (const { descriptor, ...rest } of position.tables) {
      const { info } = rest
      const table = { ...rest, file: adopt(tableFileName(info.id), descriptor) }
      tables.set(info.id, table)
      keeper.blocks.add(table)
    }
    for (const tree of position.trees) {
      keeper.trees.set(tree.identity.id, Tree.takeOver(keeper.kernel, keeper.reclaimer, tree, tables))
    }
    keeper.#spareTreeRecords.push(...position.spareTreeRecords)
    keeper.journals.adopt(position.journals)
    for (const id of position.withHistory) keeper.disposal.collectLater(keeper.tree(id))
    return keeper
  }

  /** Whether it can move now: it writes already, and nothing runs. */
  get isMovable(): boolean {
    return (
      this.writable &&
      this.catalog.begun &&
      !this.#replaying &&
      this.flusher.isIdle &&
      this.compactor.isIdle &&
      this.journals.isSettled &&
      this.reclaimer.pending === 0 &&
      [...this.trees.values()].every((tree) => !tree.isPinned)
    )
  }

  /** What another thread of the same memory goes on with. INVARIANT: isMovable; this one does nothing more. @throws POISONED */
  handOver(): KeeperPosition {
    const trees = [...this.trees.values()]
    return {
      databaseId: this.databaseId,
      nextKeyspaceId: this.nextKeyspaceId,
      catalog: this.catalog.handOver(),
      tables: trees.flatMap((tree) =>
        [...tree.files.values()].map(({ file, ...rest }) => ({ ...rest, descriptor: file.descriptor })),
      ),
      trees: trees.map((tree) => tree.handOver()),
      journals: this.journals.handOver(),
      spareTreeRecords: this.#spareTreeRecords,
      withHistory: trees.filter(({ hasHistory }) => hasHistory).map(({ id }) => id),
    }
  }

  /** Takes up a keyspace. @throws NO_MEMORY */
  plant(
    { id, name, keyEncoding, valueEncoding }: Omit<TreeIdentity, 'record'>,
    version: Version,
    tables: ReadonlyMap<number, TableFile>,
    flushedSeqno: number,
    policy: KeyspacePolicy,
  ): Tree {
    const record = this.#spareTreeRecords.pop() ?? this.kernel.record(TREE_BYTES)
    try {
      const identity = { id, name, record, keyEncoding, valueEncoding }
      const tree = Tree.plant(this.kernel, this.reclaimer, identity, version, tables, flushedSeqno, policy)
      this.trees.set(id, tree)
      return tree
    } catch (error) {
      this.#spareTreeRecords.push(record)
      throw error
    }
  }

  /** Lets a keyspace go that was dropped. */
  uproot(tree: Tree): void {
    this.trees.delete(tree.id)
    this.disposal.forget(tree)
    tree.free()
    this.#spareTreeRecords.push(tree.door.record)
  }

  /** The keyspace of that id. @throws NOT_FOUND if it was dropped */
  tree(id: number): Tree {
    const tree = this.trees.get(id)
    if (tree === undefined) throw dropped()
    return tree
  }

  /** No calls are taken any more. */
  get closed(): boolean {
    return this.thread.closed || this.thread.shut
  }

  /** Whether background work may write. */
  get writable(): boolean {
    const { thread } = this
    return (
      !thread.closed &&
      !thread.inGroup &&
      thread.poisonedBy === undefined &&
      this.journals.current?.poisoned === undefined
    )
  }

  /** Begins the epoch of this open if nothing has been written yet. @throws DISK_FULL, POISONED */
  ensureEpoch(): void {
    this.assertUnpoisoned()
    if (!this.catalog.begun) this.beginEpoch()
  }

  /** @throws POISONED */
  assertUnpoisoned(): void {
    this.thread.assertUnpoisoned(this.journals.current?.poisoned)
  }

  /**
   * Before a step that changes what the next open finds: a job may still be on its way to it. A second sync may find clean what the first one could not write, and
   * count as good. @throws POISONED
   */
  refusePoisoned(): void {
    const poisonedBy = this.thread.poisonedBy ?? this.journals.current?.poisoned
    if (poisonedBy !== undefined) throw poisonedBy
  }

  /** After an await. @throws CLOSED, NOT_FOUND for a dropped keyspace */
  assertReadable(tree: Tree): void {
    this.thread.assertOpen()
    if (tree.dropped) throw dropped()
  }

  /** Reading, and also beginning the epoch if this is the first write. @throws CLOSED, NOT_FOUND, POISONED */
  assertWritable(tree: Tree): void {
    this.assertReadable(tree)
    this.ensureEpoch()
  }

  /** Takes up in the background what was put off. */
  resume(): void {
    this.flusher.request()
    this.compactor.request()
    this.journals.noteUnsynced()
  }

  /** See DatabaseThread. */
  poison(cause: unknown): VarveError {
    return this.thread.poison(cause)
  }

  // ── epochs and keyspaces ────────────────────────────────────────────────────────────────────────────────

  /** The first write of this open: new epoch, journal and manifest. @throws DISK_FULL (nothing changed), POISONED */
  beginEpoch(): void {
    const { catalog, files } = this
    if (this.options.durability === 'none') catalog.begin([])
    else {
      const id = catalog.newFileId()
      const file = files.create(journalFileName(id), true)
      let record: JournalRecord | undefined
      try {
        // ORDER: its pages before the manifest: from there on only a disk can fail.
        record = JournalRecord.create(this.kernel, id, file)
        catalog.begin([{ type: 'journalCreated', id }])
        this.journals.begin(this.#firstJournal(file, record))
      } catch (error) {
        file.close()
        if (catalog.begun) throw this.poison(error)
        record?.discard()
        files.removeOrphan(file.name)
        throw error
      }
    }
    if (!this.#replaying) this.removeOrphans()
  }

  /** While journals are replayed, what they hold is not checked yet and nothing is deleted. */
  set replaying(replaying: boolean) {
    this.#replaying = replaying
    if (!replaying && this.catalog.begun) this.removeOrphans()
  }

  /** Deletes the files of ours that the manifest did not name at open. */
  removeOrphans(): void {
    for (const name of this.#orphans) this.files.removeOrphan(name)
    this.#orphans = []
  }

  /** The journal that continues the log found at open. */
  #firstJournal(file: File, record: JournalRecord): JournalWriter {
    const { exports, slot } = this.kernel
    const next = exports.nextSeqno()
    const logNext = this.#logNextSeqno ?? next
    const journal = this.newJournal(file, record, this.#tail, logNext)
    // NOTE: seqnos given out without a journal, or above a torn end, are a gap in the log like those of a failed group.
    if (next > logNext) {
      exports.setGroup(slot, logNext, next - logNext)
      journal.abandonGroup(next - logNext)
    }
    return journal
  }

  /** A writer on a fresh journal file. `nextSeqno`: base of its first group. `earlier`: the journal before it, if it may not be durable. */
  newJournal(
    file: File,
    record: JournalRecord,
    predecessor: JournalLink | undefined,
    nextSeqno: number,
    earlier?: JournalWriter,
  ): JournalWriter {
    return JournalWriter.begin(
      this.kernel,
      file,
      {
        databaseId: this.databaseId,
        journalId: record.id,
        epoch: this.catalog.epoch,
        bootId: this.fileSystem.bootId,
        predecessor,
        salt: randomBytes(16),
      },
      nextSeqno,
      earlier,
      journalLimitBytes(this.options),
      record,
    )
  }

  manifestHeader(id: number): ManifestHeader {
    return {
      databaseId: this.databaseId,
      manifestId: id,
      epoch: this.catalog.epoch,
      bootId: this.fileSystem.bootId,
      salt: randomBytes(16),
    }
  }

  treeNamed(name: string): Tree | undefined {
    for (const tree of this.trees.values()) if (tree.name === name) return tree
    return undefined
  }

  /** Makes created and deleted names durable. @throws POISONED: which names are on disk is not known then */
  syncDirectory(): void {
    this.refusePoisoned()
    try {
      this.files.syncDirectory()
    } catch (error) {
      throw this.poison(error)
    }
  }

  /** Why the last flush or compaction in the background failed; undefined if it did not. */
  backgroundError(): string | undefined {
    const error = this.flusher.lastError ?? this.compactor.lastError
    return error instanceof Error ? error.message : undefined
  }

  // ── closing ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Ends what runs, and seals everything. @throws POISONED: nobody can say then that what was acknowledged is durable */
  async finish(): Promise<void> {
    // NOTE: short programs end before anything is compacted in the background; each leaves a table now and then, which must not become many.
    if (this.#flushesAtClose) for (const tree of this.trees.values()) this.budget.thinOut(tree)
    await this.compactor.stop()
    await this.flusher.idle()
    this.assertUnpoisoned()
    if (this.catalog.begun) await this.#seal()
  }

  /** NOTE: each open that writes begins a journal; many short ones must not leave as many. */
  get #flushesAtClose(): boolean {
    const { options, journals } = this
    return options.durability === 'none' || journals.sizeBytes > CLOSE_FLUSH_BYTES || journals.crowded
  }

  /** Closes the files. */
  close(): void {
    this.thread.closed = true
    this.reclaimer.freeAll()
    this.journals.close()
    this.catalog.close()
    for (const tree of this.trees.values()) for (const table of tree.files.values()) table.file.close()
  }

  async #seal(): Promise<void> {
    const { journals, catalog, flusher } = this
    if (this.#flushesAtClose) await flusher.flushAll([...this.trees.values()])
    const edits: VersionEdit[] = [
      ...journals.finish(),
      { type: 'cleanClose', nextSeqno: this.kernel.exports.nextSeqno() },
    ]
    catalog.log(edits)
    catalog.coverBySuperblock(true)
    journals.removeGivenUp()
  }
}
