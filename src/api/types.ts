/** Shapes of the public API: encodings, options of reads and writes. */

import type { Progress } from '../engine/progress.ts'
import type { Durability } from '../engine/durability.ts'
import type { KeyspaceStats } from '../engine/keyspace-figures.ts'
import type { LockStatistics } from '../sync/lock-statistics.ts'
import type { CacheStats } from '../table/cache-statistics.ts'

export type { Durability }
export type { LockStatistics } from '../sync/lock-statistics.ts'
export type { RecoveryReport } from '../engine/read-database.ts'
export type { Loss, SalvageReport } from '../engine/salvage-report.ts'
export type { KeyspaceStats, LevelStats } from '../engine/keyspace-figures.ts'
export type { CacheCounts, CacheStats } from '../table/cache-statistics.ts'

/** How keys or values are turned into bytes and back. Decoding must not keep the bytes it is given. */
export interface Encoding<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

export type KeyEncoding = 'bytes' | 'buffer' | 'utf8' | Encoding<never> | Encoding<unknown>
export type ValueEncoding = KeyEncoding | 'json'

/** What reads return under an encoding. */
export type Decoded<E> = E extends 'utf8'
  ? string
  : E extends 'buffer'
    ? Buffer
    : E extends 'json'
      ? // JSON has no static type of its own; callers know their documents.
        unknown
      : E extends Encoding<infer T>
        ? T
        : Uint8Array

/** What writes and lookups accept under an encoding: strings (as UTF-8) and bytes everywhere. */
export type Accepted<E> = E extends 'json' ? unknown : E extends Encoding<infer T> ? T : string | Uint8Array

/** See `OpenOptions.createWorker`. `source`: the script, CommonJS, without dependencies. */
export type CreateWorker = (source: string, options: object) => object

/** How keys and values are seen on a thread that attaches; by default as on the thread that opened the database, if its encodings are built in. */
export interface AttachOptions<KE extends KeyEncoding, VE extends ValueEncoding> {
  keyEncoding?: KE
  valueEncoding?: VE
}

export interface WriteOptions {
  /** At least this durable before the acknowledgement; default: the database's. */
  durability?: Durability
}

export interface ReadOptions {
  /** Read as of this snapshot instead of the latest state. */
  snapshot?: SnapshotHandle
}

/** Identity of an open snapshot; see `Snapshot`. */
export interface SnapshotHandle {
  readonly closed: boolean
}

/** The keys that a range covers. */
export interface BoundOptions<K> {
  gte?: K
  gt?: K
  lte?: K
  lt?: K
  /** Only keys that start with these bytes; may be combined with bounds. */
  prefix?: K
}

/** What a compaction covers: without bounds all keys. */
export interface CompactOptions<K> extends BoundOptions<K> {
  /** Ends it with ABORTED; what was not finished stays as it was. */
  signal?: AbortSignal
  /** Called after each of its steps; how many bytes it will read in all is estimated. */
  onProgress?: (progress: Progress) => void
}

export interface VerifyOptions {
  /** Ends it with ABORTED. */
  signal?: AbortSignal
  /** Called now and then with how far it is. */
  onProgress?: (progress: Progress) => void
}

export interface RangeOptions<K> extends ReadOptions, BoundOptions<K> {
  /** From the largest key to the smallest. */
  reverse?: boolean
  /** At most that many entries; -1 or Infinity means all. */
  limit?: number
  /** Ends the iteration with ABORTED (asynchronous ranges). */
  signal?: AbortSignal
}

/** A range whose keys and values are handed out where they lie; encodings apply to its bounds only. See `Slice`. */
export interface SliceRangeOptions<K> extends RangeOptions<K> {
  slices: true
}

/** A range whose keys and values are copied and decoded. */
export interface DecodedRangeOptions<K> extends RangeOptions<K> {
  slices?: false
}

/** How a keyspace's tables are merged. */
export interface CompactionOptions {
  /**
   * `leveled` (default): for everything. `fifo`: nothing is merged, the oldest tables are dropped with all they hold; for data written in the order of its keys
   * and not changed, as logs and events are.
   */
  strategy?: 'leveled' | 'fifo'
  /** `fifo`: bytes of tables; when there are more the oldest go. */
  sizeLimit?: number
  /** `fifo`: milliseconds after which a table goes, looked at whenever one is written, and by compact(). */
  ttl?: number
}

