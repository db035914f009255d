import { VarveError } from '../errors.ts'
import type { Engine } from '../engine/engine.ts'
import type { OpenSnapshot } from '../engine/snapshots.ts'
import { unwatchSnapshot, watchSnapshot } from './forgotten.ts'
import { Reads } from './keyspace-reads.ts'
import type { KeyEncoding, SnapshotHandle, ValueEncoding } from './types.ts'
import type { View } from './view.ts'

/**
 * The database as it was at one moment, across all keyspaces: reads of the default keyspace here, of another by
 * `keyspace.at(snapshot)`. Close it when done: it keeps what it can see from going away.
 *
 * @example
 * const before = db.snapshot()
 * await db.put('k', 'new')
 * await before.get('k') // what it was
 * before.close()
 */
export class Snapshot<KE extends KeyEncoding, VE extends ValueEncoding>
  extends Reads<KE, VE>
  implements SnapshotHandle
{
  readonly #engine: Engine
  readonly #open: OpenSnapshot
  #closed = false

  /** @internal */
  constructor(view: View) {
    super(view)
    this.#engine = view.engine
    this.#open = view.engine.snapshots.take()
    watchSnapshot(this, this.#open)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Ends it. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#open.end()
    unwatchSnapshot(this.#open)
  }

  /** @internal */
  protected override ownSeqno(): number {
    return seqnoOf(this, this.#engine)
  }

  /** @internal */
  protected override seqnoFor(snapshot: unknown): number {
    if (snapshot !== undefined && snapshot !== this)
      throw new TypeError('a read of a snapshot cannot name another one')
    return this.ownSeqno()
  }

  /** @internal */
  static seqno(snapshot: Snapshot<KeyEncoding, ValueEncoding>, engine: Engine): number {
    if (snapshot.#engine !== engine) throw new TypeError('the snapshot belongs to another database')
    if (snapshot.#closed) throw new VarveError('CLOSED', 'The snapshot is closed; take a new one.')
    return snapshot.#open.seqno
  }
}

/** The seqno of a snapshot given as an option; 0 (the latest) for none. @throws TypeError, CLOSED */
export function seqnoOf(snapshot: unknown, engine: Engine): number {
  if (snapshot === undefined) return 0
  if (!(snapshot instanceof Snapshot)) throw new TypeError('snapshot must be what snapshot() returned')
  return Snapshot.seqno(snapshot as Snapshot<KeyEncoding, ValueEncoding>, engine)
}
