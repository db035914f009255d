import { CONTROL_HISTORIES, TABLE_USERS } from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import { tableFileName } from '../fs/file-names.ts'
import { forgetUser, isUsed } from '../kernel/file-users.ts'
import type { TableFile } from '../table/table-file.ts'
import { freeTableRecord } from '../table/table-record.ts'
import type { Keeper } from './keeper.ts'
import type { Tree } from './tree.ts'

/** What may go, and how it goes: tables that nothing names any more, SuperVersions that nothing reads any more. */
export class Disposal {
  readonly #keeper: Keeper
  /** Keyspaces with SuperVersions for older reads. */
  readonly #withHistory = new Set<Tree>()
  /** Tables that nothing names any more and somebody may still read. */
  readonly #closing = new Set<TableFile>()

  constructor(keeper: Keeper) {
    this.#keeper = keeper
  }

  /** Whether a snapshot or a range may read what is there now, whatever happens to it. */
  get isRead(): boolean {
    const { snapshots, thread } = this.#keeper
    // NOTE: ranges of this thread register late; snapshots, reads that wait for a block, and ranges of other threads are in the registry from their beginning on.
    return thread.openRanges > 0 || snapshots.oldest < Infinity
  }

  /** What a flush or a compaction that begins now has to keep. */
  beginDropping(): { barrier: number; snapshots: number[] } {
    this.#keeper.thread.cursorPages.holdAll()
    return this.#keeper.snapshots.beginDropping()
  }

  /** Closes and deletes tables, as soon as no call reads them. INVARIANT: no SuperVersion names them any more. */
  discardTables(tables: readonly TableFile[]): void {
    const { files } = this.#keeper
    this.closeTables(tables, (table) => files.removeOrphan(tableFileName(table.info.id)))
  }

  /** Closes tables and frees their records, as soon as no call reads them. INVARIANT: as discardTables. */
  closeTables(tables: readonly TableFile[], andThen: (table: TableFile) => void = () => {}): void {
    if (tables.length === 0) return
    const { lease, blocks, kernel, reclaimer } = this.#keeper
    for (const table of tables) this.#closing.add(table)
    reclaimer.retire(
      () => {
        lease.generation++
        for (const table of tables) {
          this.#closing.delete(table)
          blocks.remove(table)
          table.file.close()
          freeTableRecord(kernel, table.record)
          andThen(table)
        }
      },
      // NOTE: a read that waits for a block pins nothing but the file it is read from.
      () => tables.some(({ record }) => isUsed(kernel.words, record + TABLE_USERS)),
    )
    if (reclaimer.pending === 0) return
    // ORDER: said before it is looked at again: a read that ends meanwhile sees the one, or is seen.
    this.#noteHistories()
    reclaimer.collect()
  }

  /** The thread of a slot has ended, in the middle of asynchronous reads or not. */
  forgetReader(slot: number): void {
    const { trees, kernel } = this.#keeper
    const named = [...trees.values()].flatMap(({ files }) => [...files.values()])
    for (const { record } of [...named, ...this.#closing])
      forgetUser(kernel.words, record + TABLE_USERS, slot)
  }

  /** Closes and deletes the tables of a keyspace that nothing names any more: space comes back. */
  deleteRetired(tree: Tree): void {
    if (!tree.hasDead) return
    try {
      // CRASH: the edit that removed them is durable, and covered by the superblock before a file goes.
      this.#keeper.catalog.coverBySuperblock()
    } catch {
      // NOTE: they stay until the next time, or the next open. What this means for the database is remembered where it failed.
      return
    }
    this.discardTables(tree.sweep())
  }

  /** After a SuperVersion was appended to a keyspace's: gives the older ones back as soon as no read can ask for them. */
  collectLater(tree: Tree): void {
    this.#withHistory.add(tree)
    this.#noteHistories()
    this.collect()
  }

  /** Gives back what no read can ask for any more, after a read has ended or entries were removed at once. */
  collect(): void {
    this.#keeper.reclaimer.collect()
    for (const tree of this.#withHistory) {
      const dropping = this.#beginIfPossible()
      if (dropping === undefined) return
      const { barrier, snapshots } = dropping
      this.#keeper.lease.generation++
      tree.collect(barrier, snapshots)
      this.deleteRetired(tree)
      if (!tree.hasHistory) this.#withHistory.delete(tree)
    }
    this.#noteHistories()
  }

  /** beginDropping, or undefined without memory for it: then what may go goes when the next read ends. */
  #beginIfPossible(): { barrier: number; snapshots: number[] } | undefined {
    try {
      return this.beginDropping()
    } catch (error) {
      if (error instanceof VarveError && error.code === 'NO_MEMORY') return undefined
      throw error
    }
  }

  /** A keyspace is gone. */
  forget(tree: Tree): void {
    this.#withHistory.delete(tree)
    this.#noteHistories()
  }

  /** For those on other threads whose reads end: whether something may wait for them. */
  #noteHistories(): void {
    const { kernel, reclaimer } = this.#keeper
    Atomics.store(kernel.words, CONTROL_HISTORIES >>> 2, this.#withHistory.size + reclaimer.pending)
  }
}
