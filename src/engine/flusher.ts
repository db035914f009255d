import type { Keeper } from './keeper.ts'
import { FlushJob } from './flush.ts'
import { nextTurn } from '../next-turn.ts'
import type { Memtable } from './memtable.ts'
import type { Tree } from './tree.ts'

/** Longest stretch of flush work between two turns of the event loop. */
const SLICE_MS = 4
/** Sealed memtables a keyspace may have at all, whoever seals them. */
export const SEALED_MAX = 12
/** After a failed background flush (disk full) the next try. */
const RETRY_MS = 1000

/**
 * Decides which memtables are flushed next and who does it: a background loop on this thread, in slices between turns, or a
 * writer that found no room. One job at a time. A job takes all sealed memtables of a keyspace: fewer, larger runs to read from.
 */
export class Flusher {
  readonly #keeper: Keeper
  #job: FlushJob | undefined
  #loop: Promise<void> | undefined
  #retryAt = 0
  /** Why the last background flush failed; cleared by the next success. */
  lastError: unknown

  constructor(keeper: Keeper) {
    this.#keeper = keeper
  }

  /** Seals the active memtable of a keyspace and has it flushed in the background. @throws DISK_FULL (nothing changed), POISONED */
  seal(tree: Tree): void {
    // INVARIANT: nothing is sealed before the epoch has begun; a flush in the background would find no manifest to name its tables.
    if (tree.active !== undefined && tree.active.entries > 0) this.#keeper.ensureEpoch()
    // INVARIANT: a SuperVersion names at most SUPERVERSION_MAX_MEMTABLES memtables.
    while (tree.sealed.length >= SEALED_MAX) this.flushOneSync(tree)
    if (this.#keeper.thread.locked(() => tree.rotate()) !== undefined) this.request()
  }

  /** How many memtables of a keyspace wait for nothing but the disk: the tables made of them are written. */
  syncingMemtables(tree: Tree): number {
    const job = this.#job
    return job !== undefined && !job.done && job.syncing && job.tree === tree ? job.memtables.length : 0
  }

  /** Starts the background loop if there is something to flush. @returns whether a flush is on its way. */
  request(): boolean {
    if (this.#loop !== undefined) return true
    if (!this.#keeper.writable || this.#next() === undefined || Date.now() < this.#retryAt) return false
    if (this.#keeper.onBackgroundWork()) return true
    this.#loop = this.#run()
    return true
  }

  /** Whether no flush runs, nor is about to. */
  get isIdle(): boolean {
    return this.#loop === undefined && (this.#job === undefined || this.#job.done)
  }

  /** Resolves when the background loop has nothing left to do. */
  async idle(): Promise<void> {
    await this.#loop
  }

  /** Flushes the sealed memtables of one keyspace now (of `tree`, or any). @returns false if there are none. */
  flushOneSync(tree?: Tree): boolean {
    const running = this.#job
    if (running !== undefined && !running.done) {
      // NOTE: outputs whose sync is under way are built again rather than waited for; see FlushJob.syncing.
      if (running.syncing) running.giveUp()
      else {
        running.finishSync()
        this.#wake()
        if (tree === undefined || running.tree === tree) return true
      }
    }
    const next = this.#next(tree)
    if (next === undefined) return false
    const job = new FlushJob(this.#keeper, next, next.sealed)
    this.#job = job
    job.finishSync()
    this.#retryAt = 0
    this.#wake()
    return true
  }

  /** Seals and flushes on this thread everything in the given keyspaces. */
  flushAllSync(trees: Iterable<Tree>): void {
    for (const tree of trees) {
      this.seal(tree)
      while (tree.sealed.length > 0) this.flushOneSync(tree)
    }
  }

  /** Seals and flushes everything in the given keyspaces that is in memory now, in slices. */
  async flushAll(trees: readonly Tree[]): Promise<void> {
    const wanted = new Map<Tree, readonly Memtable[]>()
    for (const tree of trees) {
      this.seal(tree)
      wanted.set(tree, tree.sealed)
    }
    const left = (): boolean =>
      [...wanted].some(([tree, memtables]) => memtables.some((memtable) => tree.sealed.includes(memtable)))
    this.#retryAt = 0
    while (left()) {
      this.#keeper.assertUnpoisoned()
      this.lastError = undefined
      if (!this.request()) throw new Error('flusher: nothing can be flushed, but something is left')
      await this.#loop
      if (this.lastError !== undefined && left()) throw this.lastError
    }
  }

  /** Ends the job on a keyspace that is being dropped. */
  cancel(tree: Tree): void {
    if (this.#job?.tree === tree) this.#job.giveUp()
  }

  /** The keyspace with the most sealed bytes. */
  #next(only?: Tree): Tree | undefined {
    let best: Tree | undefined
    let bestBytes = 0
    for (const tree of only === undefined ? this.#keeper.trees.values() : [only]) {
      const bytes = tree.sealed.reduce((sum, memtable) => sum + memtable.pageBytes, 0)
      if (bytes <= bestBytes) continue
      best = tree
      bestBytes = bytes
    }
    return best
  }

  async #run(): Promise<void> {
    try {
      // NOTE: never within the turn of the write that asked.
      await nextTurn()
      for (let next = this.#next(); next !== undefined && this.#keeper.writable; next = this.#next()) {
        const job = new FlushJob(this.#keeper, next, next.sealed)
        this.#job = job
        await job.finish(SLICE_MS, nextTurn)
        this.lastError = undefined
        this.#wake()
      }
    } catch (error) {
      this.lastError = error
      this.#keeper.events.emit('backgroundError', { job: 'flush', error })
      this.#retryAt = Date.now() + RETRY_MS
    } finally {
      this.#loop = undefined
      this.#wake()
    }
  }

  /** A flush ended or failed: writes may have room, and a keyspace too many runs. */
  #wake(): void {
    this.#keeper.compactor.request()
    this.#keeper.waiters.wake()
  }
}
