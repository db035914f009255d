import { VarveError } from '../errors.ts'
import { tableFileName } from '../fs/file-names.ts'
import { TableWriter } from '../table/writer.ts'
import type { TableFile } from '../table/table-file.ts'
import { assignRuns } from '../version/flush-runs.ts'
import type { TableInfo } from '../version/version.ts'
import type { Engine } from './engine.ts'
import type { Memtable, PreparedFlush, Tree } from './tree.ts'

/** Entries written between two looks at the clock. */
const SLICE_ENTRIES = 2000

/**
 * The flush of sealed memtables of a keyspace, its oldest ones, into tables. Its steps can be taken by a background loop with pauses between them, and the
 * rest of them, at any time, by a writer that cannot wait.
 *
 * CRASH: before the edit is durable the tables are orphans and the journals still hold everything; after it the tables count and
 * the journals are replayed above the flushed seqno only.
 */
export class FlushJob {
  readonly tree: Tree
  /** Newest first. */
  readonly memtables: readonly Memtable[]
  readonly #engine: Engine
  #writer: TableWriter | undefined
  readonly #tables: TableFile[] = []
  #built = false
  /** Installed or given up: nothing more to do. */
  done = false
  /** A sync runs in the background; whether it failed is told to it alone, so nobody else may install these outputs. */
  syncing = false

  constructor(engine: Engine, tree: Tree, memtables: readonly Memtable[]) {
    this.#engine = engine
    this.tree = tree
    this.memtables = memtables
  }

  /**
   * Does everything that is left on this thread. Not while `syncing`.
   * @throws DISK_FULL, NO_MEMORY (to be tried again), or what poisoned the database
   */
  finishSync(): void {
    try {
      while (!this.#built) this.#step(Infinity)
      this.#engine.journals.sync()
      for (const table of this.#tables) this.#synced(() => table.file.sync())
    } catch (error) {
      this.giveUp()
      throw this.#failure(error)
    }
    this.#install()
  }

  /** The same in slices of `sliceMs`, with `pause` between them. After every await the job may be done by somebody else's hand. */
  async finish(sliceMs: number, pause: () => Promise<void>): Promise<void> {
    try {
      while (!this.#built) {
        this.#step(performance.now() + sliceMs)
        if (!this.#built) await pause()
        if (this.done) return
      }
      this.syncing = true
      await this.#engine.journals.syncAsync()
      for (const table of this.#tables) {
        if (!this.done) await table.file.syncAsync().catch((error: unknown) => this.#syncFailed(error))
      }
    } catch (error) {
      // NOTE: also when the job was given up meanwhile: what a sync could not write may count as written afterwards.
      this.giveUp()
      throw this.#failure(error)
    }
    if (!this.done) this.#install()
  }

  /** Throws the outputs away. The memtables stay as they were. */
  giveUp(): void {
    if (this.done) return
    this.done = true
    const { files } = this.#engine
    if (this.#writer !== undefined) {
      this.#writer.abandon()
      files.removeOrphan(tableFileName(this.#writer.id))
    }
    for (const table of this.#tables) {
      this.#engine.closeTable(table)
      files.removeOrphan(tableFileName(table.info.id))
    }
  }

  /** Builds until the deadline (milliseconds of performance.now()) or the end of the memtables. */
  #step(deadline: number): void {
    this.#writer ??= this.#nextTable(undefined)
    do {
      const writer: TableWriter = this.#writer
      const progress = writer.feed(SLICE_ENTRIES)
      if (progress === 'more') continue
      this.#tables.push(writer.finish(Date.now()))
      this.#writer = undefined
      try {
        if (progress === 'table-full') this.#writer = this.#nextTable(writer)
      } finally {
        writer.releaseBuilder()
      }
      this.#built = this.#writer === undefined
    } while (this.#writer !== undefined && performance.now() < deadline)
  }

  #nextTable(previous: TableWriter | undefined): TableWriter {
    const { kernel, catalog, files } = this.#engine
    const id = catalog.newFileId()
    const file = files.create(tableFileName(id))
    try {
      const writer = new TableWriter(
        kernel,
        file,
        id,
        this.tree.id,
        crypto.getRandomValues(new Uint8Array(16)),
      )
      if (previous === undefined) writer.from(this.memtables.map((memtable) => memtable.pointer))
      else writer.resume(previous)
      return writer
    } catch (error) {
      file.close()
      files.removeOrphan(file.name)
      throw error
    }
  }

  /** Makes the tables count, durably, and puts them in the memtables' place. */
  #install(): void {
    const { tree, memtables } = this
    const { catalog, journals } = this.#engine
    const flushedSeqno = Math.max(...memtables.map((memtable) => memtable.highestSeqno)) + 1
    const infos = assignRuns(
      this.#tables.map((table) => table.info),
      tree.version,
      () => catalog.newFileId(),
    )
    const tables = this.#tables.map((table, i) => ({ ...table, info: infos[i] as TableInfo }))
    let prepared: PreparedFlush | undefined
    try {
      prepared = tree.prepareFlush(memtables, tables)
      this.#engine.syncDirectory()
      catalog.log([
        ...tables.map((table) => ({ type: 'tableAdded' as const, table: table.info })),
        { type: 'flushedSeqno', keyspaceId: tree.id, seqno: flushedSeqno },
      ])
    } catch (error) {
      // NOTE: on a full disk nothing was said; after any other failure nobody knows, and the files must stay.
      prepared?.abandon()
      if (isTransient(error)) this.giveUp()
      else for (const table of tables) table.file.close()
      this.done = true
      throw error
    }
    this.done = true
    for (const table of tables) this.#engine.blocks.add(table)
    tree.flushedSeqno = flushedSeqno
    this.#engine.lease.generation++
    prepared.install()
    journals.removeObsolete()
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
    throw this.tree.dropped ? error : this.#engine.poison(error)
  }

  /** An error of the host ends the job, to be tried again: nothing names its outputs. Anything else is a bug, and poisons. */
  #failure(error: unknown): unknown {
    return error instanceof VarveError ? error : this.#engine.poison(error)
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof VarveError && (error.code === 'DISK_FULL' || error.code === 'NO_MEMORY')
}