/** How a keyspace's tables are written. Each a value for all levels, or a list by level: as flushed, base level, and on; the last for all below. */
export interface TableOptions {
  /** Bytes at which a data block ends, before compression: 256 to 65,536. Default 4096. */
  blockSize?: number | readonly number[]
  /** Entries between two that are stored with their whole key: 1 to 255. Default 4. */
  restartInterval?: number | readonly number[]
  /** Default `['none', 'none', 'lz4']`. */
  compression?: 'none' | 'lz4' | readonly ('none' | 'lz4')[]
  /** Bits of the Bloom filter for each key, 1 to 40; 0: no filter. Default 10. */
  bitsPerKey?: number | readonly number[]
}

/** How keys and values are turned into bytes; `bytes` if not given. */
export interface EncodingOptions<KE extends KeyEncoding, VE extends ValueEncoding> {
  keyEncoding?: KE
  valueEncoding?: VE
}

/** Fixed when a keyspace is created. Compaction and tables may be changed by giving others later; tables that are there stay as they are until they are merged. */
export interface KeyspaceOptions<KE extends KeyEncoding, VE extends ValueEncoding> extends EncodingOptions<
  KE,
  VE
> {
  compaction?: CompactionOptions
  tables?: TableOptions
}

export interface OpenOptions<KE extends KeyEncoding, VE extends ValueEncoding> extends KeyspaceOptions<
  KE,
  VE
> {
  /** Create the database (and the last path component) if there is none. Default true. */
  createIfMissing?: boolean
  /** EXISTS if there is one. Default false. */
  errorIfExists?: boolean
  /** Durability of writes that do not say; `none` (no journal at all) exists only here. Default `os`. */
  durability?: Durability | 'none'
  /** Bytes of memory for everything: memtables, blocks, buffers. 16 MiB to 4 GiB − 128 KiB. Default 256 MiB. */
  memoryLimit?: number
  /** Bytes at which a memtable is sealed and flushed. */
  memtableSize?: number
  /** Longest time in milliseconds that a `buffered` write stays in the engine's buffer. Default 10. */
  flushInterval?: number
  /** Milliseconds a write may wait for room before WRITE_STALLED. Default 10,000. */
  stallTimeout?: number
  /** Most bytes of un-awaited writes that may be staged. Default 64 MiB. */
  maxPendingBytes?: number
  /**
   * What to do with an incomplete end of the log: cut and report it (default), or refuse to open (`strict`). `salvage`: open even a damaged database, with everything in it that can be
   * read and believed; `db.recovery.salvage` tells what is lost, and where the files lie as they were. It reads every file.
   */
  recovery?: 'tolerate-tail' | 'strict' | 'salvage'
  /**
   * Background threads that the process may start for its databases: they flush, compact, verify and sync; each database uses one. 0: everything is done on the calling thread,
   * as it is where the host has no threads or keeps files to one. Default 1.
   */
  threads?: number
  /**
   * Starts a background thread, where the default, a worker made of text, is not possible or wanted. It is given the script and the options for the host's Worker, and returns
   * the Worker. Databases with the same function share their threads. On a page of a browser it is called for the worker of the database, and again for a second one where memory can be
   * shared; each time it returns a new one.
   * @example createWorker: (source, options) => new Worker(new URL('./varve-worker.cjs', import.meta.url), { ...options, eval: false })
   */
  createWorker?: CreateWorker
  /**
   * In pages of a browser: several tabs may have the database open at the same time. One of them has it, the others are served by that one. false: LOCKED where another one has it.
   * Elsewhere it means nothing. Default true.
   */
  multiTab?: boolean
}

export interface SnapshotStats {
  /** It sees the entries with smaller sequence numbers. */
  seqno: number
  /** Milliseconds since it was taken. */
  ageMs: number
}

export interface DatabaseStats {
  keyspaces: KeyspaceStats[]
  journals: number
  journalBytes: number
  /** Next sequence number. */
  seqno: number
  epoch: number
  /** Snapshots and ranges that are open. */
  openReads: number
  openIterators: number
  /** Writes that had to wait for a flush or a compaction, or to do one, since the database was opened, and for how long in all. */
  stalls: number
  stalledMs: number
  /** Why the last work in the background failed, which is tried again; undefined if it did not. */
  backgroundError: string | undefined
  /** How often threads found the lock of the journal taken, and for how long they waited for it in all. */
  journalLock: LockStatistics
  /** Oldest first. What a snapshot sees stays on disk until it is closed. */
  openSnapshots: SnapshotStats[]
  memoryLimit: number
  memoryFreeBytes: number
  cache: CacheStats
}
