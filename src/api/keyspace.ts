import { TYPE_TOMBSTONE, TYPE_VALUE } from '../../assembly/memory/layout.ts'
import type { Engine } from '../engine/engine.ts'
import type { Content } from '../engine/record.ts'
import type { Tree } from '../engine/tree.ts'
import { Reads } from './keyspace-reads.ts'
import { writeDurability } from './options.ts'
import type { Snapshot } from './snapshot.ts'
import { seqnoOf } from './snapshot.ts'
import type { View } from './reads.ts'
import type { Accepted, KeyEncoding, KeyspaceStats, ValueEncoding, WriteOptions } from './types.ts'

const NOTHING: Content = new Uint8Array(0)

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
    await engine.flusher.flushAll([tree])
  }

  flushSync(): void {
    const { engine, tree } = this.view
    engine.assertReadable(tree)
    engine.writes.drainSync()
    engine.assertUnpoisoned()
    engine.flusher.flushAllSync([tree])
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

/** Figures of one keyspace. */
export function keyspaceStats(engine: Engine, tree: Tree): KeyspaceStats {
  const state = engine.catalog.state.keyspaces.get(tree.id)
  const stats: KeyspaceStats = {
    name: tree.name,
    keyEncoding: state?.keyEncoding,
    valueEncoding: state?.valueEncoding,
    tables: 0,
    tableBytes: 0,
    tableEntries: 0,
    memtables: 0,
    memtableBytes: 0,
    memtableEntries: 0,
  }
  for (const table of tree.version.tables()) {
    stats.tables++
    stats.tableBytes += table.sizeBytes
    stats.tableEntries += table.entries
  }
  for (const memtable of tree.memtables()) {
    stats.memtables++
    stats.memtableBytes += memtable.pageBytes
    stats.memtableEntries += memtable.entries
  }
  return stats
}
