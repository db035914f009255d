import { TYPE_TOMBSTONE, TYPE_VALUE, TYPE_WEAK_TOMBSTONE } from '../../assembly/memory/layout.ts'
import type { MajorRange } from '../compaction/major.ts'
import type { ErasedRange } from '../engine/erasure.ts'
import { firstKey } from '../engine/key-span.ts'
import type { Content } from '../engine/record.ts'
import { attempt, Reads } from './keyspace-reads.ts'
import type { ProgressListener } from '../engine/progress.ts'
import { settledEncoding } from './encoding.ts'
import { ownOptions, progressListener, writeDurability } from './options.ts'
import { BOUND_OPTIONS, rangeSpan, signalOf } from './range.ts'
import type { Snapshot } from './snapshot.ts'
import { seqnoOf } from './snapshot.ts'
import type {
  Accepted,
  BoundOptions,
  CompactOptions,
  EncodingOptions,
  KeyEncoding,
  ValueEncoding,
  WriteOptions,
} from './types.ts'
import { viewUnder, type View } from './view.ts'

const NOTHING: Content = new Uint8Array(0)
/** @internal */
export const EVERYTHING: MajorRange = { lower: undefined, upper: undefined }

/**
 * An independent ordered map of bytes to bytes inside a database. All keyspaces share one journal: a batch over several of them is
 * atomic, a snapshot sees all of them at the same moment.
 *
 * Asynchronous writes of one turn form one group, return the same promise and are committed at the end of the turn; wrong arguments throw
 * at once. Synchronous calls commit first what the thread staged before them.
 */
export class Keyspace<KE extends KeyEncoding, VE extends ValueEncoding> extends Reads<KE, VE> {
  /** @internal */
  constructor(view: View) {
    super(view)
  }

  /** Its name; '' is the database itself. */
  get name(): string {
    return this.view.tree.name
  }

  /**
   * Sets the value of a key.
   * @returns when the write is visible and as durable as it asked
   * @throws TypeError, RangeError (at once); CLOSED, POISONED, DISK_FULL, WRITE_STALLED, NO_MEMORY
   */
  put(key: Accepted<KE>, value: Accepted<VE>, options?: WriteOptions): Promise<void> {
    const { engine, tree, keys, values } = this.view
    const durability = writeDurability(options, engine.options.durability)
    const keyContent = keys.encode(key, 'key')
    return engine.writes.put(tree, TYPE_VALUE, keyContent, values.encode(value, 'value'), durability)
  }

  /** See `put`. */
  putSync(key: Accepted<KE>, value: Accepted<VE>, options?: WriteOptions): void {
    const { engine, tree, keys, values } = this.view
    const durability = writeDurability(options, engine.options.durability)
    const keyContent = keys.encode(key, 'key')
    engine.writes.putSync(tree, TYPE_VALUE, keyContent, values.encode(value, 'value'), durability)
  }

  /** Removes a key; no error if it is not there. See `put`. */
  delete(key: Accepted<KE>, options?: WriteOptions): Promise<void> {
    const { engine, tree, keys } = this.view
    const durability = writeDurability(options, engine.options.durability)
    return engine.writes.put(tree, TYPE_TOMBSTONE, keys.encode(key, 'key'), NOTHING, durability)
  }

  deleteSync(key: Accepted<KE>, options?: WriteOptions): void {
    const { engine, tree, keys } = this.view
    const durability = writeDurability(options, engine.options.durability)
    engine.writes.putSync(tree, TYPE_TOMBSTONE, keys.encode(key, 'key'), NOTHING, durability)
  }

  /**
   * Removes a key that was written exactly once since it was removed last (or ever): then the two go together in the next compaction that meets them,
   * and leave nothing behind, as the entries of a queue do. Of a key that was written more often an older value may come back. See `put`.
   */
  deleteWeak(key: Accepted<KE>, options?: WriteOptions): Promise<void> {
    const { engine, tree, keys } = this.view
    const durability = writeDurability(options, engine.options.durability)
    return engine.writes.put(tree, TYPE_WEAK_TOMBSTONE, keys.encode(key, 'key'), NOTHING, durability)
  }

  deleteWeakSync(key: Accepted<KE>, options?: WriteOptions): void {
    const { engine, tree, keys } = this.view
    const durability = writeDurability(options, engine.options.durability)
    engine.writes.putSync(tree, TYPE_WEAK_TOMBSTONE, keys.encode(key, 'key'), NOTHING, durability)
  }

  /**
   * The same keyspace with keys and values encoded in another way: those not named are `bytes`. `utf8` shows JSON as the text that it is.
   * @throws TypeError if it was created with others and a name is neither `bytes` nor `buffer`
   * @example const text = db.withEncodings({ valueEncoding: 'utf8' })
   */
  withEncodings<K extends KeyEncoding = 'bytes', V extends ValueEncoding = 'bytes'>(
    encodings: EncodingOptions<K, V>,
  ): Keyspace<K, V> {
    const bag = ownOptions(encodings, ['keyEncoding', 'valueEncoding'], 'the encodings')
    const { keyEncoding = 'bytes', valueEncoding = 'bytes' } = bag
    const keys = settledEncoding(keyEncoding)
    const values = settledEncoding(valueEncoding)
    return new Keyspace<K, V>(viewUnder(this.view, keys, values, true))
  }

