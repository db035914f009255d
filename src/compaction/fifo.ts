import type { TableInfo, Version } from '../version/version.ts'
import type { DropChoice } from './choice.ts'
import { totalBytes } from './levels.ts'

export interface FifoOptions {
  /** The oldest tables go when all take more than this; 0: never. */
  readonly sizeLimitBytes: number
  /** Tables go when they are so old; 0: never. */
  readonly ttlMs: number
}

/**
 * FIFO: nothing is merged; tables that are too old go, then the oldest until the rest fit the limit. For data that is written in the order of its keys and
 * not changed: what is dropped may uncover older versions elsewhere. The newest table stays. A table that is not too old keeps those after it, however
 * old the clock says that they are.
 */
export function chooseFifo(
  version: Version,
  nowMs: number,
  { sizeLimitBytes, ttlMs }: FifoOptions,
): DropChoice | undefined {
  // NOTE: by what was written when, not by the clock: one that was set back would have the newest entries go first.
  const oldestFirst = [...version.tables()].sort((a, b) => a.highestSeqno - b.highestSeqno || a.id - b.id)
  const isExpired = ({ createdAt }: TableInfo): boolean => ttlMs > 0 && createdAt <= nowMs - ttlMs
  let left = totalBytes(oldestFirst)
  const tables: TableInfo[] = []
  for (const table of oldestFirst) {
    const isLast = tables.length === oldestFirst.length - 1
    const isOver = sizeLimitBytes > 0 && left > sizeLimitBytes && !isLast
    if (!isExpired(table) && !isOver) break
    tables.push(table)
    left -= table.sizeBytes
  }
  return tables.length === 0 ? undefined : { type: 'drop', tables }
}
