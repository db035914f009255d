import { levelScores } from '../compaction/leveled.ts'
import type { Keeper } from './keeper.ts'
import type { Tree } from './tree.ts'

/** Figures of one level of a keyspace that has tables. */
export interface LevelStats {
  /** 0: as they were flushed; the higher, the older. */
  level: number
  /** Sorted sequences of tables; a read of a key looks into one table of each. */
  runs: number
  tables: number
  bytes: number
  entries: number
  tombstones: number
  /** Versions that were overwritten and kept for a snapshot. */
  hiddenVersions: number
  /** How much it needs a compaction: from 1 on there is one to do, or under way. */
  score: number
}

export interface KeyspaceStats {
  name: string
  /** Encodings fixed at its creation: 'utf8', 'json', 'custom'; undefined = none. */
  keyEncoding: string | undefined
  valueEncoding: string | undefined
  tables: number
  tableBytes: number
  tableEntries: number
  memtables: number
  memtableBytes: number
  memtableEntries: number
  levels: LevelStats[]
  /** Since the database was opened: flushes and the bytes of tables they wrote. */
  flushes: number
  flushedBytes: number
  /** Since then: compactions, the bytes of tables they read and wrote, and tables that went down as they were. */
  compactions: number
  compactionReadBytes: number
  compactionWrittenBytes: number
  movedTables: number
  /** Tables that a read of a key may look into. */
  readAmplification: number
  /** Bytes written to tables for each byte flushed, since the database was opened; 1 if nothing was. */
  writeAmplification: number
  /** Bytes of all tables for each byte of the last level: about what overwritten and deleted entries still take; 1 without tables. */
  spaceAmplification: number
}

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
  // NOTE: what is being compacted still needs it; else a level would look settled as soon as a compaction began.
  const state = { ...keeper.compactor.state(tree), running: [] }
  return levelScores(tree.version, state, keeper.compactor.options)
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
