import { VarveError } from '../errors.ts'
import type { TableFile } from '../table/table-file.ts'
import type { Run } from '../version/version.ts'
import type { Keeper } from './keeper.ts'
import type { Output } from './table-output.ts'
import type { Pin, Tree } from './tree.ts'
import { createVersionRecord, freeVersionRecord, NO_TABLES, type VersionRecord } from './version-record.ts'

/**
 * Work that writes tables and then puts them in the place of what they were made of. Its steps can be taken by a background loop with pauses
 * between them, and the rest of them, at any time, by a writer that cannot wait.
 *
 * CRASH: before the edit is durable the tables are orphans; after it they count.
 */
export abstract class TableJob {
  readonly tree: Tree
  protected readonly keeper: Keeper
  #output: Output | undefined
  #older: VersionRecord = NO_TABLES
  #pin: Pin | undefined
  /** Installed or given up: nothing more to do. */
  done = false
  /** A sync runs in the background; whether it failed is told to it alone, so nobody else may install these outputs. */
  syncing = false

  constructor(keeper: Keeper, tree: Tree) {
    this.keeper = keeper
    this.tree = tree
  }

  /** Opens the sources; `older` is the address of the record of olderRuns. `mayBeElsewhere`: another thread may write. @throws NO_MEMORY */
  protected abstract open(older: number, mayBeElsewhere: boolean): Output
  /** The runs, not read by the job itself, that may hold older entries than its sources. */
  protected abstract olderRuns(): readonly Run[]
  /** Ids of the tables it reads. */
  protected abstract sources(): Iterable<number>
  /** Makes the tables count, durably, and puts them in their place. If it throws they do not count here. */
  protected abstract install(tables: readonly TableFile[]): void
  /** Deletes what the installed tables made superfluous. */
  protected abstract cleanUp(): void
  /** Makes durable what must be before the tables count. */
  protected abstract syncBefore(): void
  protected abstract syncBeforeAsync(): Promise<void>

  /**
   * Does everything that is left on this thread. Not while `syncing`.
   * @throws DISK_FULL, NO_MEMORY (to be tried again), CORRUPT, IO, or what poisoned the database
   */
  finishSync(): void {
    let output: Output
    try {
      output = this.#begin(false)
      while (!output.built) output.step(Infinity)
      this.syncBefore()
      for (const table of output.tables) this.#synced(() => table.file.sync())
    } catch (error) {
      this.giveUp()
      throw this.#failure(error)
    }
    this.#end(output)
  }

  /** The same in slices of `sliceMs`, with `pause` between them. After every await the job may be done by somebody else's hand. */
  async finish(sliceMs: number, pause: () => Promise<void>): Promise<void> {
    let output: Output
    try {
      output = this.#begin(true)
      while (!output.built) {
        output.step(performance.now() + sliceMs)
        if (!output.built) {
          await output.elsewhere
          await pause()
        }
        if (this.done) return
        if (output.isLost === true) output = this.#begin(false)
      }
      this.syncing = true
      // NOTE: its sources hold no writer up any more; see Flusher.syncingMemtables.
      this.keeper.waiters.wake()
      await this.syncBeforeAsync()
      for (const table of output.tables) {
        if (!this.done) await table.file.syncAsync().catch((error: unknown) => this.#syncFailed(error))
      }
    } catch (error) {
      // NOTE: also when the job was given up meanwhile: what a sync could not write may count as written afterwards.
      this.giveUp()
      throw this.#failure(error)
    }
    if (!this.done) this.#end(output)
  }

  /** Throws the outputs away. The sources stay as they were. */
  giveUp(): void {
    if (this.done) return
    this.done = true
    this.#output?.abandon()
    this.#release()
  }

  #begin(mayBeElsewhere: boolean): Output {
    if (this.#output !== undefined) {
      if (mayBeElsewhere || this.#output.built || this.#output.elsewhere === undefined) return this.#output
      // NOTE: who cannot wait for another thread, or waits for one that has ended, does it again from the beginning.
      this.#output.abandon()
      return (this.#output = this.open(this.#older.address, false))
    }
    const { tree, keeper } = this
    const runs = this.olderRuns()
    const older = runs.flat().map(({ id }) => id)
    this.#pin = tree.pin([...older, ...this.sources()])
    this.#older = createVersionRecord(keeper.kernel, runs, tree.files)
    this.#output = this.open(this.#older.address, mayBeElsewhere)
    return this.#output
  }

  #end(output: Output): void {
    const { tables } = output
    output.release()
    this.#output = undefined
    this.done = true
    this.#release()
    try {
      this.install(tables)
    } catch (error) {
      // NOTE: on a full disk nothing was said; after any other failure nobody knows, and the files must stay.
      if (isTransient(error)) this.keeper.disposal.discardTables(tables)
      else for (const table of tables) table.file.close()
      throw this.#failure(error)
    }
    this.cleanUp()
  }

  #release(): void {
    if (this.#pin !== undefined) this.tree.unpin(this.#pin)
    freeVersionRecord(this.keeper.kernel, this.#older)
    this.#older = NO_TABLES
  }

  #synced(sync: () => void): void {
    try {
      sync()
    } catch (error) {
      this.#syncFailed(error)
    }
  }

  /** A failed sync poisons, whatever it says, unless the keyspace is gone. */
  #syncFailed(error: unknown): never {
    throw this.tree.dropped ? error : this.keeper.poison(error)
  }

  /** An error of the host or of a file ends the job, to be tried again: nothing names its outputs. Anything else is a bug, and poisons. */
  #failure(error: unknown): unknown {
    if (!(error instanceof VarveError)) return this.keeper.poison(error)
    // NOTE: what it says may be that it can be tried again, and that is not so: a step before it left the database poisoned, and said so to nobody.
    return this.keeper.thread.poisonedBy ?? error
  }
}

/** Whether a job that failed with this error said nothing to the manifest. */
function isTransient(error: unknown): boolean {
  return error instanceof VarveError && (error.code === 'DISK_FULL' || error.code === 'NO_MEMORY')
}
