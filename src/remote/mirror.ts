/** What a page knows of the database without asking. */
import type { DatabaseStats, RecoveryReport } from '../api/types.ts'

/** The encodings that a keyspace was created with. */
export interface StoredEncodings {
  keyEncoding: string | undefined
  valueEncoding: string | undefined
}

/** Figures of the moment when a message left the worker. */
export interface KeyspaceFigures {
  stats: DatabaseStats
  keyspaces: string[]
}

/** What one learns when a database was opened. */
export interface Opening extends KeyspaceFigures {
  recovery: RecoveryReport
  encodings: StoredEncodings
  valueLimitBytes: number
}
