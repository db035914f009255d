import { levelScores } from '../compaction/leveled.ts'
import type { Keeper } from '../engine/keeper.ts'
import type { Tree } from '../engine/tree.ts'
import type { KeyspaceStats, LevelStats } from './types.ts'

/** Figures of one keyspace. */
export function keyspaceStats(keeper: Keeper, tree: Tree): KeyspaceStats {
  const state = keeper.catalog.state.keyspaces.get(tree.id)
  const tables = [...tree.version.tables()]
  const memtables = tree.memtables()
  const levels = levelStats(keeper, tree)
  const { flushes, flushedBytes, compactions, compactionReadBytes, compactionWrittenBytes, movedTables } =
    tree.counters
  const tableBytes = sumOf(tables, ({ sizeBytes }) => sizeBytes)
  return {
    name: tree.name,
    keyEncoding: state?.keyEncoding,
    valueEncoding: state?.valueEncoding,
    tables: tables.length,
    tableBytes,
    tableEntries: sumOf(tables, ({ entries }) => entries),
    memtables: memtables.length,
    memtableBytes: sumOf(memtables, ({ pageBytes }) => pageBytes),
    memtableEntries: sumOf(memtables, ({ entries }) => entries),
    levels,
    flushes,
    flushedBytes,
    compactions,
    compactionReadBytes,
    compactionWrittenBytes,
    movedTables,
    readAmplification: tree.version.runs.length,
    writeAmplification: flushedBytes === 0 ? 1 : (flushedBytes + compactionWrittenBytes) / flushedBytes,
    spaceAmplification: tableBytes / (levels.at(-1)?.bytes ?? 1) || 1,
  }
}

function levelStats(keeper: Keeper, tree: Tree): LevelStats[] {
  const { runs } = tree.version
  return levelScores(tree.version, keeper.compactor.state(tree), keeper.compactor.options)
    .map(({ level, score }) => {
      const here = runs.filter((run) => run[0]?.level === level)
      const tables = here.flat()
      return {
        level,
        runs: here.length,
        tables: tables.length,
        bytes: sumOf(tables, ({ sizeBytes }) => sizeBytes),
        entries: sumOf(tables, ({ entries }) => entries),
        tombstones: sumOf(tables, ({ tombstones }) => tombstones),
        hiddenVersions: sumOf(tables, ({ hiddenVersions }) => hiddenVersions),
        score,
      }
    })
    .filter(({ tables }) => tables > 0)
}

function sumOf<T>(list: readonly T[], of: (each: T) => number): number {
  return list.reduce((sum, each) => sum + of(each), 0)
}
