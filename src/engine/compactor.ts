import type { Choice, CompactionState, DropChoice, MergeChoice, MoveChoice } from '../compaction/choice.ts'
import { chooseFifo } from '../compaction/fifo.ts'
import { chooseLeveled, LEVELED_DEFAULTS, levelScores, type LeveledOptions } from '../compaction/leveled.ts'
import { chooseMajor, type MajorRange } from '../compaction/major.ts'
import { VarveError } from '../errors.ts'
import { LAST_LEVEL, totalBytes as totalBytesOf } from '../compaction/levels.ts'
import { atLevel } from '../version/keyspace-policy.ts'
import { CompactionJob, moveTables } from './compaction.ts'
import type { Keeper } from './keeper.ts'
import { dropTables } from './erasure.ts'
import { nextTurn } from '../next-turn.ts'
import type { Progress, ProgressListener } from './progress.ts'
import type { TableHelper } from './table-helper.ts'
import type { Version } from '../version/version.ts'
import type { Tree } from './tree.ts'

/** After a failed compaction (disk full, a damaged table) the next try. */
const RETRY_MS = 1000
/** Most runs that one merge reads. */
const INPUT_RUNS_MAX = 32
const INPUT_RUNS_MIN = 2

/**
 * Decides which tables are merged next and who does it: a background loop on this thread, in slices between turns, or a writer that
 * found too many runs.
 */
export class Compactor {
  readonly #keeper: Keeper
  /** Sizes of tables and levels; tests make them small. */
  options: LeveledOptions = LEVELED_DEFAULTS
  /** Longest stretch of work between two turns of the event loop. */
  sliceMs = 4
  /** Another thread that writes tables of compactions, where there is one. */
  helper: TableHelper | undefined
  /** Called before each compaction in the background. */
  onCompaction: () => void = () => {}
  readonly #jobs = new Set<CompactionJob>()
  /** The ends of those that run in slices. */
  readonly #running = new Set<Promise<void>>()
  #loop: Promise<void> | undefined
  #retryAt = 0
  #stopped = false
  /** Keyspaces that a compact() goes through. */
  readonly #major = new Set<Tree>()
  /** Versions in which there was nothing to do: a database may have many keyspaces, and all are asked whenever one is flushed. */
  readonly #idle = new WeakMap<Tree, { readonly version: Version; readonly oldestSnapshot: number }>()
  /** Why the last background compaction failed; cleared by the next success. */
  lastError: unknown

  constructor(keeper: Keeper) {
    this.#keeper = keeper
  }

