import type { Engine } from '../engine/engine.ts'
import { DEFAULT_KEYSPACE_ID } from '../engine/engine.ts'
import type { EventName, Listener } from '../engine/events.ts'
import { compareKeys } from '../bytes.ts'
import { Batch, viewOf } from './batch.ts'
import { describe, encodingName, settledEncoding } from './encoding.ts'
import { unwatchDatabase } from './forgotten.ts'
import { EVERYTHING, Keyspace } from './keyspace.ts'
import { attempt } from './keyspace-reads.ts'
import { checkKeyspaceName, checkListener, ownOptions, progressListener } from './options.ts'
import { POLICY_OPTIONS, policyChange, policyOf } from './policy.ts'
import { signalOf } from './range.ts'
import { makeHandle, type SharedDatabase } from './share.ts'
import type { VerifyReport } from '../engine/verify-report.ts'
import { Snapshot } from './snapshot.ts'
import { viewUnder, type View } from './view.ts'
import type {
  Accepted,
  BoundOptions,
  CompactOptions,
  DatabaseStats,
  KeyEncoding,
  KeyspaceOptions,
  RecoveryReport,
  ValueEncoding,
  VerifyOptions,
  WriteOptions,
} from './types.ts'

const encoder = new TextEncoder()

/** One operation of `write`. */
export type Operation<KE extends KeyEncoding, VE extends ValueEncoding> =
  | { type: 'put'; keyspace?: undefined; key: Accepted<KE>; value: Accepted<VE> }
  | { type: 'delete'; keyspace?: undefined; key: Accepted<KE> }
  // NOTE: which encodings a named keyspace has is not known here; they are checked when the operation is encoded.
  | { type: 'put'; keyspace: object; key: unknown; value: unknown }
  | { type: 'delete'; keyspace: object; key: unknown }

/**
 * An open database: the default keyspace itself, and the door to all others. Close it when done; a process that ends without does
 * not lose what was acknowledged.
 */
export class Database<KE extends KeyEncoding, VE extends ValueEncoding> extends Keyspace<KE, VE> {
  readonly #engine: Engine
  readonly #encodings: { readonly keyEncoding: unknown; readonly valueEncoding: unknown }

  /** @internal `encodings`: the options it was opened with */
  constructor(view: View, encodings: { readonly keyEncoding: unknown; readonly valueEncoding: unknown }) {
    super(view)
    this.#engine = view.engine
    this.#encodings = encodings
  }

