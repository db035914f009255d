import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import type { File, FileSystem, OwnerLock } from '../fs/filesystem.ts'
import { journalFileName } from '../fs/file-names.ts'
import type { JournalLink } from '../journal/format.ts'
import { JournalWriter } from '../journal/writer.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { BlockLoader } from '../table/block-loader.ts'
import { cacheStatistics, type CacheStats } from '../table/cache-statistics.ts'
import type { TableFile } from '../table/table-file.ts'
import type { VersionEdit } from '../version/edit.ts'
import type { ManifestHeader } from '../version/manifest-header.ts'
import type { SuperblockWriter } from '../version/superblock-writer.ts'
import { Catalog } from './catalog.ts'
import { Compactor } from './compactor.ts'
import { StallCounters } from './counters.ts'
import { CursorPages } from './cursor-pages.ts'
import type { DatabaseDurability } from './durability.ts'
import { Disposal } from './disposal.ts'
import { Events } from './events.ts'
import { Files } from './files.ts'
import { Flusher } from './flusher.ts'
import { Journals } from './journals.ts'
import type { Lease } from './lease.ts'
import { PointReader } from './point-read.ts'
import type { RecoveryReport, StoredDatabase } from './read-database.ts'
import { Room } from './room.ts'
import { Snapshots } from './snapshots.ts'
import { Tree } from './tree.ts'
import { WritePath } from './write-path.ts'

/** At close, memtables whose journals are longer than this, or many, are flushed, so that the next open has little to replay. */
const CLOSE_FLUSH_BYTES = 4194304
/** Most of the memory may hold blocks, as long as nobody else needs it. */
const CACHE_SHARE = 3 / 4
/** What the block cache keeps when others need memory (a quarter of the memory if that is less). */
const CACHE_FLOOR_BYTES = 8388608
/** Id of the keyspace that the database itself is. */
export const DEFAULT_KEYSPACE_ID = 0

export interface EngineOptions {
  createIfMissing: boolean
  errorIfExists: boolean
  durability: DatabaseDurability
  memoryLimit: number
  memtableSize: number
  flushInterval: number
  stallTimeout: number
  maxPendingBytes: number
  recovery: 'tolerate-tail' | 'strict'
}

/** What a keyspace fixes at its creation. */
export interface KeyspaceDefinition {
  readonly keyEncoding: string | undefined
  readonly valueEncoding: string | undefined
}

/**
 * An open database below its public API: memory, files, keyspaces, and the parts that write, flush and read. It knows no
 * encodings and no user types.
 */
export class Engine {
  readonly kernel: Kernel
  readonly options: EngineOptions
  readonly fileSystem: FileSystem
  readonly files: Files
  readonly databaseId: Uint8Array
  readonly catalog: Catalog
  readonly journals: Journals
  readonly blocks: BlockLoader
  readonly disposal: Disposal
  readonly flusher: Flusher
  readonly compactor: Compactor
  readonly room: Room
  readonly stalls: StallCounters = new StallCounters()
  readonly events: Events = new Events()
  readonly writes: WritePath
  readonly points: PointReader
  /** Keyspaces by id. */
  readonly trees: Map<number, Tree> = new Map()
  readonly recovery: RecoveryReport
  nextKeyspaceId: number
  /** So many entries that a range passes before its first one are remembered as a gap; tests make it small. */
  gapFromEntries = 64
  /** Ranges open. */
  openRanges = 0
  readonly cursorPages: CursorPages = new CursorPages()
  readonly snapshots: Snapshots
  /** What the value of a point read is lent under: every call ends it, and whatever frees memtables or closes tables. */
  readonly lease: Lease = { generation: 0 }
  readonly valueLimitBytes: number
  readonly batchLimitBytes: number
  /** Called once when the database is closed. */
  onClose: () => void = () => {}
  readonly #lock: OwnerLock
  #poisonedBy: VarveError | undefined
  /** A group is between its seqnos and its publication. A plain store: it needs no stack, unlike poisoning. */
  inGroup = false
  #closing: Promise<void> | undefined
  /** No calls are taken any more. */
  #shut = false
  #replaying = false
  #closed = false
  /** Files to delete once this open writes. */
  #orphans: readonly string[]
  /** Where the log that was found ends, and the seqno that follows it. */
  readonly #tail: JournalLink | undefined
  readonly #logNextSeqno: number | undefined

