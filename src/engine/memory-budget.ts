import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { noPages } from '../kernel/kernel.ts'
import { SEALED_MAX } from './flusher.ts'
import type { Keeper } from './keeper.ts'
import type { Tree } from './tree.ts'

/** Sealed memtables a keyspace may have before writes wait for its flush; those that are being synced do not count. */
const SEALED_LIMIT = 4
/** Runs of flushed tables a keyspace may have before writes wait for their compaction. */
const FLUSHED_RUNS_LIMIT = 12
/** Reads of other threads that hold pages back take far less. */
const LAST_READS_MS = 20
/**
 * Pages that writes never take: one flush, one compaction (stream, builder) and one read (merge, blocks) always find theirs, so the memory
 * being full never stops the work that empties it.
 */
export const RESERVED_PAGES = 36
/** Those that an empty memtable takes, and some more. */
const PREPARE_PAGES = 4
/** Those of them that a flush needs: its stream's one, a builder's five, four for hashes, two for records. */
export const FLUSH_PAGES = 12
/** Those that a compaction needs besides one for each run it reads: its stream's one, a builder's six, one for hashes, two for records. */
const JOB_PAGES = 10

/**
 * Memory for writes: seals full memtables, has them flushed, keeps the pages within budget. Everything that a group can need is there
 * before its seqnos are taken.
 */
export class MemoryBudget {
  readonly #keeper: Keeper
  /** All memtables together hold at most this many pages. */
  readonly #memtablePages: number

  constructor(keeper: Keeper) {
    this.#keeper = keeper
    this.#memtablePages = Math.floor(keeper.options.memoryLimit / 2 / PAGE_BYTES)
  }

  /** Makes room for a group that takes up to `pages` pages in these keyspaces, and gives each a memtable. @throws NO_MEMORY, DISK_FULL, … */
  make(trees: readonly Tree[], pages: number): void {
    this.#make(trees, pages)
    const { thread, journals } = this.#keeper
    thread.locked(() => {
      for (const tree of trees) tree.openMemtable(journals.currentId)
    })
  }

