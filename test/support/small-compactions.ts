import { engineOf, keeperOf } from '../integration/regressions/support.ts'
import type { LeveledOptions } from '../../src/compaction/leveled.ts'

/** Tables of a block or two and levels of a few tables, so that some kilobytes of data go through everything. */
export const SMALL_LEVELS: LeveledOptions = {
  tableBytes: 6000,
  baseBytes: 12_000,
  ratio: 3,
  flushedRunsTrigger: 2,
}

/** The same database, with these sizes. */
export function withSmallLevels<T extends object>(database: T): T {
  const engine = engineOf(database)
  const { compactor } = keeperOf(database)
  engine.gapFromEntries = 1
  compactor.options = SMALL_LEVELS
  // Whole jobs between two turns, so that the same steps give the same order of file operations.
  compactor.sliceMs = Infinity
  return database
}
