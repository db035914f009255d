/** The tables of one keyspace, as immutable values. */
import { compareKeys } from '../bytes.ts'

/** What the manifest knows of a table. */
export interface TableInfo {
  readonly id: number
  readonly keyspaceId: number
  readonly level: number
  /** Number of its run within the level; a higher one is newer. */
  readonly run: number
  /** Length of its file. */
  readonly sizeBytes: number
  /** 16 bytes, the same as in its file. */
  readonly salt: Uint8Array
  readonly smallestKey: Uint8Array
  readonly largestKey: Uint8Array
  readonly lowestSeqno: number
  readonly highestSeqno: number
  readonly entries: number
  /** Of these, tombstones of any kind; and older versions of a key, which were kept for a snapshot. */
  readonly tombstones: number
  readonly hiddenVersions: number
  /** Milliseconds since 1970; 0: not known. */
  readonly createdAt: number
  /** XXH3-64 of all bytes of the file, 8 bytes. */
  readonly fileChecksum: Uint8Array
}

/** Tables of one level and run number. They share no key and are sorted by it: at most one can hold a given key. */
export type Run = readonly TableInfo[]

/** The immutable set of tables of a keyspace: runs, newest first. */
export class Version {
  static readonly empty: Version = new Version([])
  readonly runs: readonly Run[]

  private constructor(runs: readonly Run[]) {
    this.runs = runs
  }

  /** A Version of these tables. @throws RangeError when tables of one run overlap. */
  static of(tables: readonly TableInfo[]): Version {
    return Version.empty.withTables(tables, [])
  }

  get tableCount(): number {
    let count = 0
    for (const run of this.runs) count += run.length
    return count
  }

  *tables(): Generator<TableInfo, void, undefined> {
    for (const run of this.runs) yield* run
  }

  /**
   * This Version without `removed` and with `added`. A table that changes its run is in both.
   * @throws RangeError when a table to remove is not here, or tables of one run would overlap.
   */
  withTables(added: readonly TableInfo[], removed: readonly TableInfo[]): Version {
    const changed = this.change(added, removed)
    if (typeof changed === 'string') throw new RangeError(changed)
    return changed
  }

  /** Whether it names this table, in this run. */
  has(table: TableInfo): boolean {
    const run = this.runs[runIndex(this.runs, table)]
    return run?.[tableIndex(run, table.smallestKey)]?.id === table.id
  }

  /** The same, for tables that a file claims to exist: a contradiction is returned as a sentence. */
  change(added: readonly TableInfo[], removed: readonly TableInfo[]): Version | string {
    const runs = [...this.runs]
    const copies = new Set<Run>()
    // NOTE: a run is copied when it changes first, and only then: a Version may have many tables.
    const writable = (at: number): TableInfo[] => {
      const run = runs[at] as Run
      if (copies.has(run)) return run as TableInfo[]
      const copy = [...run]
      copies.add(copy)
      runs[at] = copy
      return copy
    }
    for (const table of removed) {
      const at = runIndex(runs, table)
      const position = tableIndex(runs[at] ?? [], table.smallestKey)
      const present = runs[at]?.[position]
      if (present?.id !== table.id || compareRuns(present, table) !== 0) {
        return `table ${table.id} is removed but not there`
      }
      const run = writable(at)
      run.splice(position, 1)
      if (run.length === 0) runs.splice(at, 1)
    }
    for (const table of added) {
      const at = runIndex(runs, table)
      const first = runs[at]?.[0]
      if (first === undefined || compareRuns(first, table) !== 0) {
        const run = [table]
        copies.add(run)
        runs.splice(at, 0, run)
        continue
      }
      const run = writable(at)
      const position = tableIndex(run, table.smallestKey)
      const before = run[position - 1]
      const after = run[position]
      if (before !== undefined && compareKeys(before.largestKey, table.smallestKey) >= 0) {
        return `tables ${before.id} and ${table.id} of one run overlap`
      }
      if (after !== undefined && compareKeys(table.largestKey, after.smallestKey) >= 0) {
        return `tables ${table.id} and ${after.id} of one run overlap`
      }
      run.splice(position, 0, table)
    }
    return new Version(runs)
  }
}

/** Newest first: upper levels before lower ones, in a level the higher number first. */
function compareRuns(a: TableInfo, b: TableInfo): number {
  return a.level - b.level || b.run - a.run
}

/** Index of the first run that is not newer than the one `table` belongs to. */
function runIndex(runs: readonly Run[], table: TableInfo): number {
  return firstIndex(runs.length, (i) => compareRuns(runs[i]?.[0] as TableInfo, table) >= 0)
}

/** Index of the first table whose smallest key is not below `key`. */
function tableIndex(run: Run, key: Uint8Array): number {
  return firstIndex(run.length, (i) => compareKeys((run[i] as TableInfo).smallestKey, key) >= 0)
}

/** Smallest index in [0, length) for which `isReached` holds; it holds for all above it. `length` if for none. */
export function firstIndex(length: number, isReached: (index: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isReached(middle)) high = middle
    else low = middle + 1
  }
  return low
}
