import { DEFAULT_POLICY, samePolicy, type KeyspacePolicy } from '../version/keyspace-policy.ts'
import { Version } from '../version/version.ts'
import type { KeyspaceDefinition } from './engine.ts'
import type { Keeper } from './keeper.ts'
import type { Tree } from './tree.ts'

/** Creates a keyspace, durably. @throws DISK_FULL, NO_MEMORY: nothing changed. POISONED */
export function createKeyspace(
  keeper: Keeper,
  name: string,
  definition: KeyspaceDefinition,
  policy: KeyspacePolicy,
): Tree {
  keeper.ensureEpoch()
  // NOTE: commits and changes of structure survive a power loss in the order they were made in.
  keeper.journals.sync()
  const id = keeper.nextKeyspaceId++
  // ORDER: what it takes in memory first: a keyspace that the manifest names is there.
  const tree = keeper.plant({ id, name, ...definition }, Version.empty, new Map(), 0, policy)
  try {
    keeper.catalog.log([
      { type: 'keyspaceCreated', id, name, ...definition },
      ...(samePolicy(policy, DEFAULT_POLICY) ? [] : [{ type: 'keyspacePolicy' as const, id, policy }]),
    ])
  } catch (error) {
    keeper.uproot(tree)
    throw error
  }
  return tree
}

/** Changes how a keyspace's tables are written and merged, durably; what is there stays as it is until it is merged. */
export function setPolicy(keeper: Keeper, tree: Tree, policy: KeyspacePolicy): void {
  if (samePolicy(tree.policy, policy)) return
  keeper.assertWritable(tree)
  keeper.catalog.log([{ type: 'keyspacePolicy', id: tree.id, policy }])
  tree.policy = policy
  keeper.compactor.request()
}

/** Drops a keyspace with all it holds, durably. */
export function dropKeyspace(keeper: Keeper, tree: Tree): void {
  keeper.assertWritable(tree)
  keeper.journals.sync()
  keeper.flusher.cancel(tree)
  keeper.compactor.cancel(tree)
  keeper.catalog.log([{ type: 'keyspaceDropped', id: tree.id }])
  const tables = [...tree.files.values()]
  keeper.thread.locked(() => keeper.uproot(tree))
  try {
    keeper.catalog.coverBySuperblock()
  } catch (error) {
    keeper.disposal.closeTables(tables)
    throw error
  }
  keeper.disposal.discardTables(tables)
  keeper.journals.removeObsolete()
}