  /** The reads of this keyspace as of a snapshot of its database. */
  at(snapshot: Snapshot<KeyEncoding, ValueEncoding>): KeyspaceAt<KE, VE> {
    return new KeyspaceAt<KE, VE>(this.view, snapshot)
  }

  /** Writes what is in memory into tables. Reads and durability do not depend on it. */
  async flush(): Promise<void> {
    const { engine, tree } = this.view
    engine.assertReadable(tree)
    await engine.writes.drain()
    engine.assertReadable(tree)
    engine.assertUnpoisoned()
    await engine.keeper.ask('flush', [tree.id])
  }

  flushSync(): void {
    const { engine, tree } = this.view
    engine.assertReadable(tree)
    engine.writes.drainSync()
    engine.assertUnpoisoned()
    engine.keeper.call('flushSync', [tree.id])
  }

  /**
   * Removes all entries at once, durably, however many there are. Open snapshots and ranges go on seeing them. What was written before is as durable then.
   * @throws DISK_FULL, NO_MEMORY: nothing changed
   */
  clear(): Promise<void> {
    return attempt(() => this.clearSync())
  }

  clearSync(): void {
    this.#erase({ from: undefined, to: undefined })
  }

  /**
   * Removes all entries of a range at once, durably: whole tables go, and those at its edges are written again. For many entries; a few are
   * deleted faster one by one. See `clear`. Without a bound it is `clear`; a range in which no key can lie (`gte` ≥ `lt`) does nothing, so it makes nothing durable.
   */
  dropRange(options?: BoundOptions<Accepted<KE>>): Promise<void> {
    return attempt(() => this.dropRangeSync(options))
  }

  dropRangeSync(options?: BoundOptions<Accepted<KE>>): void {
    const { keys } = this.view
    const { lower, upper } = rangeSpan(ownOptions(options, BOUND_OPTIONS, 'the range'), keys, 'keys')
    this.#erase({ from: firstKey(lower), to: firstKey(upper) })
  }

  #erase(range: ErasedRange): void {
    const { engine, tree } = this.view
    engine.assertReadable(tree)
    engine.writes.drainSync()
    engine.keeper.call('erase', tree.id, range)
  }

  /**
   * Writes what is in memory into tables and merges the tables (those that a range touches, if one is given) until they all lie in the last level:
   * what was overwritten or deleted gives its space back, unless a snapshot sees it. In slices, so that others have their turns.
   * @throws ABORTED: what was not finished stays as it was
   */
  async compact(options?: CompactOptions<Accepted<KE>>): Promise<void> {
    const { engine, tree } = this.view
    const { range, signal, onProgress } = this.compaction(options)
    await this.flush()
    await engine.keeper.ask('compact', tree.id, range ?? EVERYTHING, { signal, onProgress })
  }

  compactSync(options?: BoundOptions<Accepted<KE>>): void {
    const { engine, tree } = this.view
    const { range } = this.compaction(options)
    this.flushSync()
    engine.keeper.call('compactSync', tree.id, range ?? EVERYTHING)
  }

  /** The options of a compaction; no range: everything. @internal */
  protected compaction(options: unknown): {
    range: MajorRange | undefined
    signal: AbortSignal | undefined
    onProgress: ProgressListener
  } {
    const bag = ownOptions(options, [...BOUND_OPTIONS, 'signal', 'onProgress'], 'the compaction')
    const { lower, upper } = rangeSpan(bag, this.view.keys, 'keys')
    const range =
      lower === undefined && upper === undefined ? undefined : { lower: lower?.key, upper: upper?.key }
    return { range, signal: signalOf(bag['signal']), onProgress: progressListener(bag['onProgress']) }
  }

  /** @internal */
  static viewOf(keyspace: Keyspace<KeyEncoding, ValueEncoding>): View {
    return keyspace.view
  }

  /** @internal */
  protected override ownSeqno(): number {
    return 0
  }

  /** @internal */
  protected override seqnoFor(snapshot: unknown): number {
    return seqnoOf(snapshot, this.view.engine)
  }
}

/** A keyspace as of a snapshot; see `Keyspace.at`. */
export class KeyspaceAt<KE extends KeyEncoding, VE extends ValueEncoding> extends Reads<KE, VE> {
  readonly #snapshot: Snapshot<KeyEncoding, ValueEncoding>

  /** @internal */
  constructor(view: View, snapshot: Snapshot<KeyEncoding, ValueEncoding>) {
    super(view)
    this.#snapshot = snapshot
    this.ownSeqno()
  }

  /** @internal */
  protected override ownSeqno(): number {
    return seqnoOf(this.#snapshot, this.view.engine)
  }

  /** @internal */
  protected override seqnoFor(snapshot: unknown): number {
    if (snapshot !== undefined && snapshot !== this.#snapshot) {
      throw new TypeError('a read of a snapshot cannot name another one')
    }
    return this.ownSeqno()
  }
}
