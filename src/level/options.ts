import type {
  AbstractBatchOptions,
  AbstractChainedBatchWriteOptions,
  AbstractDatabaseOptions,
  AbstractDelOptions,
  AbstractGetManyOptions,
  AbstractGetOptions,
  AbstractHasManyOptions,
  AbstractHasOptions,
  AbstractIteratorOptions,
  AbstractKeyIteratorOptions,
  AbstractOpenOptions,
  AbstractPutOptions,
  AbstractValueIteratorOptions,
  Transcoder,
} from 'abstract-level'
import type { Durability, OpenOptions } from '../index.ts'

/** Options of varve's that mean the same here. */
const VARVE_OPTIONS = [
  'durability',
  'memoryLimit',
  'memtableSize',
  'flushInterval',
  'stallTimeout',
  'maxPendingBytes',
  'recovery',
  'compaction',
  'tables',
] as const

type VarveOptions = Pick<OpenOptions<'bytes', 'bytes'>, (typeof VARVE_OPTIONS)[number]>

/** Options of classic-level. */
interface ClassicOptions {
  /** `false`: tables are not compressed. Default: lz4 from the second level on. See `tables` for more. */
  compression?: boolean | undefined
  /** At least that many bytes of cached blocks: raises the default of `memoryLimit`, of which caches get about a half. */
  cacheSize?: number | undefined
  /** Bytes at which a memtable is sealed and flushed: the default of `memtableSize`. */
  writeBufferSize?: number | undefined
  /** Bytes at which a data block ends; from 256 to 65,536. */
  blockSize?: number | undefined
  /** Entries between two that are stored with their whole key; from 1 to 255. */
  blockRestartInterval?: number | undefined
  /** Has no effect: every table is kept open. */
  maxOpenFiles?: number | undefined
  /** Has no effect: the sizes of tables follow from their levels. */
  maxFileSize?: number | undefined
  /** Has no effect. */
  multithreading?: boolean | undefined
}

export interface LevelOpenOptions extends AbstractOpenOptions, ClassicOptions, VarveOptions {}

export interface DatabaseOptions<K, V>
  extends AbstractDatabaseOptions<K, V>, Omit<LevelOpenOptions, 'passive'> {}

/** Of put, del, batch and write. */
export interface WriteOptions {
  /** Resolve only when the write is on the disk (fdatasync). Default: as the database's `durability` says. */
  sync?: boolean | undefined
}

/** Of reads. */
interface ReadOptions {
  /** Has no effect: blocks that are read once do not drive out those that are read often. */
  fillCache?: boolean | undefined
}

interface IterationOptions extends ReadOptions {
  /** Has no effect: what is read ahead are at most 64 KiB. */
  highWaterMarkBytes?: number | undefined
}

export type GetOptions<K, V> = AbstractGetOptions<K, V> & ReadOptions
export type GetManyOptions<K, V> = AbstractGetManyOptions<K, V> & ReadOptions
export type HasOptions<K> = AbstractHasOptions<K> & ReadOptions
export type HasManyOptions<K> = AbstractHasManyOptions<K> & ReadOptions
export type PutOptions<K, V> = AbstractPutOptions<K, V> & WriteOptions
export type DelOptions<K> = AbstractDelOptions<K> & WriteOptions
export type BatchOptions<K, V> = AbstractBatchOptions<K, V> & WriteOptions
export type ChainedBatchWriteOptions = AbstractChainedBatchWriteOptions & WriteOptions
export type IteratorOptions<K, V> = AbstractIteratorOptions<K, V> & IterationOptions
export type KeyIteratorOptions<K> = AbstractKeyIteratorOptions<K> & IterationOptions
export type ValueIteratorOptions<K, V> = AbstractValueIteratorOptions<K, V> & IterationOptions

/** Of approximateSize and compactRange. */
export interface StartEndOptions<K> {
  /** How `start` and `end` are encoded; default: as keys are. */
  keyEncoding?: string | Transcoder.PartialEncoder<K> | undefined
}

const MEMORY_LIMIT_DEFAULT_BYTES = 268435456
const MEMORY_LIMIT_MAX_BYTES = 4294836224

/** What `open` is given. Options that neither varve nor classic-level knows are abstract-level's or the user's own. */
export function openOptions(options: LevelOpenOptions): OpenOptions<'bytes', 'bytes'> {
  const result: Record<string, unknown> = {
    createIfMissing: options.createIfMissing,
    errorIfExists: options.errorIfExists,
    // NOTE: asked for by name, they are a raw view of a database that was created with others.
    keyEncoding: 'bytes',
    valueEncoding: 'bytes',
  }
  for (const name of VARVE_OPTIONS) if (options[name] !== undefined) result[name] = options[name]
  result['memoryLimit'] ??= memoryLimitFor(options.cacheSize)
  result['memtableSize'] ??= memtableSizeFor(options.writeBufferSize, result['memoryLimit'])
  result['tables'] ??= tablesFor(options)
  return result
}

function memoryLimitFor(cacheSizeBytes: number | undefined): number | undefined {
  if (typeof cacheSizeBytes !== 'number' || !(cacheSizeBytes * 2 > MEMORY_LIMIT_DEFAULT_BYTES))
    return undefined
  return Math.min(Math.ceil(cacheSizeBytes * 2), MEMORY_LIMIT_MAX_BYTES)
}

function memtableSizeFor(writeBufferSizeBytes: number | undefined, memoryLimit: unknown): number | undefined {
  if (typeof writeBufferSizeBytes !== 'number') return undefined
  const limitBytes = typeof memoryLimit === 'number' ? memoryLimit : MEMORY_LIMIT_DEFAULT_BYTES
  return Math.max(1, Math.min(Math.floor(writeBufferSizeBytes), Math.floor(limitBytes / 4)))
}

function tablesFor(options: ClassicOptions): OpenOptions<'bytes', 'bytes'>['tables'] {
  const { compression, blockSize, blockRestartInterval } = options
  const tables: Record<string, unknown> = {}
  if (compression === false) tables['compression'] = 'none'
  if (blockSize !== undefined) tables['blockSize'] = clamp(blockSize, 256, 65536)
  if (blockRestartInterval !== undefined) tables['restartInterval'] = clamp(blockRestartInterval, 1, 255)
  return Object.keys(tables).length === 0 ? undefined : tables
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(Math.floor(value), most))
}

const SYNC: { readonly durability: Durability } = Object.freeze({ durability: 'sync' })

/** What a write of the engine is given. */
export function writeOptions(options: WriteOptions): { readonly durability: Durability } | undefined {
  return options.sync === true ? SYNC : undefined
}
