import { compareKeys, type Run, type TableInfo, type Version } from '../version/version.ts'
import type { CompactionState, RunningJob } from './choice.ts'

/** Levels of a keyspace. Level 0 has the runs that were flushed; each one below has a single run. */
export const LEVELS = 7
export const LAST_LEVEL: number = LEVELS - 1

/** A range of keys, both ends included. */
export interface KeySpan {
  readonly smallestKey: Uint8Array
  readonly largestKey: Uint8Array
}

/** The flushed runs, newest first. */
export function flushedRuns(version: Version): readonly Run[] {
  return version.runs.filter((run) => run[0]?.level === 0)
}

/** The tables of a level from 1 on, ascending. */
export function levelRun(version: Version, level: number): Run {
  return version.runs.find((run) => run[0]?.level === level) ?? []
}

export function totalBytes(tables: readonly TableInfo[]): number {
  return tables.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** From the smallest to the largest key of tables. INVARIANT: there is one. */
export function hull(tables: readonly KeySpan[]): KeySpan {
  const [first, ...rest] = tables as [KeySpan, ...KeySpan[]]
  let { smallestKey, largestKey } = first
  for (const table of rest) {
    if (compareKeys(table.smallestKey, smallestKey) < 0) smallestKey = table.smallestKey
    if (compareKeys(table.largestKey, largestKey) > 0) largestKey = table.largestKey
  }
  return { smallestKey, largestKey }
}

export function overlaps(a: KeySpan, b: KeySpan): boolean {
  return compareKeys(a.smallestKey, b.largestKey) <= 0 && compareKeys(b.smallestKey, a.largestKey) <= 0
}

/** The tables of a run that overlap a span. */
export function overlapping(run: Run, span: KeySpan): readonly TableInfo[] {
  const start = firstIndex(run, ({ largestKey }) => compareKeys(largestKey, span.smallestKey) >= 0)
  const end = firstIndex(run, ({ smallestKey }) => compareKeys(smallestKey, span.largestKey) > 0)
  return run.slice(start, Math.max(start, end))
}

function firstIndex(run: Run, isReached: (table: TableInfo) => boolean): number {
  let low = 0
  let high = run.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isReached(run[middle] as TableInfo)) high = middle
    else low = middle + 1
  }
  return low
}

export function isBusy(state: CompactionState, table: TableInfo): boolean {
  return state.running.some(({ inputs }) => inputs.has(table.id))
}

/** Whether a merge of these tables into a level can run beside those under way: nothing shared, and apart in the level they write to. */
export function isFree(state: CompactionState, tables: readonly TableInfo[], level: number): boolean {
  const span = hull(tables)
  const touches = (job: RunningJob): boolean => job.level === level && overlaps(job, span)
  return !tables.some((table) => isBusy(state, table)) && !state.running.some(touches)
}