  /** `superblock`: undefined while the database is being created. */
  constructor(
    kernel: Kernel,
    fileSystem: FileSystem,
    lock: OwnerLock,
    options: EngineOptions,
    stored: StoredDatabase,
    superblock: SuperblockWriter | undefined,
  ) {
    this.kernel = kernel
    this.fileSystem = fileSystem
    this.options = options
    this.#lock = lock
    this.files = new Files(fileSystem)
    this.databaseId = stored.databaseId
    this.recovery = stored.recovery
    this.nextKeyspaceId = stored.state.counters.nextKeyspaceId
    this.valueLimitBytes = Math.floor(options.memoryLimit / 16)
    this.batchLimitBytes = Math.floor(options.memoryLimit / 4)
    this.#orphans = stored.orphans
    this.#tail = stored.tail
    this.#logNextSeqno = stored.logNextSeqno
    this.catalog = new Catalog(this, stored, superblock)
    this.blocks = new BlockLoader(
      kernel,
      Math.floor((options.memoryLimit * CACHE_SHARE) / PAGE_BYTES),
      Math.min(CACHE_FLOOR_BYTES, Math.floor(options.memoryLimit / 4)) / PAGE_BYTES,
    )
    for (const table of stored.tables.values()) this.blocks.add(table)
    this.disposal = new Disposal(this)
    this.snapshots = new Snapshots(kernel, () => this.disposal.collect())
    this.journals = new Journals(this)
    this.flusher = new Flusher(this)
    this.compactor = new Compactor(this)
    this.room = new Room(this)
    this.writes = new WritePath(this)
    this.points = new PointReader(this)
    for (const keyspace of stored.state.keyspaces.values()) {
      const { id, name, version, flushedSeqno, policy } = keyspace
      this.trees.set(id, new Tree(kernel, id, name, version, stored.tables, flushedSeqno, policy))
    }
  }

  // ── state ───────────────────────────────────────────────────────────────────────────────────────────────

  get closed(): boolean {
    return this.#closed || this.#shut
  }

  /** Whether background work may write. */
  get writable(): boolean {
    return (
      !this.#closed &&
      !this.inGroup &&
      this.#poisonedBy === undefined &&
      this.journals.current?.poisoned === undefined
    )
  }

  /** The beginning of every call. @throws CLOSED */
  assertOpen(): void {
    this.lease.generation++
    if (this.#closed || this.#shut) {
      throw new VarveError('CLOSED', 'The database is closed; open it again to use it.')
    }
  }

  /** @throws CLOSED, NOT_FOUND for a dropped keyspace */
  assertReadable(tree: Tree): void {
    this.assertOpen()
    if (tree.dropped) throw dropped()
  }

