import { STATUS_CHECKSUM, STATUS_UNKNOWN_FORMAT } from '../../assembly/memory/layout.ts'
import { corrupt, VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import type { TableInfo } from '../version/version.ts'
import type { CachedBlock } from './block-store.ts'

/** An open table: its file, where its root index lies, and which of its blocks are in memory. */
export interface TableFile {
  readonly info: TableInfo
  readonly file: File
  /** Address of a record that starts with the file's 16-byte salt. */
  readonly salt: number
  readonly rootOffset: number
  readonly rootSize: number
  readonly cached: Map<number, CachedBlock>
}

/** What a failed block check means to the user. */
export function blockProblem(table: TableFile, offset: number, problem: number | string): VarveError {
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
