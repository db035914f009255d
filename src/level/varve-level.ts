import {
  AbstractLevel,
  type AbstractBatchOperation,
  type AbstractIterator,
  type AbstractIteratorOptions,
  type AbstractKeyIterator,
  type AbstractKeyIteratorOptions,
  type AbstractValueIterator,
  type AbstractValueIteratorOptions,
  type Transcoder,
} from 'abstract-level'
import type { Database, ReadOptions } from '../index.ts'
import type { Range } from './bounds.ts'
import { ChainedBatch } from './chained-batch.ts'
import { clearRange } from './clearing.ts'
import { createParents, destroy, FORMATS, isSynchronous, open } from './engine.ts'
import { EntryReader, type ReaderMode, type ReaderOptions } from './entry-reader.ts'
import { LevelError, levelError, notOpen, translated, translatedSoon } from './errors.ts'
import { Formats, type Data, type Format, type FormattedKeyspace } from './formats.ts'
import { LevelIterator, LevelKeyIterator, LevelValueIterator } from './iterators.ts'
import {
  openOptions,
  writeOptions,
  type BatchOptions,
  type DatabaseOptions,
  type DelOptions,
  type GetManyOptions,
  type GetOptions,
  type HasManyOptions,
  type HasOptions,
  type IteratorOptions,
  type KeyIteratorOptions,
  type LevelOpenOptions,
  type PutOptions,
  type StartEndOptions,
  type ValueIteratorOptions,
  type WriteOptions,
} from './options.ts'
import { propertyOf } from './properties.ts'
import { LevelSnapshot, snapshotOf } from './snapshot.ts'

interface KeyFormat {
  keyEncoding: Format
}

interface EntryFormat extends KeyFormat {
  valueEncoding: Format
}

interface AtSnapshot {
  snapshot?: unknown
}

interface BatchOperation {
  type: 'put' | 'del'
  key: Data
  value: Data
}

// NOTE: the types of manifests do not know getSync yet.
const MANIFEST = {
  encodings: Object.fromEntries(FORMATS.map((format) => [format, true])),
  has: true,
  getSync: isSynchronous(),
  seek: true,
  permanence: true,
  createIfMissing: true,
  errorIfExists: true,
  explicitSnapshots: true,
  implicitSnapshots: true,
  additionalMethods: { approximateSize: true, compactRange: true },
  signals: { iterators: true },
}

