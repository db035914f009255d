import { DEFAULT_KEYSPACE_ID, Engine } from '../engine/engine.ts'
import type { KeeperPort } from '../engine/keeper-port.ts'
import type { Keeper } from '../engine/keeper.ts'
import { openDatabase } from '../engine/open.ts'
import { salvageDatabase } from '../salvage/salvage.ts'
import { LocalKeeper } from '../workers/local-keeper.ts'
import type { FileSystem } from '../fs/filesystem.ts'
import { Database } from './database.ts'
import { watchDatabase } from './forgotten.ts'
import { encodingName } from './encoding.ts'
import { noteOpenEngine } from './open-engines.ts'
import { openRequest } from './options.ts'
import { policyChange, policyOf } from './policy.ts'
import { ResultPool } from './result-pool.ts'
import type { CreateWorker, KeyEncoding, OpenOptions, ValueEncoding } from './types.ts'
import { viewUnder, type View } from './view.ts'

/** Makes the way to a keeper that may move to a thread of the host, of those that `createWorker` starts, of which there may be `threads`. NOTE: in browsers there is none, nor the code of it. */
export type Background = (
  keeper: Keeper,
  createWorker: CreateWorker | undefined,
  threads: number,
) => KeeperPort

/** Opens the database in the directory that a FileSystem stands for. See `open`. */
export async function openOn<KE extends KeyEncoding = 'bytes', VE extends ValueEncoding = 'bytes'>(
  fileSystem: FileSystem,
  options?: OpenOptions<KE, VE>,
  background?: Background,
): Promise<Database<KE, VE>> {
  const request = openRequest(options)
  const { engine: engineOptions, threads, keyEncoding, valueEncoding, policy } = request
  // NOTE: before anything is opened or created; what it is added to is known later.
  const change = policyChange(policy)
  policyOf(change)
  const definition = {
    keyEncoding: encodingName(keyEncoding, 'keyEncoding'),
    valueEncoding: encodingName(valueEncoding, 'valueEncoding'),
  }
  // NOTE: a database that may not exist is refused as it is.
  const salvage =
    request.salvages && !engineOptions.errorIfExists
      ? await salvageDatabase(fileSystem, engineOptions)
      : undefined
  const { keeper, lock, recovery } = await openDatabase(fileSystem, engineOptions, definition)
  const hasThreads = threads > 0 && fileSystem.share !== undefined
  const port =
    (hasThreads ? background?.(keeper, request.createWorker, threads) : undefined) ?? new LocalKeeper(keeper)
  keeper.journals.tidySoon()
  let engine: Engine
  try {
    engine = new Engine(
      keeper.thread,
      port,
      lock,
      salvage === undefined ? recovery : { ...recovery, salvage },
    )
  } catch (error) {
    // NOTE: without pages for it.
    port.close()
    keeper.kernel.release()
    await lock.release()
    throw error
  }
  const tree = engine.openTree(keeper.tree(DEFAULT_KEYSPACE_ID).door.identity)
  const lifeline = {}
  let view: View
  try {
    view = viewUnder(
      { engine, tree, lifeline, pool: new ResultPool(engine.kernel) },
      keyEncoding,
      valueEncoding,
    )
    const before = engine.keeper.call('policy', tree.id)
    engine.keeper.call('setPolicy', tree.id, policyOf(change, before))
  } catch (error) {
    await engine.close()
    throw error
  }
  noteOpenEngine(engine)
  watchDatabase(lifeline, engine)
  return new Database<KE, VE>(view, { keyEncoding, valueEncoding })
}
