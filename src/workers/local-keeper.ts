import { readAsync } from '../engine/async-read.ts'
import type {
  KeeperPort,
  ServiceArguments,
  SharedEnds,
  ServiceName,
  ServiceResult,
} from '../engine/keeper-port.ts'
import type { Keeper } from '../engine/keeper.ts'
import { VarveError } from '../errors.ts'
import { serve } from './services.ts'

/** The keeper of a database on the thread that uses it. */
export class LocalKeeper implements KeeperPort {
  readonly keeper: Keeper

  constructor(keeper: Keeper) {
    this.keeper = keeper
  }

  get begun(): boolean {
    return this.keeper.catalog.begun
  }

  call<N extends ServiceName>(name: N, ...args: ServiceArguments<N>): ServiceResult<N> {
    return serve(this.keeper, name, args)
  }

  async ask<N extends ServiceName>(
    name: N,
    ...args: ServiceArguments<N>
  ): Promise<Awaited<ServiceResult<N>>> {
    const { keeper } = this
    // NOTE: an estimate reads, and nothing else.
    return await (name === 'estimate'
      ? readAsync(keeper.blocks, () => serve(keeper, name, args))
      : serve(keeper, name, args))
  }

  mustWait(ids: readonly number[], pages: number): boolean {
    const { keeper } = this
    const trees = ids.map((id) => keeper.trees.get(id)).filter((tree) => tree !== undefined)
    return keeper.budget.mustWait(trees, pages)
  }

  progress(_ids: readonly number[], _pages: number, deadline: number): Promise<void> {
    return this.keeper.waiters.progress(deadline)
  }

  /** NOTE: on one thread nobody could do it meanwhile. */
  prepareRoom(): void {}

  noteUnsynced(): void {
    this.keeper.journals.noteUnsynced()
  }

  finish(): Promise<void> {
    return this.keeper.finish()
  }

  awaitFinish(): boolean {
    return false
  }

  close(): void {
    this.keeper.close()
  }

  async share(): Promise<SharedEnds> {
    throw new VarveError(
      'NOT_SUPPORTED',
      'A database is shared through a background thread; open it with threads: 1 or more, where the host has threads.',
    )
  }
}