/**
 * A varve database behind the interface of abstract-level: what runs on `classic-level` or `level` runs on it.
 * docs/migrate-from-classic-level.md says what is different.
 *
 * @example
 * import { VarveLevel } from 'varve/level'
 * const db = new VarveLevel('./data', { valueEncoding: 'json' })
 * await db.put('ada', { born: 1815 })
 * for await (const [key, value] of db.iterator({ gte: 'a', lt: 'b' })) console.log(key, value)
 * await db.close()
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the class inherits what the interface names; that adds types alone
export class VarveLevel<KDefault = string, VDefault = string> extends AbstractLevel<
  Data,
  KDefault,
  VDefault
> {
  readonly #location: string
  #group: Promise<void> | undefined
  #translation: Promise<void> = Promise.resolve()
  #opened: { readonly db: Database<'bytes', 'bytes'>; readonly formats: Formats } | undefined

  /** `location`: the path of the directory; it and its parents are created if they are missing. */
  constructor(location: string, options?: DatabaseOptions<KDefault, VDefault>) {
    checkLocation(location)
    super(MANIFEST, options)
    this.#location = location
  }

  /** What the constructor was given. */
  get location(): string {
    return this.#location
  }

  // ── what classic-level has beyond abstract-level ────────────────────────────────────────────────────────

  /** About how many bytes of files the entries from `start` up to `end`, itself not included, take. */
  approximateSize<K = KDefault>(start: K, end: K, options?: StartEndOptions<K>): Promise<number> {
    return this.#span('approximateSize', start, end, options, (db, range) => db.approximateSize(range))
  }

  /** Merges the tables that hold entries from `start` up to `end`, itself not included. */
  compactRange<K = KDefault>(start: K, end: K, options?: StartEndOptions<K>): Promise<void> {
    return this.#span('compactRange', start, end, options, (db, range) => db.compact(range))
  }

  /** A figure by LevelDB's name for it: `leveldb.num-files-at-level<N>`, `leveldb.stats`, `leveldb.approximate-memory-usage`; '' for any other. */
  getProperty(property: string): string {
    if (typeof property !== 'string') throw new TypeError("The first argument 'property' must be a string")
    if (this.status !== 'open') throw notOpen('getProperty')
    return translated(() => propertyOf(this.#db.stats(), property))
  }

  /** Removes a database with all it holds, and its directory if nothing else is in it. @throws LEVEL_LOCKED if it is open */
  static async destroy(location: string): Promise<void> {
    checkLocation(location)
    try {
      await destroy(location)
    } catch (error) {
      throw levelError(error)
    }
  }

  /** Saves what can be read of a damaged database; the files as they were are kept in a directory in it. @throws LEVEL_LOCKED if it is open */
  static async repair(location: string): Promise<void> {
    checkLocation(location)
    try {
      const db = await open(location, {
        keyEncoding: 'bytes',
        valueEncoding: 'bytes',
        recovery: 'salvage',
        createIfMissing: false,
      })
      await db.close()
    } catch (error) {
      throw levelError(error)
    }
  }

  async #span<K, T>(
    method: string,
    start: K,
    end: K,
    options: StartEndOptions<K> | undefined,
    step: (db: Database<'bytes', 'bytes'>, range: { gte: Data; lt: Data }) => Promise<T>,
  ): Promise<T> {
    if (start === undefined || end === undefined) {
      throw new TypeError("The arguments 'start' and 'end' are required")
    }
    if (this.status === 'opening') return this.deferAsync(() => this.#span(method, start, end, options, step))
    if (this.status !== 'open') throw notOpen(method)
    // NOTE: the types of keyEncoding() tell names from encoders; at run time it takes either, or nothing.
    const encoding = this.keyEncoding(options?.keyEncoding as Transcoder.PartialEncoder<unknown>)
    const encode = (key: unknown): Data => encoding.encode(key)
    const range = { gte: encode(start), lt: encode(end) }
    try {
      return await step(this.#db, range)
    } catch (error) {
      throw levelError(error)
    }
  }

  // ── the private interface, which abstract-level calls ───────────────────────────────────────────────────

  get #db(): Database<'bytes', 'bytes'> {
    if (this.#opened === undefined) throw new LevelError('LEVEL_DATABASE_NOT_OPEN', 'Database is not open')
    return this.#opened.db
  }

  /** @internal */
  async _open(options: LevelOpenOptions): Promise<void> {
    try {
      // NOTE: if it cannot, `open` says why in its own words.
      if (options.createIfMissing !== false) await createParents(this.#location).catch(() => undefined)
      const db = await open(this.#location, openOptions(options))
      this.#opened = { db, formats: new Formats(db) }
    } catch (error) {
      throw levelError(error)
    }
  }

  /** @internal */
  async _close(): Promise<void> {
    const db = this.#opened?.db
    try {
      await db?.close()
    } catch (error) {
      throw levelError(error)
    } finally {
      this.#opened = undefined
    }
  }

  /** @internal */
  _put(key: Data, value: Data, options: WriteOptions): Promise<void> {
    return this.#acknowledged(() => this.#db.put(key, value, writeOptions(options)))
  }

  /** @internal */
  _del(key: Data, options: WriteOptions): Promise<void> {
    return this.#acknowledged(() => this.#db.delete(key, writeOptions(options)))
  }

  /** @internal */
  _batch(operations: readonly BatchOperation[], options: WriteOptions): Promise<void> {
    return this.#acknowledged(() => {
      const batch = this.#db.batch()
      for (const operation of operations) {
        if (operation.type === 'put') batch.put(operation.key, operation.value)
        else batch.delete(operation.key)
      }
      return batch.commit(writeOptions(options))
    })
  }

  /** @internal */
  _chainedBatch(): ChainedBatch<this, KDefault, VDefault> {
    return new ChainedBatch(this, this.#db.batch())
  }

  /** @internal */
  async _clear(options: Range & AtSnapshot): Promise<void> {
    try {
      await clearRange(this.#db, options, snapshotOf(options))
    } catch (error) {
      throw levelError(error)
    }
  }

  // NOTE: not async: what is in memory comes at once, and abstract-level awaits it anyway.
  /** @internal */
  _get(key: Data, options: EntryFormat & AtSnapshot): Data | undefined | Promise<Data | undefined> {
    return translatedSoon(() => this.#keyspace(options).getSoon(key, readOptions(options)))
  }

  /** @internal */
  _getSync(key: Data, options: EntryFormat & AtSnapshot): Data | undefined {
    try {
      return this.#keyspace(options).getSync(key, readOptions(options))
    } catch (error) {
      throw levelError(error)
    }
  }

  /** @internal */
  _getMany(
    keys: readonly Data[],
    options: EntryFormat & AtSnapshot,
  ): (Data | undefined)[] | Promise<(Data | undefined)[]> {
    return translatedSoon(() => this.#keyspace(options).getManySoon(keys, readOptions(options)))
  }

  /** @internal */
  async _has(key: Data, options: AtSnapshot): Promise<boolean> {
    return translatedSoon(() => this.#db.hasSoon(key, readOptions(options)))
  }

  /** @internal */
  async _hasMany(keys: readonly Data[], options: AtSnapshot): Promise<boolean[]> {
    return translatedSoon(async () => {
      const given = snapshotOf(options)
      // NOTE: all keys at one moment.
      const snapshot = given ?? this.#db.snapshot()
      try {
        return await Promise.all(keys.map((key) => snapshot.hasSoon(key)))
      } finally {
        if (given === undefined) snapshot.close()
      }
    })
  }

  /** @internal */
  _snapshot(options: { owner: AbstractLevel<unknown> }): LevelSnapshot {
    return translated(() => new LevelSnapshot(this.#db.snapshot(), options))
  }

  /** @internal */
  _iterator(
    options: AbstractIteratorOptions<KDefault, VDefault> & ReaderOptions & EntryFormat & AtSnapshot,
  ): LevelIterator<KDefault, VDefault> {
    const { keys, values } = options
    const mode =
      values !== false
        ? keys !== false
          ? 'entries'
          : 'valueEntries'
        : keys !== false
          ? 'keyEntries'
          : 'hollow'
    return new LevelIterator(this, options, this.#reader(mode, options))
  }

  /** @internal */
  _keys(
    options: AbstractKeyIteratorOptions<KDefault> & ReaderOptions & EntryFormat & AtSnapshot,
  ): LevelKeyIterator<KDefault, VDefault> {
    return new LevelKeyIterator<KDefault, VDefault>(this, options, this.#reader('keys', options))
  }

  /** @internal */
  _values(
    options: AbstractValueIteratorOptions<KDefault, VDefault> & ReaderOptions & EntryFormat & AtSnapshot,
  ): LevelValueIterator<KDefault, VDefault> {
    return new LevelValueIterator(this, options, this.#reader('values', options))
  }

  #reader<T>(mode: ReaderMode, options: ReaderOptions & EntryFormat & AtSnapshot): EntryReader<T> {
    return translated(() => {
      const given = snapshotOf(options)
      return new EntryReader<T>(
        this.#keyspace(options),
        mode,
        options,
        given ?? this.#db.snapshot(),
        given === undefined,
      )
    })
  }

  #keyspace({ keyEncoding, valueEncoding }: EntryFormat): FormattedKeyspace {
    if (this.#opened === undefined) throw new LevelError('LEVEL_DATABASE_NOT_OPEN', 'Database is not open')
    return this.#opened.formats.keyspace(keyEncoding, valueEncoding)
  }

  /** The result of a write. NOTE: writes of one turn share a promise, and so do their translations. */
  #acknowledged(write: () => Promise<void>): Promise<void> {
    let group: Promise<void>
    try {
      group = write()
    } catch (error) {
      return Promise.reject(levelError(error))
    }
    if (group !== this.#group) {
      this.#group = group
      this.#translation = group.catch((error: unknown) => {
        throw levelError(error)
      })
    }
    return this.#translation
  }
}

/** The methods of abstract-level with the options that they have here. */
export interface VarveLevel<KDefault = string, VDefault = string> {
  open(options?: LevelOpenOptions): Promise<void>

  get(key: KDefault): Promise<VDefault | undefined>
  get<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): Promise<V | undefined>

  getSync(key: KDefault): VDefault | undefined
  getSync<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): V | undefined

  getMany(keys: KDefault[]): Promise<(VDefault | undefined)[]>
  getMany<K = KDefault, V = VDefault>(keys: K[], options: GetManyOptions<K, V>): Promise<(V | undefined)[]>

  has(key: KDefault): Promise<boolean>
  has<K = KDefault>(key: K, options: HasOptions<K>): Promise<boolean>

  hasMany(keys: KDefault[]): Promise<boolean[]>
  hasMany<K = KDefault>(keys: K[], options: HasManyOptions<K>): Promise<boolean[]>

  put(key: KDefault, value: VDefault): Promise<void>
  put<K = KDefault, V = VDefault>(key: K, value: V, options: PutOptions<K, V>): Promise<void>

  del(key: KDefault): Promise<void>
  del<K = KDefault>(key: K, options: DelOptions<K>): Promise<void>

  batch(operations: AbstractBatchOperation<this, KDefault, VDefault>[]): Promise<void>
  batch<K = KDefault, V = VDefault>(
    operations: AbstractBatchOperation<this, K, V>[],
    options: BatchOptions<K, V>,
  ): Promise<void>
  batch(): ChainedBatch<this, KDefault, VDefault>

  iterator(): AbstractIterator<this, KDefault, VDefault>
  iterator<K = KDefault, V = VDefault>(options: IteratorOptions<K, V>): AbstractIterator<this, K, V>

  keys(): AbstractKeyIterator<this, KDefault>
  keys<K = KDefault>(options: KeyIteratorOptions<K>): AbstractKeyIterator<this, K>

  values(): AbstractValueIterator<this, KDefault, VDefault>
  values<K = KDefault, V = VDefault>(options: ValueIteratorOptions<K, V>): AbstractValueIterator<this, K, V>
}

function checkLocation(location: unknown): void {
  if (typeof location !== 'string' || location === '') {
    throw new TypeError("The first argument 'location' must be a non-empty string")
  }
}

function readOptions(options: AtSnapshot): ReadOptions | undefined {
  const snapshot = snapshotOf(options)
  return snapshot === undefined ? undefined : { snapshot }
}
