import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import type { FileSystem, OwnerLock } from '../fs/filesystem.ts'
import type { JournalWriter } from '../journal/writer.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { BlockLoader } from '../table/block-loader.ts'
import { cacheStatistics, type CacheStats } from '../table/cache-statistics.ts'
import type { CursorPages } from './cursor-pages.ts'
import type { Events } from './events.ts'
import type { Keeper } from './keeper.ts'
import type { Lease } from './lease.ts'
import { PointReader } from './point-read.ts'
import type { RecoveryReport } from './read-database.ts'
import { Room } from './room.ts'
import type { Snapshots } from './snapshots.ts'
import type { DatabaseThread, EngineOptions } from './thread.ts'
import { dropped, type Tree } from './tree.ts'
import { WritePath } from './write-path.ts'

/** Id of the keyspace that the database itself is. */
export const DEFAULT_KEYSPACE_ID = 0

/** What a keyspace fixes at its creation. */
export interface KeyspaceDefinition {
  readonly keyEncoding: string | undefined
  readonly valueEncoding: string | undefined
}

/**
 * An open database below its public API, as one thread uses it: reads, writes, snapshots. What changes the structure is its keeper's. It knows no encodings and no
 * user types.
 */
export class Engine {
  readonly thread: DatabaseThread
  readonly keeper: Keeper
  readonly kernel: Kernel
  readonly options: EngineOptions
  readonly fileSystem: FileSystem
  readonly blocks: BlockLoader
  readonly snapshots: Snapshots
  readonly events: Events
  readonly lease: Lease
  readonly cursorPages: CursorPages
  readonly room: Room
  readonly writes: WritePath
  readonly points: PointReader
  readonly recovery: RecoveryReport
  /** So many entries that a range passes before its first one are remembered as a gap; tests make it small. */
  gapFromEntries = 64
  readonly valueLimitBytes: number
  readonly batchLimitBytes: number
  /** Called once when the database is closed. */
  onClose: () => void = () => {}
  readonly #lock: OwnerLock
  #closing: Promise<void> | undefined

  constructor(thread: DatabaseThread, keeper: Keeper, lock: OwnerLock, recovery: RecoveryReport) {
    const { options } = thread
    this.thread = thread
    this.keeper = keeper
    this.kernel = thread.kernel
    this.options = options
    this.fileSystem = thread.fileSystem
    this.blocks = thread.blocks
    this.snapshots = thread.snapshots
    this.events = thread.events
    this.lease = thread.lease
    this.cursorPages = thread.cursorPages
    this.recovery = recovery
    this.valueLimitBytes = Math.floor(options.memoryLimit / 16)
    this.batchLimitBytes = Math.floor(options.memoryLimit / 4)
    this.#lock = lock
    this.room = new Room(this)
    this.writes = new WritePath(this)
    this.points = new PointReader(this)
  }

  // ── state ───────────────────────────────────────────────────────────────────────────────────────────────

  get closed(): boolean {
    return this.thread.closed || this.thread.shut
  }

  /** The beginning of every call. @throws CLOSED */
  assertOpen(): void {
    this.lease.generation++
    this.thread.assertOpen()
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
    const { thread, keeper } = this
    if (thread.inGroup) thread.poison(new Error('a write was cut short'))
    if (thread.poisonedBy !== undefined) throw thread.poisonedBy
    if (!keeper.catalog.begun) keeper.beginEpoch()
  }

  /** @throws POISONED */
  assertUnpoisoned(): void {
    this.keeper.assertUnpoisoned()
  }

  /** The keyspace of that id; undefined if it was dropped. */
  tree(id: number): Tree | undefined {
    return this.keeper.trees.get(id)
  }

  /** The journal that is written; undefined under durability `none`, and before the first write. */
  get journal(): JournalWriter | undefined {
    return this.keeper.journals.current
  }

  visibleSeqno(): number {
    return this.kernel.exports.visibleSeqno()
  }

  /** Whether the next group should go to a new journal. */
  get journalFull(): boolean {
    return this.keeper.journals.full
  }

  /** Bytes of memory nothing uses. */
  freeBytes(): number {
    return this.kernel.freePages() * PAGE_BYTES
  }

  cacheStats(): CacheStats {
    return cacheStatistics(this.kernel)
  }

  // ── closing ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Commits what is staged, seals everything and gives lock, files and memory back. */
  close(): Promise<void> {
    this.lease.generation++
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    const { thread, keeper } = this
    try {
      await this.writes.drain()
      thread.shut = true
      // NOTE: closing promises that everything acknowledged is durable; a poisoned database cannot say so.
      await keeper.finish()
    } finally {
      thread.shut = true
      this.#release()
      this.onClose()
      await this.#lock.release()
    }
  }

  /** At the end of the process: hands to the operating system what is staged or buffered. */
  exit(): void {
    const { keeper } = this
    if (this.thread.closed || !keeper.catalog.begun) return
    try {
      this.writes.drainSync()
      if (this.options.durability === 'none') keeper.flusher.flushAllSync(keeper.trees.values())
      else keeper.journals.writeOut()
    } catch {
      // NOTE: nobody is left to be told; the next open recovers what reached the disk.
    }
    this.#lock.releaseSync()
  }

  #release(): void {
    this.keeper.close()
    this.snapshots.close()
    this.kernel.release()
  }
}