  /** Starts the background loop if there is something to compact. @returns whether a compaction is on its way */
  request(): boolean {
    if (this.#loop !== undefined) return true
    if (!this.#mayRun() || Date.now() < this.#retryAt || this.#next() === undefined) return false
    if (this.#keeper.onBackgroundWork()) return true
    this.#loop = this.#run()
    return true
  }

  /** Whether no compaction runs, nor is about to. */
  get isIdle(): boolean {
    return this.#loop === undefined && this.#jobs.size === 0 && this.#major.size === 0
  }

  /** Whether there is, or could now be, a compaction of a keyspace. */
  canCompact(tree: Tree): boolean {
    return this.#jobsOf(tree).length > 0 || (this.#mayRun() && this.#choose(tree) !== undefined)
  }

  /** Ends what runs for good: at once, or after the sync under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const job of this.#jobs) if (!job.syncing) job.giveUp()
    await Promise.allSettled([this.#loop, ...this.#running])
  }

  /** Ends the jobs on a keyspace that is being dropped. */
  cancel(tree: Tree): void {
    for (const job of this.#jobs) if (job.tree === tree) job.giveUp()
  }

  /** Does one compaction of a keyspace on this thread. @returns false if there is none to do, or none could be done */
  compactOneSync(tree: Tree): boolean {
    for (const job of this.#jobs) {
      if (job.tree !== tree || job.done) continue
      // NOTE: outputs whose sync is under way are built again rather than waited for; see TableJob.syncing.
      if (job.syncing) {
        job.giveUp()
        this.#jobs.delete(job)
      } else {
        this.#finishSync(job)
        return true
      }
    }
    const choice = this.#mayRun() ? this.#choose(tree) : undefined
    if (choice === undefined) return false
    this.#doSync(tree, choice)
    return true
  }

  /** Ends a running job, whose pages a writer needs: on this thread. @returns false if there is none */
  endOneSync(): boolean {
    for (const job of this.#jobs) {
      if (job.done) continue
      if (job.syncing) job.giveUp()
      else this.#finishSync(job)
      return true
    }
    return false
  }

  /** Merges everything in tables that overlaps a range down to the last level, in slices. @throws ABORTED, or why a step failed */
  async compactRange(
    tree: Tree,
    range: MajorRange,
    signal: AbortSignal | undefined,
    onProgress: ProgressListener,
  ): Promise<void> {
    const report = (progress: Progress): void => {
      onProgress(progress)
      this.#keeper.events.emit('progress', { job: 'compact', ...progress })
    }
    let totalBytes = totalBytesOf([...tree.version.tables()])
    let doneBytes = 0
    const written = new Set<number>()
    // NOTE: else it would go on for as long as others write.
    const all = { ...range, newerFrom: this.#keeper.catalog.newFileId() }
    while (this.#major.has(tree)) await nextTurn()
    this.#major.add(tree)
    try {
      for (;;) {
        if (signal?.aborted === true) throw aborted(signal)
        this.#keeper.assertReadable(tree)
        this.#keeper.ensureEpoch()
        if (this.#jobsOf(tree).length > 0) {
          await nextTurn()
          continue
        }
        const choice = this.#chooseMajor(tree, all, written)
        if (choice === undefined) {
          report({ doneBytes: totalBytes, totalBytes })
          return
        }
        for (const id of await this.#do(tree, choice, signal)) written.add(id)
        if (choice.type === 'merge') doneBytes += totalBytesOf(choice.inputs.flat())
        totalBytes = Math.max(totalBytes, doneBytes)
        report({ doneBytes, totalBytes })
      }
    } finally {
      this.#major.delete(tree)
      this.request()
    }
  }

  /** The same on this thread. */
  compactRangeSync(tree: Tree, range: MajorRange): void {
    const written = new Set<number>()
    this.#keeper.ensureEpoch()
    this.cancel(tree)
    for (;;) {
      const choice = this.#chooseMajor(tree, range, written)
      if (choice === undefined) return
      for (const id of this.#doSync(tree, choice)) written.add(id)
    }
  }

  #chooseMajor(tree: Tree, range: MajorRange, written: ReadonlySet<number>): Choice | undefined {
    if (tree.policy.strategy === 'fifo' && tree.isOrdered)
      return chooseFifo(tree.version, Date.now(), tree.policy)
    const compression = atLevel(tree.policy.compressions, LAST_LEVEL)
    return chooseMajor(
      tree.version,
      this.state(tree),
      this.options,
      range,
      (id) => written.has(id),
      (id) => tree.files.get(id)?.compression !== compression,
    )
  }

  /** @returns ids of the tables written */
  async #do(tree: Tree, choice: Choice, signal?: AbortSignal): Promise<readonly number[]> {
    if (choice.type !== 'merge') return this.#rearrange(tree, choice)
    this.onCompaction()
    const job = this.#job(tree, choice)
    this.#jobs.add(job)
    const end = job.finish(this.sliceMs, async () => {
      await nextTurn()
      if (signal?.aborted === true || this.#stopped) job.giveUp()
    })
    this.#running.add(end)
    try {
      await end
      return job.outputs
    } finally {
      this.#running.delete(end)
      this.#jobs.delete(job)
      this.#keeper.waiters.wake()
    }
  }

  #doSync(tree: Tree, choice: Choice): readonly number[] {
    if (choice.type !== 'merge') return this.#rearrange(tree, choice)
    const job = this.#job(tree, choice)
    this.#finishSync(job)
    return job.outputs
  }

  /** What needs no job. */
  #rearrange(tree: Tree, choice: MoveChoice | DropChoice): readonly number[] {
    if (choice.type === 'move') moveTables(this.#keeper, tree, choice)
    else dropTables(this.#keeper, tree, choice.tables)
    return []
  }

  #job(tree: Tree, choice: MergeChoice): CompactionJob {
    this.#keeper.budget.forJob(choice.inputs.length)
    return new CompactionJob(this.#keeper, tree, choice)
  }

  #finishSync(job: CompactionJob): void {
    this.#jobs.add(job)
    try {
      job.finishSync()
    } finally {
      this.#jobs.delete(job)
      this.#keeper.waiters.wake()
    }
  }

  async #run(): Promise<void> {
    try {
      // NOTE: never within the turn of the write that asked.
      await nextTurn()
      for (let next = this.#next(); next !== undefined && this.#mayRun(); next = this.#next()) {
        await this.#do(next.tree, next.choice)
        this.lastError = undefined
      }
    } catch (error) {
      this.lastError = error
      this.#keeper.events.emit('backgroundError', { job: 'compaction', error })
      this.#retryAt = Date.now() + RETRY_MS
    } finally {
      this.#loop = undefined
      this.#keeper.waiters.wake()
    }
  }

  #mayRun(): boolean {
    return !this.#stopped && this.#keeper.writable && this.#keeper.catalog.begun
  }

  /** What to do next in the keyspace that needs it most. */
  #next(): { readonly tree: Tree; readonly choice: Choice } | undefined {
    let best: { readonly tree: Tree; readonly choice: Choice } | undefined
    let bestScore = 0
    for (const tree of this.#keeper.trees.values()) {
      const choice = this.#choose(tree)
      if (choice === undefined) continue
      const score = Math.max(
        ...levelScores(tree.version, this.state(tree), this.options).map((level) => level.score),
      )
      if (best !== undefined && score <= bestScore) continue
      best = { tree, choice }
      bestScore = score
    }
    return best
  }

  #choose(tree: Tree): Choice | undefined {
    if (this.#major.has(tree)) return undefined
    const { policy, version } = tree
    if (policy.strategy === 'fifo') return chooseFifo(version, Date.now(), policy)
    const state = this.state(tree)
    const idle = this.#idle.get(tree)
    if (
      idle?.version === version &&
      idle.oldestSnapshot === state.oldestSnapshot &&
      state.running.length === 0
    )
      return undefined
    const choice = chooseLeveled(version, state, this.options)
    if (choice === undefined && state.running.length === 0)
      this.#idle.set(tree, { version, oldestSnapshot: state.oldestSnapshot })
    return choice
  }

  /** What a strategy is told of a keyspace. */
  state(tree: Tree): CompactionState {
    return {
      running: this.#jobsOf(tree),
      oldestSnapshot: this.#keeper.snapshots.oldest,
      maxInputRuns: this.#maxInputRuns(),
    }
  }

  /** As many as there are pages for. */
  #maxInputRuns(): number {
    const pages = this.#keeper.budget.jobPages()
    return Math.max(INPUT_RUNS_MIN, Math.min(INPUT_RUNS_MAX, pages))
  }

  #jobsOf(tree: Tree): CompactionJob[] {
    return [...this.#jobs].filter((job) => job.tree === tree && !job.done)
  }
}

function aborted(signal: AbortSignal): VarveError {
  return new VarveError('ABORTED', 'The compaction was aborted; what it had not finished stays as it was.', {
    cause: signal.reason,
  })
}