  /** Reading, and also beginning the epoch if this is the first write. @throws CLOSED, NOT_FOUND, POISONED */
  assertWritable(tree: Tree | undefined): void {
    this.assertOpen()
    if (tree === undefined || tree.dropped) throw dropped()
    if (this.inGroup) this.poison(new Error('a write was cut short'))
    if (this.#poisonedBy !== undefined) throw this.#poisonedBy
    if (!this.catalog.begun) this.beginEpoch()
  }

  /** Begins the epoch of this open if nothing has been written yet. @throws DISK_FULL, POISONED */
  ensureEpoch(): void {
    this.assertUnpoisoned()
    if (!this.catalog.begun) this.beginEpoch()
  }

  /** @throws POISONED */
  assertUnpoisoned(): void {
    const journal = this.journals.current?.poisoned
    if (journal !== undefined) this.poison(journal)
    if (this.inGroup) this.poison(new Error('a write was cut short'))
    if (this.#poisonedBy !== undefined) throw this.#poisonedBy
  }

  /**
   * Stops all writing for good: nobody can say what is on disk. Reads go on. @returns the error to throw
   */
  poison(cause: unknown): VarveError {
    if (this.#poisonedBy === undefined) {
      const why = cause instanceof Error ? cause.message : String(cause)
      this.#poisonedBy =
        cause instanceof VarveError && cause.code === 'POISONED'
          ? cause
          : new VarveError(
              'POISONED',
              `The database takes no more writes, because one may be half on disk (${why}); close it and open it again.`,
              { cause },
            )
    }
    return this.#poisonedBy
  }

  /** Remembers a poisoned journal. @returns the same error */
  noteFailure(error: unknown): unknown {
    if (error instanceof VarveError && error.code === 'POISONED') this.poison(error)
    return error
  }

  // ── epochs and keyspaces ────────────────────────────────────────────────────────────────────────────────

  /** The first write of this open: new epoch, journal and manifest. @throws DISK_FULL (nothing changed), POISONED */
  beginEpoch(): void {
    const { catalog, files } = this
    if (this.options.durability === 'none') catalog.begin([])
    else {
      const id = catalog.newFileId()
      const file = files.create(journalFileName(id))
      try {
        catalog.begin([{ type: 'journalCreated', id }])
        this.journals.begin(this.#firstJournal(file, id))
      } catch (error) {
        file.close()
        if (catalog.begun) throw this.poison(error)
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
  #firstJournal(file: File, id: number): JournalWriter {
    const { exports, slot } = this.kernel
    const next = exports.nextSeqno()
    const logNext = this.#logNextSeqno ?? next
    const journal = this.newJournal(file, id, this.#tail, logNext)
    // NOTE: seqnos given out without a journal, or above a torn end, are a gap in the log like those of a failed group.
    if (next > logNext) {
      exports.setGroup(slot, logNext, next - logNext)
      journal.abandonGroup(next - logNext)
    }
    return journal
  }

  /** A writer on a fresh journal file. `nextSeqno`: base of its first group. */
  newJournal(file: File, id: number, predecessor: JournalLink | undefined, nextSeqno: number): JournalWriter {
    return new JournalWriter(
      this.kernel,
      file,
      {
        databaseId: this.databaseId,
        journalId: id,
        epoch: this.catalog.epoch,
        bootId: this.fileSystem.bootId,
        predecessor,
        salt: randomBytes(16),
      },
      nextSeqno,
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

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Makes created and deleted names durable. @throws POISONED: which names are on disk is not known then */
  syncDirectory(): void {
    try {
      this.files.syncDirectory()
    } catch (error) {
      throw this.poison(error)
    }
  }

  visibleSeqno(): number {
    return this.kernel.exports.visibleSeqno()
  }

  noteStall(ms: number): void {
    this.stalls.add(ms)
    this.events.emit('stall', { ms })
  }

  /** Why the last flush or compaction in the background failed; undefined if it did not. */
  backgroundError(): string | undefined {
    const error = this.flusher.lastError ?? this.compactor.lastError
    return error instanceof Error ? error.message : undefined
  }

  /** Bytes of memory nothing uses. */
  freeBytes(): number {
    return this.kernel.freePages() * PAGE_BYTES
  }

  cacheStats(): CacheStats {
    return cacheStatistics(this.kernel)
  }

  /** Longest value a table can hold: LZ4 makes at most 255 bytes of one. */
  valueLengthLimit(table: TableFile): number {
    return 255 * table.info.sizeBytes
  }

  // ── closing ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Commits what is staged, seals everything and gives lock, files and memory back. */
  close(): Promise<void> {
    this.lease.generation++
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    try {
      await this.writes.drain()
      this.#shut = true
      await this.compactor.stop()
      await this.flusher.idle()
      // NOTE: closing promises that everything acknowledged is durable; a poisoned database cannot say so.
      this.assertUnpoisoned()
      if (this.catalog.begun) await this.#seal()
    } finally {
      this.#shut = true
      this.#release()
      this.onClose()
      await this.#lock.release()
    }
  }

  /** At the end of the process: hands to the operating system what is staged or buffered. */
  exit(): void {
    if (this.#closed || !this.catalog.begun) return
    try {
      this.writes.drainSync()
      if (this.options.durability === 'none') this.flusher.flushAllSync(this.trees.values())
      else this.journals.writeOut()
    } catch {
      // NOTE: nobody is left to be told; the next open recovers what reached the disk.
    }
    this.#lock.releaseSync()
  }

  async #seal(): Promise<void> {
    const { journals, catalog, flusher } = this
    // NOTE: each open that writes begins a journal; many short ones must not leave as many.
    if (this.options.durability === 'none' || journals.sizeBytes > CLOSE_FLUSH_BYTES || journals.crowded) {
      await flusher.flushAll([...this.trees.values()])
    }
    const edits: VersionEdit[] = [
      ...journals.finish(),
      { type: 'cleanClose', nextSeqno: this.kernel.exports.nextSeqno() },
    ]
    catalog.log(edits)
    catalog.coverBySuperblock(true)
  }

  /** Gives everything back but the lock and the memory, after an open that failed. */
  abandon(): void {
    this.#closeFiles()
  }

  #release(): void {
    this.#closeFiles()
    this.snapshots.close()
    this.kernel.release()
  }

  #closeFiles(): void {
    this.#closed = true
    this.journals.close()
    this.catalog.close()
    for (const tree of this.trees.values()) for (const table of tree.files.values()) table.file.close()
  }
}

function dropped(): VarveError {
  return new VarveError('NOT_FOUND', 'The keyspace was dropped; create it again with keyspace().')
}

export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}
