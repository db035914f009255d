import {
  CONTROL_GROUP,
  CONTROL_JOURNAL,
  CONTROL_JOURNAL_LOCK,
  CONTROL_POISON,
  CONTROL_SHUT,
  PAGE_BYTES,
} from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import { journalFileName, tableFileName } from '../fs/file-names.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import { JournalRecord } from '../journal/journal-record.ts'
import type { RecoveryPolicy } from '../journal/log-end.ts'
import { JournalWriter } from '../journal/writer.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { LockStatistics } from '../sync/lock-statistics.ts'
import { LockThread } from '../sync/lock-thread.ts'
import { Mutex } from '../sync/mutex.ts'
import { BlockLoader } from '../table/block-loader.ts'
import { isInCriticalSection } from './critical-section.ts'
import { StallCounters } from './counters.ts'
import { CursorPages } from './cursor-pages.ts'
import type { DatabaseDurability } from './durability.ts'
import { Events } from './events.ts'
import type { Lease } from './lease.ts'
import { Waiters } from './waiters.ts'
import { Snapshots } from './snapshots.ts'

/** Most of the memory may hold blocks, as long as nobody else needs it. */
const CACHE_SHARE = 13 / 16
/** What the block cache keeps when others need memory (a quarter of the memory if that is less). */
const CACHE_FLOOR_BYTES = 8388608

export interface EngineOptions {
  createIfMissing: boolean
  errorIfExists: boolean
  durability: DatabaseDurability
  memoryLimit: number
  memtableSize: number
  flushInterval: number
  stallTimeout: number
  maxPendingBytes: number
  recovery: RecoveryPolicy
}

/** A journal is left for a new one when it is this many memtables long. */
const MEMTABLES_PER_JOURNAL = 4
const JOURNAL_MIN_BYTES = 65536
/** NOTE: what is known of a journal's length is a word. */
const JOURNAL_MAX_BYTES = 1073741824

/** When a journal is left for a new one. */
export function journalLimitBytes({ memtableSize }: EngineOptions): number {
  return Math.min(JOURNAL_MAX_BYTES, Math.max(JOURNAL_MIN_BYTES, memtableSize * MEMTABLES_PER_JOURNAL))
}

/**
 * What one thread has of an open database, whether it uses it (Engine), changes its structure (Keeper), or both.
 */
export class DatabaseThread {
  readonly kernel: Kernel
  readonly fileSystem: FileSystem
  readonly options: EngineOptions
  readonly blocks: BlockLoader
  readonly snapshots: Snapshots
  readonly events: Events = new Events()
  readonly stalls: StallCounters = new StallCounters()
  readonly cursorPages: CursorPages = new CursorPages()
  /** Those who wait for a flush or a compaction to end. */
  readonly waiters: Waiters = new Waiters()
  /** What the value of a point read is lent under: every call ends it, and whatever frees memtables or closes tables. */
  readonly lease: Lease = { generation: 0 }
  /** Ranges open. */
  openRanges = 0
  /** Has the keeper of another thread sync the journal. */
  askForSync: () => Promise<void> = () => Promise.reject(new Error('there is no keeper'))
  /** Called again and again while this thread sleeps, if it is there. May poison. */
  onSleep: (() => void) | undefined
  /** Called when an S is no longer kept. */
  onSnapshotEnd: () => void = () => {}
  /** Other threads have the memory, too: locks and epochs are needed. Once true it stays so. */
  isShared = false
  /** Other threads read in the memory, and do nothing else: then no lock is needed, but epochs are. Once true it stays so. */
  hasReaders = false
  /** On a thread that only reads, and may neither lock nor wait: ends a read that it takes more for. */
  giveUp: (() => never) | undefined
  /** The keeper is this thread's. */
  isKeeping = true
  /** The journal lock: held while seqnos are given out, journalled, inserted and published, and while memtables that take writes are changed. */
  #journalLock: Mutex | undefined
  #lockDepth = 0
  readonly #syncs = new Set<Promise<void>>()
  #reads = false
  #journal: JournalWriter | undefined
  /** No calls are taken any more. */
  shut = false
  /** Files and memory are given back. */
  closed = false
  #poisonedBy: VarveError | undefined

  /** `isFirst`: nobody else has the memory yet. @throws NO_MEMORY */
  constructor(kernel: Kernel, fileSystem: FileSystem, options: EngineOptions, isFirst = true) {
    this.kernel = kernel
    this.fileSystem = fileSystem
    this.options = options
    this.blocks = new BlockLoader(
      kernel,
      Math.floor((options.memoryLimit * CACHE_SHARE) / PAGE_BYTES),
      Math.min(CACHE_FLOOR_BYTES, Math.floor(options.memoryLimit / 4)) / PAGE_BYTES,
      (id, descriptor) => this.adopt(tableFileName(id), descriptor),
      isFirst,
    )
    this.isShared = !isFirst
    this.isKeeping = isFirst
    this.snapshots = new Snapshots(kernel, () => this.onSnapshotEnd())
  }

