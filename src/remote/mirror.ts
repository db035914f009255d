/** What a page knows of the database without asking. */
import type { DatabaseDurability } from '../engine/durability.ts'
import type { DatabaseStats, RecoveryReport } from '../api/types.ts'

/** A keyspace, and the encodings that it was created with. */
export interface StoredKeyspace {
  /** Tells it from all others there ever were. */
  treeId: number
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
  main: StoredKeyspace
  /** Of writes that say nothing else. */
  durability: DatabaseDurability
  valueLimitBytes: number
}
