import { VarveError } from '../errors.ts'
import { tableFileName } from '../fs/file-names.ts'
import { TableWriter } from '../table/writer.ts'
import type { TableFile } from '../table/table-file.ts'
import { compareKeys } from '../version/version.ts'
import type { Engine } from './engine.ts'
import type { Memtable, Tree } from './tree.ts'

/** Entries written between two looks at the clock. */
const SLICE_ENTRIES = 2000

/**
 * The flush of one sealed memtable into tables. Its steps can be taken by a background loop with pauses between them, and the
 * rest of them, at any time, by a writer that cannot wait.
 *
 * CRASH: before the edit is durable the tables are orphans and the journals still hold everything; after it the tables count and
 * the journals are replayed above the flushed seqno only.
 */
export class FlushJob {
  readonly tree: Tree
  readonly memtable: Memtable
  readonly #engine: Engine
  #writer: TableWriter | undefined
  readonly #tables: TableFile[] = []
  #built = false
  /** Installed or given up: nothing more to do. */
  done = false

  constructor(engine: Engine, tree: Tree, memtable: Memtable) {
    this.#engine = engine
    this.tree = tree
    this.memtable = memtable
  }

  /** Does everything that is left on this thread. @throws DISK_FULL (to be tried again), or what poisoned the database. */
  finishSync(): void {
    while (!this.done && !this.#built) this.#step(Infinity)
    if (this.done) return
    this.#orGiveUp(() => {
      this.#engine.journals.sync()
      for (const table of this.#tables) table.file.sync()
      this.#engine.files.syncDirectory()
    })
    this.#install()
  }

  /** The same in slices of `sliceMs`, with `pause` between them. */
  async finish(sliceMs: number, pause: () => Promise<void>): Promise<void> {
    while (!this.done && !this.#built) {
      this.#step(performance.now() + sliceMs)
      if (!this.#built) await pause()
    }
    // NOTE: after every await the job may have been finished by a writer in a hurry, or its keyspace dropped.
    if (this.done) return
    await this.#engine.journals.syncAsync()
    for (const table of this.#tables) {
      if (this.done) return
      await this.#syncAsync(table)
    }
    if (this.done) return
    this.#orGiveUp(() => this.#engine.files.syncDirectory())
    this.#install()
  }

  /** Throws the outputs away. The memtable stays as it was. */
  giveUp(): void {
    if (this.done) return
    this.done = true
    const { files } = this.#engine
    if (this.#writer !== undefined) {
      const name = tableFileName(this.#writer.id)
      this.#writer.abandon()
      files.removeOrphan(name)
    }
    for (const table of this.#tables) {
      table.file.close()
      this.#engine.kernel.exports.freeRecord(table.salt)
      files.removeOrphan(tableFileName(table.info.id))
    }
  }

  async #syncAsync(table: TableFile): Promise<void> {
    try {
      await table.file.syncAsync()
    } catch (error) {
      if (this.done) return
      this.giveUp()
      throw this.#engine.poison(error)
    }
  }

  /** Builds until the deadline (milliseconds of performance.now()) or the end of the memtable. */
  #step(deadline: number): void {
    this.#orGiveUp(() => {
      this.#writer ??= this.#nextTable(undefined)
      do {
        const writer: TableWriter = this.#writer
        const progress = writer.feed(SLICE_ENTRIES)
        if (progress === 'more') continue
        this.#writer = progress === 'table-full' ? this.#nextTable(writer) : undefined
        this.#tables.push(writer.finish(Date.now()))
        if (this.#writer === undefined) {
          this.#built = true
          return
        }
      } while (performance.now() < deadline)
    })
  }

  #nextTable(previous: TableWriter | undefined): TableWriter {
    const { kernel, catalog, files } = this.#engine
    const id = catalog.newFileId()
    const file = files.create(tableFileName(id))
    const writer = new TableWriter(kernel, file, id, this.tree.id, crypto.getRandomValues(new Uint8Array(16)))
    if (previous === undefined) writer.from(this.memtable.pointer)
    else writer.resume(previous)
    return writer
  }

  /** Makes the tables count, durably, and puts them in the memtable's place. */
  #install(): void {
    const { tree, memtable } = this
    const { catalog, journals } = this.#engine
    const flushedSeqno = memtable.highestSeqno + 1
    this.done = true
    const tables = inRuns(this.#tables, () => catalog.newFileId())
    catalog.log([
      ...tables.map((table) => ({ type: 'tableAdded' as const, table: table.info })),
      { type: 'flushedSeqno', keyspaceId: tree.id, seqno: flushedSeqno },
    ])
    for (const table of tables) tree.files.set(table.info.id, table)
    tree.flushedSeqno = flushedSeqno
    tree.replace(
      memtable,
      tree.version.withTables(
        tables.map((table) => table.info),
        [],
      ),
    )
    journals.removeObsolete()
  }

  /** A full disk ends the job, to be tried again; anything else poisons. */
  #orGiveUp(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.giveUp()
      if (error instanceof VarveError && (error.code === 'DISK_FULL' || error.code === 'NO_MEMORY'))
        throw error
      throw this.#engine.poison(error)
    }
  }
}

/**
 * The tables of one flush form a run, unless the versions of one key go on from a table to the next: then the earlier table, which has the newer
 * ones, must be in a newer run. `newRun` gives a number above all used so far.
 */
function inRuns(tables: readonly TableFile[], newRun: () => number): TableFile[] {
  const result: TableFile[] = []
  let run: number | undefined
  for (let i = tables.length - 1; i >= 0; i--) {
    const table = tables[i] as TableFile
    const next = tables[i + 1]
    const splitsKey = next !== undefined && compareKeys(table.info.largestKey, next.info.smallestKey) === 0
    if (run === undefined || splitsKey) run = newRun()
    result.unshift({ ...table, info: { ...table.info, run } })
  }
  return result
}
