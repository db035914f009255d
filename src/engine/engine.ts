import { PAGE_BYTES, SLOT_COUNT } from '../../assembly/memory/layout.ts'
import type { FileSystem, OwnerLock } from '../fs/filesystem.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { BlockLoader } from '../table/block-loader.ts'
import { cacheStatistics, type CacheStats } from '../table/cache-statistics.ts'
import type { CursorPages } from './cursor-pages.ts'
import type { Events } from './events.ts'
import type { KeeperPort, SharedEnds } from './keeper-port.ts'
import { readsElsewhereEnded } from './last-reads.ts'
import type { Lease } from './lease.ts'
import { PointReader } from './point-read.ts'
import type { RecoveryReport } from './read-database.ts'
import { Room } from './room.ts'
import type { Snapshots } from './snapshots.ts'
import type { DatabaseThread, EngineOptions } from './thread.ts'
import { dropped, TreeDoor, type TreeIdentity } from './tree-door.ts'
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
  readonly keeper: KeeperPort
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
  /** Of the owner. Without it this is another thread's, a guest. */
  readonly #lock: OwnerLock | undefined
  #closing: Promise<void> | undefined
  #endsTurn = false
  /** Whether this open has an epoch of its own already, in which files may be written. */
  #begun: boolean
  /** Keyspaces that were opened on this thread, by id. */
  readonly #doors = new Map<number, TreeDoor>()

  /** `lock`: of the thread that opened the database. */
  constructor(
    thread: DatabaseThread,
    keeper: KeeperPort,
    lock: OwnerLock | undefined,
    recovery: RecoveryReport,
  ) {
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
    this.#begun = keeper.begun
    thread.askForSync = () => keeper.ask('sync')
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
    this.thread.endRead()
    this.thread.assertOpen()
  }

  /**
   * What the read that was just made found is handed out where it lies, until the next call or the end of the turn.
   * NOTE: with one thread it stays beyond the turn, as long as nothing is called.
   */
  lend(): void {
    if (!this.thread.isShared || this.#endsTurn) return
    this.#endsTurn = true
    queueMicrotask(() => {
      this.#endsTurn = false
      this.lease.generation++
      this.thread.endRead()
    })
  }

  /** @throws CLOSED, NOT_FOUND for a dropped keyspace */
  assertReadable(tree: TreeDoor): void {
    this.assertOpen()
    if (tree.dropped) throw dropped()
  }

  /** Reading, and also beginning the epoch if this is the first write. @throws CLOSED, NOT_FOUND, POISONED */
  assertWritable(tree: TreeDoor | undefined): void {
    this.assertOpen()
    if (tree === undefined || tree.dropped) throw dropped()
    this.assertUnpoisoned()
    if (!this.#begun) this.#begin()
  }

  /** @throws POISONED */
  assertUnpoisoned(): void {
    const { thread } = this
    // NOTE: on several threads it is the one whose write or sync failed that poisons.
    thread.assertUnpoisoned(thread.isShared ? undefined : thread.journal?.poisoned)
  }

  #begin(): void {
    this.keeper.call('begin')
    this.#begun = true
  }

  // ── keyspaces ───────────────────────────────────────────────────────────────────────────────────────────

  /** The door to a keyspace that was opened; undefined if it was dropped. */
  tree(id: number): TreeDoor | undefined {
    const tree = this.#doors.get(id)
    return tree === undefined || tree.dropped ? undefined : tree
  }

  /** This thread's door to a keyspace. */
  openTree(identity: TreeIdentity): TreeDoor {
    let door = this.#doors.get(identity.id)
    if (door === undefined) {
      for (const [id, { dropped: gone }] of this.#doors) if (gone) this.#doors.delete(id)
      door = new TreeDoor(this.kernel, identity)
      this.#doors.set(identity.id, door)
    }
    return door
  }

  // ── journal ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether the next group should go to a new journal. NOTE: if the memory is shared, without the lock it is a guess. */
  get journalFull(): boolean {
    return this.thread.journal?.isFull === true
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Several reads at one S: `seqno`, or the latest if that is 0. */
  readingAt<T>(seqno: number, read: (seqno: number) => T): T {
    if (seqno !== 0) return read(seqno)
    if (!this.thread.isShared) return read(this.visibleSeqno())
    const held = this.snapshots.holdLatest()
    try {
      return read(held.seqno)
    } finally {
      this.snapshots.letGo(held)
    }
  }

  visibleSeqno(): number {
    return this.kernel.exports.visibleSeqno()
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

  /** Ends and slot for another thread. @throws NOT_SUPPORTED, NO_MEMORY, POISONED */
  share(): Promise<SharedEnds> {
    this.assertOpen()
    this.assertUnpoisoned()
    if (!this.#begun) this.#begin()
    return this.keeper.share()
  }

  /**
   * Lets another thread read in the memory until the database is closed, with nothing else of it.
   * @returns index of the slot that is kept for it; undefined if all are taken. @throws CLOSED
   */
  admitReader(): number | undefined {
    this.assertOpen()
    this.thread.hasReaders = true
    const slot = this.kernel.exports.takeSlot()
    return slot === SLOT_COUNT ? undefined : slot
  }

  async #close(): Promise<void> {
    const { thread, keeper } = this
    if (this.#lock === undefined) return this.#leave()
    try {
      await this.writes.drain()
      if (thread.isSyncing) await thread.syncsSettled()
      thread.shut = true
      if (thread.isReadElsewhere) thread.shutAll()
      if (thread.hasReaders) await readsElsewhereEnded(this.kernel.words, [this.kernel.slotIndex])
      // ORDER: no file is closed while a read of it is under way. Those who wait for it are told CLOSED.
      await this.blocks.reads.idle()
      await keeper.finish()
    } finally {
      thread.shut = true
      await this.blocks.reads.idle()
      this.#release()
      this.onClose()
      await this.#lock.release()
    }
  }

  /** Lets go of what this thread has; the database stays open on others. */
  async #leave(): Promise<void> {
    const { thread, keeper, snapshots } = this
    try {
      await this.writes.drain()
      await thread.syncsSettled()
    } finally {
      thread.shut = true
      await this.blocks.reads.idle()
      snapshots.releaseOf(thread.kernel.slotIndex)
      snapshots.close()
      keeper.close()
      thread.detach()
      this.onClose()
    }
  }

  /** At the end of the process: hands to the operating system what is staged or buffered. */
  exit(): void {
    if (this.thread.closed) return
    try {
      this.writes.drainSync()
      // NOTE: an open that has written nothing leaves the files as they are.
      if (!this.keeper.begun) return
      // NOTE: a close under way takes care of everything; the thread that is at it ends with the process.
      if (this.thread.shut && this.keeper.awaitFinish()) return this.#lock?.releaseSync()
      if (this.options.durability === 'none') this.keeper.call('flushSync', undefined)
      else this.thread.writeOutJournal()
    } catch {
      // NOTE: nobody is left to be told; the next open recovers what reached the disk.
    }
    this.#lock?.releaseSync()
  }

  #release(): void {
    this.keeper.close()
    this.snapshots.close()
    this.kernel.release()
  }
}
