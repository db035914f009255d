import type { DropRules } from '../table/entry-stream.ts'
import type { TableFile } from '../table/table-file.ts'
import type { TablePolicy } from '../table/writer.ts'
import type { Keeper } from './keeper.ts'
import type { Output } from './table-output.ts'

/** The tables of a compaction, and what they are made of. */
export interface BuildRequest {
  readonly keyspaceId: number
  readonly level: number
  readonly policy: TablePolicy
  readonly runs: readonly (readonly TableFile[])[]
  readonly rules: DropRules
}

/** Another thread that writes tables for the keeper, who opens, reads and writes the files for it. */
export interface TableHelper {
  /** Whether it could begin now. */
  readonly isFree: boolean
  build(keeper: Keeper, request: BuildRequest): Output
}
