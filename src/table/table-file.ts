import { STATUS_CHECKSUM, STATUS_UNKNOWN_FORMAT } from '../../assembly/memory/layout.ts'
import { corrupt, VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import type { TableInfo } from '../version/version.ts'
import type { Compression } from './compression.ts'

/** Where a table's filter lies and how it is read (docs/table-format.md, "Filter blocks"). */
export interface TableFilter {
  /** Of the first filter block. */
  readonly offset: number
  readonly lines: number
  readonly probes: number
}

/** An open table, as far as reading its blocks goes. */
export interface OpenTable {
  readonly info: Pick<TableInfo, 'id' | 'sizeBytes'>
  readonly file: File
  /** Address of its record, which starts with the file's 16-byte salt. */
  readonly record: number
}

/** An open table, and all that the manifest says of it. */
export interface TableFile extends OpenTable {
  readonly info: TableInfo
  readonly filter: TableFilter | undefined
  /** Aimed at when it was written; undefined: not known. */
  readonly compression: Compression | undefined
}

/** What a failed block check means to the user. */
export function blockProblem(
  table: { readonly file: File },
  offset: number,
  problem: number | string,
): VarveError {
  if (problem === STATUS_UNKNOWN_FORMAT) {
    return new VarveError(
      'FORMAT_VERSION',
      `${table.file.name} uses a feature this version does not know; open the database with a newer version.`,
      { file: table.file.name, offset },
    )
  }
  const what =
    typeof problem === 'string'
      ? problem
      : problem === STATUS_CHECKSUM
        ? 'a block fails its checksum'
        : 'a block does not add up'
  return corrupt(table.file.name, offset, what)
}
