import { VarveError } from '../errors.ts'
import { unwatchSnapshot, watchSnapshot } from './forgotten.ts'
import { PageReads } from './reads.ts'
import type { PageView, Remote } from './view.ts'

/** The database as it was when it was called for; see `Snapshot` of the engine's API. */
export class PageSnapshot extends PageReads {
  readonly #remote: Remote
  readonly #id: number
  #closed = false

  constructor(view: PageView) {
    super(view)
    const { remote } = view
    this.#remote = remote
    this.#id = remote.nextId++
    remote.line.tell('snapshot', this.#id)
    watchSnapshot(this, remote.line, this.#id)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Ends it. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    unwatchSnapshot(this)
    this.#remote.line.tell('endSnapshot', this.#id)
  }

  protected override ownSnapshot(): number {
    return snapshotId(this, this.#remote) as number
  }

  protected override snapshotFor(snapshot: unknown): number {
    if (snapshot !== undefined && snapshot !== this)
      throw new TypeError('a read of a snapshot cannot name another one')
    return this.ownSnapshot()
  }

  static idOf(snapshot: PageSnapshot, remote: Remote): number {
    if (snapshot.#remote !== remote) throw new TypeError('the snapshot belongs to another database')
    if (snapshot.#closed) throw new VarveError('CLOSED', 'The snapshot is closed; take a new one.')
    return snapshot.#id
  }
}

/** The number of a snapshot given as an option; undefined for none. @throws TypeError, CLOSED */
export function snapshotId(snapshot: unknown, remote: Remote): number | undefined {
  if (snapshot === undefined) return undefined
  if (!(snapshot instanceof PageSnapshot)) throw new TypeError('snapshot must be what snapshot() returned')
  return PageSnapshot.idOf(snapshot, remote)
}
