import { LEVELS } from '../version/keyspace-policy.ts'
import { compareKeys } from '../bytes.ts'
import { firstIndex, type Run, type TableInfo, type Version } from '../version/version.ts'
import type { CompactionState, RunningJob } from './choice.ts'

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

export function totalBytes(tables: Iterable<TableInfo>): number {
  let sum = 0
  for (const { sizeBytes } of tables) sum += sizeBytes
  return sum
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
  const at = (i: number): TableInfo => run[i] as TableInfo
  const start = firstIndex(run.length, (i) => compareKeys(at(i).largestKey, span.smallestKey) >= 0)
  const end = firstIndex(run.length, (i) => compareKeys(at(i).smallestKey, span.largestKey) > 0)
  return run.slice(start, Math.max(start, end))
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
