import type { VersionEdit } from '../version/edit.ts'
import type { Keeper } from './keeper.ts'
import type { PreparedReplacement, TableChange, Tree } from './tree.ts'

export interface TableCommit extends TableChange {
  /** From here on every entry with a smaller seqno is in tables, or gone; undefined: as before. */
  readonly flushedSeqno?: number | undefined
}

/**
 * The step by which tables come to count and others cease to, by one edit.
 *
 * CRASH: before the edit is durable the opened tables are orphans, after it the removed ones are.
 * @returns what must be installed in this turn; nothing can fail from here on
 * @throws DISK_FULL, NO_MEMORY: nothing changed, the opened tables are the caller's. POISONED
 */
export function commitTables(
  keeper: Keeper,
  tree: Tree,
  { removed, added, opened, flushedSeqno }: TableCommit,
  prepare: () => PreparedReplacement,
): PreparedReplacement {
  let prepared: PreparedReplacement | undefined
  try {
    prepared = prepare()
    if (opened.length > 0) keeper.syncDirectory()
    keeper.catalog.log([
      ...removed.map(({ id }): VersionEdit => ({ type: 'tableRemoved', keyspaceId: tree.id, tableId: id })),
      ...added.map((table): VersionEdit => ({ type: 'tableAdded', table })),
      ...(flushedSeqno === undefined
        ? []
        : [{ type: 'flushedSeqno', keyspaceId: tree.id, seqno: flushedSeqno } as const]),
    ])
  } catch (error) {
    prepared?.abandon()
    throw error
  }
  for (const table of opened) keeper.blocks.add(table)
  if (flushedSeqno !== undefined) tree.flushedSeqno = flushedSeqno
  keeper.lease.generation++
  return prepared
}
