import { compareKeys } from '../bytes.ts'
import type { Run, TableInfo, Version } from './version.ts'

/** The level that flushes write to. */
const FLUSH_LEVEL = 0

/**
 * The runs that the tables of one flush (ascending) belong to.
 *
 * They form one run, unless the versions of one key go on from a table to the next: then the earlier table, which has the newer ones, must be in
 * a newer run. A run that shares no key range with the newest one joins it: where keys ascend all tables are one run, and a read looks into one of
 * them. `newRun` gives a number above all used so far.
 */
export function assignRuns(
  tables: readonly TableInfo[],
  version: Version,
  newRun: () => number,
): TableInfo[] {
  const newest = version.runs[0]
  const joined = newest?.[0]?.level === FLUSH_LEVEL && fits(newest, tables) ? newest[0].run : undefined
  const result: TableInfo[] = []
  let run = joined
  for (let i = tables.length - 1; i >= 0; i--) {
    const table = tables[i] as TableInfo
    const next = tables[i + 1]
    const splitsKey = next !== undefined && compareKeys(table.largestKey, next.smallestKey) === 0
    if (run === undefined || splitsKey) run = newRun()
    result.unshift({ ...table, run })
  }
  return result
}

/** Whether a run can take tables (ascending) in without two of its tables overlapping. */
function fits(run: Run, tables: readonly TableInfo[]): boolean {
  return tables.every((table) =>
    run.every(
      (other) =>
        compareKeys(other.largestKey, table.smallestKey) < 0 ||
        compareKeys(table.largestKey, other.smallestKey) < 0,
    ),
  )
}
