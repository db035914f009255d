import { levelTargets } from '../compaction/leveled.ts'
import { VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import { EntryStream } from '../table/entry-stream.ts'
import type { TableFile } from '../table/table-file.ts'
import { compareKeys } from '../bytes.ts'
import { Version, type TableInfo } from '../version/version.ts'
import { policyFor } from './compaction.ts'
import type { Keeper } from './keeper.ts'
import { commitTables } from './table-commit.ts'
import { outputHost, TableOutput } from './table-output.ts'
import type { PreparedReplacement, Tree } from './tree.ts'

/** The keys from `from` on and below `to`; undefined: without that end. */
export interface ErasedRange {
  readonly from: Uint8Array | undefined
  readonly to: Uint8Array | undefined
}

/**
 * Removes all entries of a keyspace, or of a range of its keys, durably and at once, however many there are: a change of structure with a seqno c of
 * its own. Reads at an S ≤ c, those of snapshots, go on finding them. What was written before is made durable first.
 * A range in which no key can lie is no change: no seqno, no edit, nothing made durable.
 *
 * Of the tables at the edges of a range those that it cuts are written again without it.
 *
 * CRASH: all or nothing, by one edit. NOTE: there is no journal record: the edit raises the keyspace's flushed seqno to c + 1, so whatever the
 * journals hold of it from before does not come back, and in the journal c is a gap.
 * @throws DISK_FULL, NO_MEMORY: nothing changed. POISONED, NOT_FOUND, CLOSED
 */
export function erase(keeper: Keeper, tree: Tree, range: ErasedRange): void {
  keeper.assertWritable(tree)
  const everything = range.from === undefined && range.to === undefined
  if (isEmpty(range)) return
  // NOTE: memtables that only a snapshot reads could not be flushed any more; and tables can be cut, memtables cannot.
  const flushes = !everything || keeper.disposal.isRead || keeper.thread.isReadElsewhere
  if (flushes) keeper.flusher.flushAllSync([tree])
  // NOTE: what other threads wrote meanwhile is little. They wait until c is published: a change of structure as rare as this one may keep them for some syncs.
  keeper.thread.locked(() => {
    if (flushes) keeper.flusher.flushAllSync([tree])
    keeper.flusher.cancel(tree)
    keeper.compactor.cancel(tree)
    keeper.journals.sync()
    const opened = everything ? [] : rewriteCut(keeper, tree, range)
    const removed = [...tree.version.tables()].filter((table) => touches(range, table))
    const added = opened.map(({ info }) => info)
    const version = everything ? Version.empty : tree.version.withTables(added, removed)
    append(keeper, tree, { removed, opened, version, erases: true })
  })
  keeper.journals.removeObsolete()
}

/**
 * Drops tables with what they hold (FIFO). The memtables stay.
 * @throws as erase
 */
export function dropTables(keeper: Keeper, tree: Tree, removed: readonly TableInfo[]): void {
  keeper.assertUnpoisoned()
  // INVARIANT: SuperVersions that stay for older reads share no memtable with the newest one: a flush could not replace it in both.
  const flushes = keeper.disposal.isRead || keeper.thread.isReadElsewhere
  if (flushes) keeper.flusher.flushAllSync([tree])
  keeper.thread.locked(() => {
    if (flushes) keeper.flusher.flushAllSync([tree])
    append(keeper, tree, {
      removed,
      opened: [],
      version: tree.version.withTables([], removed),
      erases: false,
    })
    tree.door.gap?.forget()
  })
}

interface Appended {
  readonly removed: readonly TableInfo[]
  readonly opened: readonly TableFile[]
  readonly version: Version
  /** Whether everything in memtables goes. */
  readonly erases: boolean
}

/** Makes a Version count from a seqno of its own on, by one edit. */
function append(keeper: Keeper, tree: Tree, { removed, opened, version, erases }: Appended): void {
  const { exports, slot } = keeper.kernel
  const seqno = exports.nextSeqno()
  const added = opened.map(({ info }) => info)
  const change = { removed, added, opened, flushedSeqno: erases ? seqno + 1 : undefined }
  let prepared: PreparedReplacement
  try {
    prepared = commitTables(keeper, tree, change, () => tree.prepareAppend(seqno, version, opened, !erases))
  } catch (error) {
    if (keeper.writable) keeper.disposal.discardTables(opened)
    else for (const table of opened) table.file.close()
    throw error
  }
  exports.beginGroup(slot, 1)
  keeper.journals.current?.abandonGroup(1)
  prepared.install()
  exports.publishGroup(slot)
  keeper.disposal.collectLater(tree)
}

/** Writes the tables that the range cuts again, without it. */
function rewriteCut(keeper: Keeper, tree: Tree, range: ErasedRange): TableFile[] {
  const { baseLevel } = levelTargets(tree.version, keeper.compactor.options)
  const written: TableFile[] = []
  try {
    for (const table of tree.version.tables()) {
      if (!touches(range, table) || isInside(range, table)) continue
      keeper.budget.forJob(1)
      const stream = new EntryStream(
        keeper.kernel,
        [],
        [[tree.files.get(table.id) as TableFile]],
        keeper.blocks,
      )
      stream.exclude(range.from, range.to)
      const output = new TableOutput(
        outputHost(keeper),
        tree.id,
        stream,
        table.level,
        policyFor(
          tree.policy,
          table.level === 0 ? 0 : table.level - baseLevel + 1,
          keeper.compactor.options.tableBytes,
        ),
      )
      try {
        while (!output.built) output.step(Infinity)
      } catch (error) {
        output.abandon()
        throw error
      }
      output.release()
      // NOTE: the parts stay in the run of the whole.
      written.push(...output.tables.map((part) => ({ ...part, info: { ...part.info, run: table.run } })))
    }
    for (const { file } of written) syncOrPoison(keeper, file)
    return written
  } catch (error) {
    if (keeper.writable) keeper.disposal.discardTables(written)
    else for (const { file } of written) file.close()
    throw error instanceof VarveError ? error : keeper.poison(error)
  }
}

/** A failed sync poisons, whatever it says: what it could not write may count as written afterwards. */
function syncOrPoison(keeper: Keeper, file: File): void {
  try {
    file.sync()
  } catch (error) {
    throw keeper.poison(error)
  }
}

/** Whether a key of a table may lie in the range. */
function touches({ from, to }: ErasedRange, table: TableInfo): boolean {
  return (
    (from === undefined || compareKeys(from, table.largestKey) <= 0) &&
    (to === undefined || compareKeys(table.smallestKey, to) < 0)
  )
}

function isInside({ from, to }: ErasedRange, table: TableInfo): boolean {
  return (
    (from === undefined || compareKeys(from, table.smallestKey) <= 0) &&
    (to === undefined || compareKeys(table.largestKey, to) < 0)
  )
}

function isEmpty({ from, to }: ErasedRange): boolean {
  return from !== undefined && to !== undefined && compareKeys(from, to) >= 0
}
