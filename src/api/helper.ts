import type { Engine } from '../engine/engine.ts'
import { HelperThread, type HelperEnd } from '../workers/helper-host.ts'
import { LocalKeeper } from '../workers/local-keeper.ts'

/** A second thread for a database whose host has none in the background: it writes the tables of compactions. */
export interface Helper {
  /** Its thread has ended. */
  lose(): void
  /** The database is closed. */
  release(): void
}

/** Calls `wanted` once, at the first compaction in the background. */
export function whenHelperIsWanted(engine: Engine, wanted: () => void): void {
  const { keeper } = engine
  if (!(keeper instanceof LocalKeeper)) return
  const { compactor } = keeper.keeper
  compactor.onCompaction = () => {
    compactor.onCompaction = () => {}
    wanted()
  }
}

/** Has the thread at the other end of a port (`helpOver`) help. `onAttached`: it can be given something to do. */
export function takeHelper(engine: Engine, port: HelperEnd, onAttached: () => void): Helper | undefined {
  const { keeper } = engine
  if (!(keeper instanceof LocalKeeper)) return undefined
  const helper = new HelperThread(keeper.keeper, port, onAttached)
  keeper.keeper.compactor.helper = helper
  return helper
}

export { helpOver } from '../workers/helper-thread.ts'
