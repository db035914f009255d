import { AbstractSnapshot, type AbstractLevel } from 'abstract-level'
import type { Snapshot } from '../index.ts'
import { LevelError } from './errors.ts'

interface SnapshotOptions {
  /** The database or sublevel that closes the snapshot when it is closed itself. */
  owner: AbstractLevel<unknown>
}

// NOTE: the types leave out what the constructor is given.
const BaseSnapshot: new (options: SnapshotOptions) => AbstractSnapshot = AbstractSnapshot

/** A snapshot of the engine as abstract-level's users know it. */
export class LevelSnapshot extends BaseSnapshot {
  readonly snapshot: Snapshot<'bytes', 'bytes'>

  constructor(snapshot: Snapshot<'bytes', 'bytes'>, options: SnapshotOptions) {
    super(options)
    this.snapshot = snapshot
  }

  /** @internal */
  async _close(): Promise<void> {
    this.snapshot.close()
  }
}

/** The engine's snapshot behind one given as an option. @throws TypeError if another kind of database took it; LEVEL_SNAPSHOT_NOT_OPEN */
export function snapshotOf(options: { snapshot?: unknown }): Snapshot<'bytes', 'bytes'> | undefined {
  const { snapshot } = options
  if (snapshot === undefined || snapshot === null) return undefined
  if (!(snapshot instanceof LevelSnapshot))
    throw new TypeError('snapshot must be what snapshot() of this database returned')
  if (snapshot.snapshot.closed) {
    const message = 'Snapshot is not open: cannot use snapshot after close()'
    throw new LevelError('LEVEL_SNAPSHOT_NOT_OPEN', message)
  }
  return snapshot.snapshot
}
