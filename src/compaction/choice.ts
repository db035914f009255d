import type { Run, TableInfo } from '../version/version.ts'

/** What a strategy needs to know of a merge under way. */
export interface RunningJob {
  /** Ids of the tables it reads. */
  readonly inputs: ReadonlySet<number>
  /** Level it writes to. */
  readonly level: number
  /** Between these keys lies all that it reads and writes. */
  readonly smallestKey: Uint8Array
  readonly largestKey: Uint8Array
}

export interface CompactionState {
  /** Merges of this keyspace under way. */
  readonly running: readonly RunningJob[]
  /** The oldest live snapshot; Infinity without one. What is hidden below it can be dropped. */
  readonly oldestSnapshot: number
  /** Most runs that one merge may read; at least 2. */
  readonly maxInputRuns: number
}

/** Tables go to a lower level as they are: nothing there overlaps them. */
export interface MoveChoice {
  readonly type: 'move'
  readonly tables: readonly TableInfo[]
  readonly level: number
}

/** Tables are merged into new ones. */
export interface MergeChoice {
  readonly type: 'merge'
  /** Newest first; of each run the tables that are read, ascending. */
  readonly inputs: readonly Run[]
  /** Level of the output. */
  readonly level: number
  /** Size at which an output table ends. */
  readonly targetBytes: number
  /** Keys behind which an output table ends, ascending, so that it does not overlap too much of the level below. */
  readonly cutKeys: readonly Uint8Array[]
  /** The level counted from the base level, which is 1: what policies go by. */
  readonly canonicalLevel: number
}

/** Tables go, with what they hold. */
export interface DropChoice {
  readonly type: 'drop'
  readonly tables: readonly TableInfo[]
}

export type Choice = MoveChoice | MergeChoice | DropChoice