  // ── writing ─────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A group of this thread is between its seqnos and its publication. NOTE: setting it is a plain store, which needs no stack, unlike poisoning; so a thread that stops
   * in the middle, whatever the cause, is noticed by the next call, and by the next that takes the lock.
   */
  get inGroup(): boolean {
    return this.kernel.words[CONTROL_GROUP >>> 2] === this.kernel.slotIndex + 1
  }

  set inGroup(inGroup: boolean) {
    this.kernel.words[CONTROL_GROUP >>> 2] = inGroup ? this.kernel.slotIndex + 1 : 0
  }

  /** Before what only one thread at a time may do; may be nested. @throws POISONED */
  lockJournal(): void {
    if (!this.isShared) return
    // NOTE: the thread that writes need not lock it where all others only read.
    this.giveUp?.()
    if (this.#lockDepth > 0) {
      this.#lockDepth++
      return
    }
    this.#lock.acquire()
    this.#lockDepth = 1
    if (this.kernel.words[CONTROL_GROUP >>> 2] === 0) return
    this.unlockJournal()
    throw this.poison(new Error('a write was cut short'))
  }

  /** INVARIANT: locked by this thread. */
  unlockJournal(): void {
    if (this.isShared && --this.#lockDepth === 0) this.#lock.release()
  }

  /** NOTE: made when it is needed: most databases have one thread. */
  get #lock(): Mutex {
    if (this.#journalLock === undefined) {
      const thread = new LockThread(this.kernel.words, this.kernel.slotIndex)
      thread.onSleep = () => this.onSleep?.()
      this.#journalLock = new Mutex(thread, CONTROL_JOURNAL_LOCK, 'journal')
    }
    return this.#journalLock
  }

  /** A thread that has ended waits for the journal lock no more. @returns false if it was handed the lock. @throws POISONED */
  forgetWaiting(slot: number): boolean {
    return this.#lock.forget(slot)
  }

  /** How much the journal lock was waited for, by all threads. */
  get journalLockStatistics(): LockStatistics {
    return this.#lock.statistics
  }

  /** Before what must not happen any more while the database is closed by its owner. INVARIANT: under the journal lock. @throws CLOSED */
  refuseShut(): void {
    if (this.#isShutOut) throw closed()
  }

  /** From here on no thread begins a group or a sync: the owner closes the database. */
  shutAll(): void {
    const shut = (): void => void Atomics.store(this.kernel.words, CONTROL_SHUT >>> 2, 1)
    try {
      this.locked(shut)
    } catch {
      // NOTE: poisoned, and whoever has the lock makes no group of it any more.
      shut()
    }
  }

  /** Whether reads of other threads begin at any time. */
  get isReadElsewhere(): boolean {
    return this.isShared || this.hasReaders
  }

  /** Whether the owner closes the database, and this thread is not the one that does it for him. */
  get #isShutOut(): boolean {
    return this.isShared && !this.isKeeping && this.#isShutByOwner
  }

