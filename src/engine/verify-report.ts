import type { VarveErrorCode } from '../errors.ts'

/** Something that is not as it must be. */
export interface VerifyProblem {
  /** CORRUPT, MISSING_FILE, FORMAT_VERSION or IO. */
  code: VarveErrorCode
  /** One sentence. */
  message: string
  file: string | undefined
  offset: number | undefined
}

/** What `verify` looked at, and what it found. */
export interface VerifyReport {
  /** Files read: superblock, manifest, journals, tables. */
  files: number
  tables: number
  blocks: number
  /** Entries in tables. */
  entries: number
  /** Bytes of all files read. */
  bytes: number
  /** Empty if everything is right; the first PROBLEMS_MAX otherwise. */
  problems: VerifyProblem[]
}
