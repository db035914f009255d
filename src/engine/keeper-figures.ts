import type { Keeper } from './keeper.ts'
import { keyspaceStats, type KeyspaceStats } from './keyspace-figures.ts'

/** Figures of the structure of a database. */
export interface KeeperFigures {
  readonly keyspaces: readonly KeyspaceStats[]
  readonly journals: number
  readonly journalBytes: number
  readonly epoch: number
  /** Why the last flush or compaction in the background failed. */
  readonly backgroundError: string | undefined
}

export function keeperFigures(keeper: Keeper): KeeperFigures {
  return {
    keyspaces: [...keeper.trees.values()].map((tree) => keyspaceStats(keeper, tree)),
    journals: keeper.journals.count,
    journalBytes: keeper.journals.sizeBytes,
    epoch: keeper.catalog.epoch,
    backgroundError: keeper.backgroundError(),
  }
}