  get #isShutByOwner(): boolean {
    return Atomics.load(this.kernel.words, CONTROL_SHUT >>> 2) !== 0
  }

  /** Whether the database is closed, on this thread or by its owner. */
  get isOver(): boolean {
    return this.closed || this.shut || this.#isShutByOwner
  }

  /** Takes a step under the journal lock. @throws what the step throws; POISONED */
  locked<T>(step: () => T): T {
    this.lockJournal()
    try {
      return step()
    } finally {
      this.unlockJournal()
    }
  }

  /**
   * The journal that is written; undefined under durability `none`, and before the first write.
   * INVARIANT: if the memory is shared, under the journal lock.
   */
  get journal(): JournalWriter | undefined {
    if (!this.isShared) return this.#journal
    const address = this.kernel.u32[CONTROL_JOURNAL >>> 2] as number
    if (address === 0) return undefined
    const known = this.#journal
    // NOTE: the record of another journal may lie there by now.
    if (known !== undefined && known.record.address === address && known.record.id === known.id) return known
    const record = new JournalRecord(this.kernel, address)
    const file = this.adopt(journalFileName(record.id), record.descriptor, record.syncDescriptor)
    const journal = new JournalWriter(this.kernel, file, record, journalLimitBytes(this.options))
    return (this.#journal = this.#heard(journal))
  }

  set journal(journal: JournalWriter | undefined) {
    this.#journal = journal && this.#heard(journal)
    this.kernel.u32[CONTROL_JOURNAL >>> 2] = journal === undefined ? 0 : journal.record.address
  }

  /** A journal whose sleeps are this thread's. */
  #heard(journal: JournalWriter): JournalWriter {
    journal.onSleep = () => this.onSleep?.()
    return journal
  }

  /** Makes everything acknowledged durable. Without a journal it does nothing. @throws DISK_FULL, POISONED */
  syncJournal(): void {
    this.guarded(() => {
      const journal = this.#writtenOut()
      try {
        journal?.syncWritten()
      } finally {
        journal?.record.endSync()
      }
    })
  }

  /** The same without blocking. NOTE: the keeper does it for all threads: one sync for all who wait, and only it is told of what fails in one. */
  syncJournalAsync(): Promise<void> {
    const sync = this.isShared && !this.isKeeping ? this.askForSync() : this.#syncAsync()
    this.#syncs.add(sync)
    const over = (): void => void this.#syncs.delete(sync)
    sync.then(over, over)
    return sync
  }

  get isSyncing(): boolean {
    return this.#syncs.size > 0
  }

  /** Resolves when no sync of this thread is under way. */
  async syncsSettled(): Promise<void> {
    await Promise.allSettled(this.#syncs)
  }

  async #syncAsync(): Promise<void> {
    try {
      const journal = this.#writtenOut()
      try {
        await journal?.syncWrittenAsync()
      } finally {
        if (!this.closed) journal?.record.endSync()
      }
    } catch (error) {
      throw this.#noteFailure(error)
    }
  }

  /** Hands buffered frames to the operating system. @throws DISK_FULL, POISONED */
  writeOutJournal(): void {
    this.guarded(() =>
      this.locked(() => {
        this.refuseShut()
        this.journal?.writeOut()
      }),
    )
  }

  /** Takes a step with the journal. If that poisons the journal, it poisons the database. @throws what the step throws */
  guarded<T>(step: () => T): T {
    try {
      return step()
    } catch (error) {
      throw this.#noteFailure(error)
    }
  }

  /** Remembers a poisoned journal. @returns the error to throw: what poisoned first, of which a sync that ran beside it knows nothing */
  #noteFailure(error: unknown): unknown {
    return error instanceof VarveError && error.code === 'POISONED' ? this.poison(error) : error
  }

  /** The journal, with nothing in its buffer; it is not closed before `endSync`. */
  #writtenOut(): JournalWriter | undefined {
    return this.locked(() => {
      this.refuseShut()
      const { journal } = this
      journal?.writeOut()
      journal?.record.beginSync()
      return journal
    })
  }

  /** A file that another thread opened. */
  adopt(name: string, descriptor: number, syncDescriptor?: number): File {
    const { fileSystem } = this
    if (fileSystem.adopt === undefined) throw new Error('threads cannot share the files of this host')
    return fileSystem.adopt(name, descriptor, syncDescriptor)
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Before the shared pointers are followed: what they lead to stays until `endRead`. */
  beginRead(): void {
    if (!this.isShared) return
    this.endRead()
    this.#reads = true
    this.kernel.exports.enterRead(this.kernel.slot)
    // ORDER: the read is announced before this look; the owner shuts before it looks for reads.
    if (!this.#isShutOut) return
    this.endRead()
    throw closed()
  }

  /** Idempotent. */
  endRead(): void {
    if (!this.#reads) return
    this.#reads = false
    this.kernel.exports.leaveRead(this.kernel.slot)
  }

  /**
   * What becomes of an error of a read. A trap of the kernel is a bug, and may leave a shard of the cache locked, as an overflow of the stack in the kernel may.
   * @returns the error to throw
   */
  readFailure(error: unknown): unknown {
    if (!(error instanceof WebAssembly.RuntimeError || error instanceof RangeError)) return error
    const { words, slotIndex } = this.kernel
    return error instanceof RangeError && !isInCriticalSection(words, slotIndex) ? error : this.poison(error)
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Why nothing is written any more. */
  get poisonedBy(): VarveError | undefined {
    if (this.#poisonedBy === undefined && this.kernel.words[CONTROL_POISON >>> 2] !== 0) {
      this.#poisonedBy = new VarveError(
        'POISONED',
        'Another thread could not go on, so the database takes no more writes; close it and open it again.',
      )
    }
    return this.#poisonedBy
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
      // NOTE: memory that was given back is somebody else's.
      if (!this.closed) Atomics.store(this.kernel.words, CONTROL_POISON >>> 2, 1)
    }
    return this.#poisonedBy
  }

  /** `journal`: why its journal takes nothing more. @throws POISONED */
  assertUnpoisoned(journal: VarveError | undefined): void {
    if (journal !== undefined) this.poison(journal)
    if (this.inGroup) this.poison(new Error('a write was cut short'))
    if (this.poisonedBy !== undefined) throw this.poisonedBy
  }

  /** @throws CLOSED */
  assertOpen(): void {
    if (this.closed || this.shut || this.#isShutOut) throw closed()
  }

  /** Gives back what this thread has of the memory; others go on. */
  detach(): void {
    this.closed = true
    this.endRead()
    this.kernel.detach()
  }

  noteStall(ms: number): void {
    this.stalls.add(ms)
    this.events.emit('stall', { ms })
  }
}

export function closed(): VarveError {
  return new VarveError('CLOSED', 'The database is closed; open it again to use it.')
}
