import { tableFileName } from '../fs/file-names.ts'
import { DEFAULT_POLICY, samePolicy, type KeyspacePolicy } from '../version/keyspace-policy.ts'
import { Version } from '../version/version.ts'
import type { Engine, KeyspaceDefinition } from './engine.ts'
import { Tree } from './tree.ts'

/** Creates a keyspace, durably. @throws DISK_FULL, POISONED */
export function createKeyspace(
  engine: Engine,
  name: string,
  definition: KeyspaceDefinition,
  policy: KeyspacePolicy,
): Tree {
  engine.ensureEpoch()
  // NOTE: commits and changes of structure survive a power loss in the order they were made in.
  engine.journals.sync()
  const id = engine.nextKeyspaceId++
  engine.catalog.log([
    { type: 'keyspaceCreated', id, name, ...definition },
    ...(samePolicy(policy, DEFAULT_POLICY) ? [] : [{ type: 'keyspacePolicy' as const, id, policy }]),
  ])
  const tree = new Tree(engine.kernel, id, name, Version.empty, new Map(), 0, policy)
  engine.trees.set(id, tree)
  return tree
}

/** Changes how a keyspace's tables are written and merged, durably; what is there stays as it is until it is merged. */
export function setPolicy(engine: Engine, tree: Tree, policy: KeyspacePolicy): void {
  if (samePolicy(tree.policy, policy)) return
  engine.assertWritable(tree)
  engine.assertUnpoisoned()
  engine.catalog.log([{ type: 'keyspacePolicy', id: tree.id, policy }])
  tree.policy = policy
  engine.compactor.request()
}

/** Drops a keyspace with all it holds, durably. */
export function dropKeyspace(engine: Engine, tree: Tree): void {
  engine.writes.drainSync()
  engine.assertWritable(tree)
  engine.assertUnpoisoned()
  engine.journals.sync()
  engine.flusher.cancel(tree)
  engine.compactor.cancel(tree)
  engine.catalog.log([{ type: 'keyspaceDropped', id: tree.id }])
  engine.trees.delete(tree.id)
  engine.disposal.forget(tree)
  const tables = [...tree.files.values()]
  tree.free()
  for (const table of tables) engine.disposal.closeTable(table)
  engine.catalog.coverBySuperblock()
  for (const table of tables) engine.files.removeOrphan(tableFileName(table.info.id))
  engine.journals.removeObsolete()
}
