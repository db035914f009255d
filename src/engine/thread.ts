import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import type { FileSystem } from '../fs/filesystem.ts'
import type { JournalWriter } from '../journal/writer.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { BlockLoader } from '../table/block-loader.ts'
import { StallCounters } from './counters.ts'
import { CursorPages } from './cursor-pages.ts'
import type { DatabaseDurability } from './durability.ts'
import { Events } from './events.ts'
import type { Lease } from './lease.ts'
import { Waiters } from './waiters.ts'
import { Snapshots } from './snapshots.ts'

/** Most of the memory may hold blocks, as long as nobody else needs it. */
const CACHE_SHARE = 3 / 4
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
  recovery: 'tolerate-tail' | 'strict'
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
  /** The journal that is written; undefined under durability `none`, and before the first write. */
  journal: JournalWriter | undefined
  /** Called when an S is no longer kept. */
  onSnapshotEnd: () => void = () => {}
  /** A group is between its seqnos and its publication. A plain store: it needs no stack, unlike poisoning. */
  inGroup = false
  /** No calls are taken any more. */
  shut = false
  /** Files and memory are given back. */
  closed = false
  #poisonedBy: VarveError | undefined

  /** @throws NO_MEMORY */
  constructor(kernel: Kernel, fileSystem: FileSystem, options: EngineOptions) {
    this.kernel = kernel
    this.fileSystem = fileSystem
    this.options = options
    this.blocks = new BlockLoader(
      kernel,
      Math.floor((options.memoryLimit * CACHE_SHARE) / PAGE_BYTES),
      Math.min(CACHE_FLOOR_BYTES, Math.floor(options.memoryLimit / 4)) / PAGE_BYTES,
    )
    this.snapshots = new Snapshots(kernel, () => this.onSnapshotEnd())
  }

  /** Why nothing is written any more. */
  get poisonedBy(): VarveError | undefined {
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
    }
    return this.#poisonedBy
  }

  /** @throws CLOSED */
  assertOpen(): void {
    if (this.closed || this.shut) {
      throw new VarveError('CLOSED', 'The database is closed; open it again to use it.')
    }
  }

  /** Remembers a poisoned journal. @returns the same error */
  noteFailure(error: unknown): unknown {
    if (error instanceof VarveError && error.code === 'POISONED') this.poison(error)
    return error
  }

  noteStall(ms: number): void {
    this.stalls.add(ms)
    this.events.emit('stall', { ms })
  }
}