  /** What was cut off the end of the log when it was opened; see docs/journal-format.md. */
  get recovery(): RecoveryReport {
    return { ...this.#engine.recovery }
  }

  // ── keyspaces ───────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The keyspace of that name, created durably if there is none.
   * @throws TypeError, RangeError for the name or an encoding that is not the one it was created with
   */
  keyspace<K extends KeyEncoding = 'bytes', V extends ValueEncoding = 'bytes'>(
    name: string,
    options?: KeyspaceOptions<K, V>,
  ): Promise<Keyspace<K, V>> {
    return attempt(() => this.keyspaceSync(name, options))
  }

  keyspaceSync<K extends KeyEncoding = 'bytes', V extends ValueEncoding = 'bytes'>(
    name: string,
    options?: KeyspaceOptions<K, V>,
  ): Keyspace<K, V> {
    const engine = this.#engine
    const checked = checkKeyspaceName(name)
    const bag = ownOptions(options, ['keyEncoding', 'valueEncoding', ...POLICY_OPTIONS], 'keyspace')
    const keys = settledEncoding(bag['keyEncoding'])
    const values = settledEncoding(bag['valueEncoding'])
    const keyEncoding = encodingName(keys, 'keyEncoding')
    const valueEncoding = encodingName(values, 'valueEncoding')
    const change = policyChange(bag)
    engine.assertOpen()
    const found = engine.keeper.call('keyspaceNamed', checked)
    if (found === undefined) engine.writes.drainSync()
    const identity =
      found ?? engine.keeper.call('keyspace', checked, { keyEncoding, valueEncoding }, policyOf(change))
    const tree = engine.openTree(identity)
    const view = viewUnder({ ...this.view, tree }, keys, values)
    if (found !== undefined) {
      const before = engine.keeper.call('policy', tree.id)
      engine.keeper.call('setPolicy', tree.id, policyOf(change, before))
    }
    return new Keyspace<K, V>(view)
  }

  /** Names of all keyspaces but the default one, in bytewise order. */
  keyspaces(): string[] {
    this.#engine.assertOpen()
    return this.#engine.keeper
      .call('keyspaces')
      .filter(({ id }) => id !== DEFAULT_KEYSPACE_ID)
      .map(({ name }) => name)
      .sort(byBytes)
  }

  /** Removes a keyspace and all it holds, durably. Handles on it say NOT_FOUND from then on. @throws NOT_FOUND */
  dropKeyspace(name: string): Promise<void> {
    return attempt(() => this.dropKeyspaceSync(name))
  }

  dropKeyspaceSync(name: string): void {
    const checked = checkKeyspaceName(name)
    this.#engine.assertOpen()
    this.#engine.writes.drainSync()
    this.#engine.keeper.call('dropKeyspace', checked)
  }

  // ── atomic writes ───────────────────────────────────────────────────────────────────────────────────────

  /** An empty batch. */
  batch(): Batch<KE, VE> {
    this.#engine.assertOpen()
    return new Batch<KE, VE>(this.view)
  }

  /** Commits a list of operations as one batch. Wrong arguments throw at once. */
  write(operations: readonly Operation<KE, VE>[], options?: WriteOptions): Promise<void> {
    return this.#batchOf(operations).commit(options)
  }

  writeSync(operations: readonly Operation<KE, VE>[], options?: WriteOptions): void {
    this.#batchOf(operations).commitSync(options)
  }

  /** The state of this moment, across all keyspaces. What this thread staged is committed first. */
  snapshot(): Snapshot<KE, VE> {
    this.#engine.assertOpen()
    this.#engine.writes.drainSync()
    return new Snapshot<KE, VE>(this.view)
  }

  // ── durability ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Makes everything written so far at least this durable: `os` or `sync`. Under durability `none`, where there is no journal, it
   * flushes all memtables.
   */
  async persist(mode: 'os' | 'sync' = 'sync'): Promise<void> {
    const engine = this.#engine
    checkMode(mode)
    engine.assertOpen()
    await engine.writes.drain()
    engine.assertOpen()
    engine.assertUnpoisoned()
    if (engine.options.durability === 'none') await engine.keeper.ask('flush', undefined)
    else if (mode === 'sync') await engine.thread.syncJournalAsync()
    else engine.thread.writeOutJournal()
  }

  persistSync(mode: 'os' | 'sync' = 'sync'): void {
    const engine = this.#engine
    checkMode(mode)
    engine.assertOpen()
    engine.writes.drainSync()
    engine.assertUnpoisoned()
    if (engine.options.durability === 'none') engine.keeper.call('flushSync', undefined)
    else if (mode === 'sync') engine.thread.syncJournal()
    else engine.thread.writeOutJournal()
  }

  /** Writes what is in memory, of all keyspaces, into tables. */
  override async flush(): Promise<void> {
    const engine = this.#engine
    engine.assertOpen()
    await engine.writes.drain()
    engine.assertOpen()
    engine.assertUnpoisoned()
    await engine.keeper.ask('flush', undefined)
  }

  override flushSync(): void {
    const engine = this.#engine
    engine.assertOpen()
    engine.writes.drainSync()
    engine.assertUnpoisoned()
    engine.keeper.call('flushSync', undefined)
  }

  /** Compacts all keyspaces, or, with a range, what it touches in the default one. See `Keyspace.compact`. */
  override async compact(options?: CompactOptions<Accepted<KE>>): Promise<void> {
    const { range, signal, onProgress } = this.compaction(options)
    if (range !== undefined) return super.compact(options)
    await this.flush()
    await this.#engine.keeper.ask('compact', undefined, EVERYTHING, { signal, onProgress })
  }

  override compactSync(options?: BoundOptions<Accepted<KE>>): void {
    if (this.compaction(options).range !== undefined) return super.compactSync(options)
    this.flushSync()
    this.#engine.keeper.call('compactSync', undefined, EVERYTHING)
  }

  /**
   * Reads everything that is on disk and checks it: checksums of every file and block, order of entries, indexes, filters, counts, and that newer entries lie above
   * older ones. In slices, so that others have their turns; nothing is changed.
   * @returns what was read, and what is wrong with it: nothing if `problems` is empty
   * @throws ABORTED
   * @example const { problems } = await db.verify(); for (const { message } of problems) console.error(message)
   */
  async verify(options?: VerifyOptions): Promise<VerifyReport> {
    const bag = ownOptions(options, ['signal', 'onProgress'], 'verify')
    const onProgress = progressListener(bag['onProgress'])
    const engine = this.#engine
    engine.assertOpen()
    await engine.writes.drain()
    engine.assertOpen()
    return engine.keeper.ask('verify', { signal: signalOf(bag['signal']), onProgress })
  }

  // ── other threads ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * A handle for one other thread of this process, which has the whole database then, on the same memory: its reads take no lock, and its writes are ordered with all others.
   * @example
   * const handle = await db.share()
   * worker.postMessage(handle, handle.transfer) // or new Worker(file, { workerData: handle, transferList: handle.transfer })
   * // there: const db = attach(handle)
   * @throws NOT_SUPPORTED with `threads: 0`, and on a thread that is attached itself; NO_MEMORY if too many threads are
   */
  async share(): Promise<SharedDatabase> {
    const { keyEncoding, valueEncoding } = this.#encodings
    return makeHandle(this.#engine, await this.#engine.share(), keyEncoding, valueEncoding)
  }

  // ── events ──────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Has `listener` called, in a microtask, whenever something happens: `flush`, `compaction`, `stall` (a write had to wait), `backgroundError`, `progress`
   * of compact and verify.
   * @example db.on('stall', ({ ms }) => console.log(`a write waited for ${ms} ms`))
   */
  on<N extends EventName>(name: N, listener: Listener<N>): this {
    checkListener(name, listener)
    this.#engine.events.on(name, listener)
    return this
  }

  off<N extends EventName>(name: N, listener: Listener<N>): this {
    checkListener(name, listener)
    this.#engine.events.off(name, listener)
    return this
  }

  // ── figures and the end ─────────────────────────────────────────────────────────────────────────────────

  /** Figures of the moment; the first keyspace listed is the default one, named ''. */
  stats(): DatabaseStats {
    const engine = this.#engine
    engine.assertOpen()
    const { keyspaces, journals, journalBytes, epoch, backgroundError } = engine.keeper.call('figures')
    const named = keyspaces.slice(1).sort((a, b) => byBytes(a.name, b.name))
    return {
      keyspaces: [...keyspaces.slice(0, 1), ...named],
      journals,
      journalBytes,
      seqno: engine.kernel.exports.nextSeqno(),
      epoch,
      openReads: engine.snapshots.count + engine.thread.openRanges,
      openIterators: engine.thread.openRanges,
      stalls: engine.thread.stalls.count,
      stalledMs: engine.thread.stalls.ms,
      backgroundError,
      journalLock: engine.thread.journalLockStatistics,
      openSnapshots: [...engine.snapshots].map(({ seqno, ageMs }) => ({ seqno, ageMs })),
      memoryLimit: engine.options.memoryLimit,
      memoryFreeBytes: engine.freeBytes(),
      cache: engine.cacheStats(),
    }
  }

  /** Commits what is staged, makes everything durable and gives files, memory and the lock back. Idempotent. */
  close(): Promise<void> {
    // NOTE: nobody need keep this object while it is closing; being collected then is not being forgotten.
    unwatchDatabase(this.#engine)
    return this.#engine.close()
  }

  /** `await using db = await open(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #batchOf(operations: readonly Operation<KE, VE>[]): Batch<KeyEncoding, ValueEncoding> {
    if (!Array.isArray(operations))
      throw new TypeError(`the operations must be an array, not ${describe(operations)}`)
    const engine = this.#engine
    engine.assertOpen()
    const batch = new Batch<KeyEncoding, ValueEncoding>(this.view)
    for (const operation of operations as readonly unknown[]) {
      const bag = ownOptions(operation, ['type', 'keyspace', 'key', 'value'], 'an operation')
      const { type } = bag
      if (type !== 'put' && type !== 'delete')
        throw new TypeError("the type of an operation must be 'put' or 'delete'")
      const { keyspace } = bag
      if (keyspace !== undefined && !(keyspace instanceof Keyspace)) {
        throw new TypeError(
          `the keyspace of an operation must be what keyspace() returned, not ${describe(keyspace)}`,
        )
      }
      const view = keyspace === undefined ? this.view : viewOf(keyspace, engine)
      if (type === 'put') batch.add(view, bag['key'], bag['value'])
      else batch.remove(view, bag['key'])
    }
    return batch
  }
}

function byBytes(a: string, b: string): number {
  return compareKeys(encoder.encode(a), encoder.encode(b))
}

function checkMode(mode: unknown): void {
  if (mode !== 'os' && mode !== 'sync') throw new TypeError("persist takes 'os' or 'sync'")
}
