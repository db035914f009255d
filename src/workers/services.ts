import { erase } from '../engine/erasure.ts'
import { estimate } from '../engine/estimate.ts'
import { keeperFigures } from '../engine/keeper-figures.ts'
import type { ServiceArguments, ServiceName, ServiceResult } from '../engine/keeper-port.ts'
import type { Keeper } from '../engine/keeper.ts'
import { createKeyspace, dropKeyspace, setPolicy } from '../engine/keyspaces.ts'
import type { Tree } from '../engine/tree.ts'
import { VarveError } from '../errors.ts'
import { verify } from '../verify/verify.ts'

/** How the keeper does what it is asked for. */
type Services = {
  readonly [N in ServiceName]: (keeper: Keeper, ...args: ServiceArguments<N>) => ServiceResult<N>
}

const SERVICES: Services = {
  begin: (keeper) => keeper.ensureEpoch(),
  makeRoom: (keeper, ids, pages) => {
    keeper.budget.make(
      ids.map((id) => keeper.tree(id)),
      pages,
    )
  },
  keyspaces: (keeper) => [...keeper.trees.values()].map(({ door }) => door.identity),
  keyspaceNamed: (keeper, name) => keeper.treeNamed(name)?.door.identity,
  keyspace: (keeper, name, definition, policy) =>
    (keeper.treeNamed(name) ?? createKeyspace(keeper, name, definition, policy)).door.identity,
  policy: (keeper, id) => keeper.tree(id).policy,
  setPolicy: (keeper, id, policy) => setPolicy(keeper, keeper.tree(id), policy),
  dropKeyspace: (keeper, name) => {
    const tree = keeper.treeNamed(name)
    if (tree === undefined) throw new VarveError('NOT_FOUND', 'There is no keyspace of that name.')
    dropKeyspace(keeper, tree)
  },
  flushSync: (keeper, ids) => keeper.flusher.flushAllSync(treesOf(keeper, ids)),
  flush: async (keeper, ids) => keeper.flusher.flushAll(treesOf(keeper, ids)),
  compactSync: (keeper, id, range) => {
    for (const tree of treesOf(keeper, id === undefined ? undefined : [id]))
      keeper.compactor.compactRangeSync(tree, range)
  },
  compact: async (keeper, id, range, { signal, onProgress }) => {
    for (const tree of treesOf(keeper, id === undefined ? undefined : [id])) {
      // NOTE: of all keyspaces one may be dropped meanwhile.
      if (id === undefined && tree.dropped) continue
      await keeper.compactor.compactRange(tree, range, signal, onProgress)
    }
  },
  erase: (keeper, id, range) => erase(keeper, keeper.tree(id), range),
  sync: (keeper) => keeper.journals.syncAsync(),
  estimate: (keeper, id, span) => estimate(keeper, keeper.tree(id), span),
  verify: (keeper, { signal, onProgress }) => verify(keeper, signal, onProgress),
  figures: keeperFigures,
  collect: (keeper) => {
    keeper.disposal.collect()
    keeper.budget.giveBlocks()
  },
  endCompactions: (keeper) => keeper.budget.endCompactions(),
}

/** Has the keeper do something. @throws what it throws */
export function serve<N extends ServiceName>(
  keeper: Keeper,
  name: N,
  args: ServiceArguments<N>,
): ServiceResult<N> {
  return (SERVICES[name] as (keeper: Keeper, ...args: ServiceArguments<N>) => ServiceResult<N>)(
    keeper,
    ...args,
  )
}

function treesOf(keeper: Keeper, ids: readonly number[] | undefined): Tree[] {
  return ids === undefined ? [...keeper.trees.values()] : ids.map((id) => keeper.tree(id))
}