  /**
   * The same ahead of time for the keyspaces that are full, as far as it takes no flush and no compaction: writers, who go on meanwhile, then find a
   * memtable and a journal that have room, and need not wait for this thread.
   */
  prepare(ids: readonly number[]): void {
    const { thread, journals, flusher, kernel, trees } = this.#keeper
    if (kernel.freePages() < PREPARE_PAGES + RESERVED_PAGES || !this.#keeper.writable) return
    try {
      journals.rotateIfFull()
      for (const id of ids) {
        const tree = trees.get(id)
        if (tree === undefined || !this.#full(tree)) continue
        if (this.#hasTooManySealed(tree) || tree.sealed.length >= SEALED_MAX) continue
        if (hasTooManyRuns(tree)) continue
        // NOTE: in one step, so that nobody finds the keyspace without a memtable.
        thread.locked(() => {
          flusher.seal(tree)
          tree.openMemtable(journals.currentId)
        })
      }
    } catch {
      // NOTE: nobody waits for this. The writer asks for room when there is none, and is told then.
    }
  }

  /** Whether an asynchronous write should wait for what runs in the background rather than have it done at once. */
  mustWait(trees: readonly Tree[], pages: number): boolean {
    const { compactor, flusher } = this.#keeper
    // NOTE: what only a rotation can mend is mended at once; waiting is for flushes.
    const crowded = trees.some(
      (tree) => this.#full(tree) && hasTooManyRuns(tree) && compactor.canCompact(tree),
    )
    if (crowded && compactor.request()) return true
    const blocked =
      trees.some((tree) => this.#full(tree) && this.#hasTooManySealed(tree)) ||
      this.#reclaimablePages() < pages + RESERVED_PAGES ||
      this.#overBudget(pages)
    return blocked && flusher.request()
  }

  /** Room for a frame of the journal that is replayed; what is full is flushed on the way. */
  forReplay(pages: number): void {
    if (this.#keeper.kernel.freePages() >= pages + RESERVED_PAGES) return
    this.#keeper.ensureEpoch()
    this.#make([], pages)
  }

  /** Seals what replay filled, unless this open has written nothing yet. */
  afterReplay(touched: ReadonlySet<Tree>): void {
    if (!this.#keeper.catalog.begun) return
    const full = [...touched].filter((tree) => this.#full(tree))
    if (full.length > 0) this.#make(full, 0)
  }

  /** How many runs a compaction that begins now finds pages for. */
  jobPages(): number {
    return this.#reclaimablePages() - FLUSH_PAGES - JOB_PAGES
  }

  /** Has so many pages free for a compaction of `runs` runs, if blocks, idle cursors or another compaction can give them. */
  forJob(runs: number): void {
    this.#reclaim(FLUSH_PAGES + JOB_PAGES + runs)
    this.#endCompactions(FLUSH_PAGES + JOB_PAGES + runs)
  }

  /** Frees pages that blocks hold, for whoever finds fewer than a flush needs. */
  giveBlocks(): void {
    this.#reclaim(FLUSH_PAGES + 1)
  }

  /** The same where neither blocks nor idle cursors have any. */
  endCompactions(): void {
    this.#endCompactions(FLUSH_PAGES + 1)
  }

  #full(tree: Tree): boolean {
    return tree.active !== undefined && tree.active.entryBytes >= this.#keeper.options.memtableSize
  }

  #hasTooManySealed(tree: Tree): boolean {
    return tree.sealed.length - this.#keeper.flusher.syncingMemtables(tree) >= SEALED_LIMIT
  }

  #overBudget(pages: number): boolean {
    let held = pages
    for (const tree of this.#keeper.trees.values()) {
      for (const memtable of tree.memtables()) held += memtable.pageBytes / PAGE_BYTES
    }
    return held > this.#memtablePages
  }

  /** Makes room on this thread. */
  #make(trees: readonly Tree[], pages: number): void {
    const { trees: all } = this.#keeper
    const work = (): number => {
      let done = 0
      for (const { counters } of all.values()) done += counters.flushes + counters.compactions
      return done
    }
    const before = work()
    const startMs = performance.now()
    this.#makeNow(trees, pages)
    if (work() === before) return
    this.#keeper.thread.noteStall(performance.now() - startMs)
  }

  #makeNow(trees: readonly Tree[], pages: number): void {
    const { kernel, journals, flusher } = this.#keeper
    journals.rotateIfFull()
    for (const tree of trees) {
      if (!this.#full(tree)) continue
      this.thinOut(tree)
      if (this.#hasTooManySealed(tree)) flusher.flushOneSync(tree)
      flusher.seal(tree)
    }
    while (this.#overBudget(pages) || kernel.freePages() < pages + RESERVED_PAGES) {
      this.#keeper.reclaimer.collect()
      this.#reclaim(pages + RESERVED_PAGES)
      if (!this.#overBudget(pages) && kernel.freePages() >= pages + RESERVED_PAGES) break
      if (flusher.flushOneSync()) continue
      const largest = this.#largestActive()
      if (largest === undefined) {
        if (kernel.freePages() >= pages + RESERVED_PAGES) break
        // NOTE: a compaction under way has some of the reserved pages.
        if (this.#endCompaction() || this.#awaitReads()) continue
        throw noPages()
      }
      flusher.seal(largest)
    }
  }

  /** Waits until a read of another thread that had begun before something was replaced has ended. @returns false if there is none, or it does not end */
  #awaitReads(): boolean {
    const { reclaimer } = this.#keeper
    const { pending } = reclaimer
    const deadline = performance.now() + LAST_READS_MS
    while (reclaimer.pending === pending && pending > 0) {
      if (performance.now() > deadline) return false
      reclaimer.collect()
    }
    return pending > 0
  }

  /** Compacts on this thread until there are few enough runs; a compaction that fails leaves the write go on. */
  thinOut(tree: Tree): void {
    this.#tolerant(() => {
      while (hasTooManyRuns(tree) && this.#keeper.compactor.compactOneSync(tree));
    })
  }

  #endCompactions(wanted: number): void {
    while (this.#keeper.kernel.freePages() < wanted && this.#endCompaction());
  }

  /** Has a compaction that is under way give its pages back. @returns false if there is none */
  #endCompaction(): boolean {
    let isOne = true
    this.#tolerant(() => (isOne = this.#keeper.compactor.endOneSync()))
    return isOne
  }

  #tolerant(compact: () => void): void {
    try {
      compact()
    } catch (error) {
      // NOTE: writes are not refused because tables cannot be read or merged; the background says so and tries again.
      this.#keeper.compactor.lastError = error
      if (!this.#keeper.writable) throw error
    }
  }

  /** Pages that are free or that #reclaim can free. */
  #reclaimablePages(): number {
    const { kernel, blocks, thread } = this.#keeper
    return kernel.freePages() + blocks.evictablePages + thread.cursorPages.pages
  }

  /** Tries to have that many pages free, by what costs nothing but another read: blocks first, then pages of idle cursors. */
  #reclaim(wanted: number): void {
    const { kernel, blocks, thread } = this.#keeper
    if (kernel.freePages() < wanted) blocks.releasePages(wanted - kernel.freePages())
    if (kernel.freePages() < wanted) thread.cursorPages.release(wanted - kernel.freePages())
  }

  #largestActive(): Tree | undefined {
    let largest: Tree | undefined
    let largestBytes = 0
    for (const tree of this.#keeper.trees.values()) {
      const bytes = tree.active === undefined ? 0 : tree.active.pageBytes
      if (bytes > largestBytes) {
        largest = tree
        largestBytes = bytes
      }
    }
    return largest
  }
}

function hasTooManyRuns(tree: Tree): boolean {
  return (tree.version.runs[FLUSHED_RUNS_LIMIT - 1]?.[0]?.level ?? 1) === 0
}
