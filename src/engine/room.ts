import {
  MEMTABLE_ENTRY_OVERHEAD_BYTES,
  MEMTABLE_PAGE_CAPACITY,
  PAGE_BYTES,
} from '../../assembly/memory/layout.ts'
import { noPages } from '../kernel/kernel.ts'
import type { Engine } from './engine.ts'
import type { RecordBuffer } from './record.ts'
import type { Memtable } from './memtable.ts'
import type { Tree } from './tree.ts'

/** Sealed memtables a keyspace may have before writes wait for its flush; those that are being synced do not count. */
const SEALED_LIMIT = 4
/** Runs of flushed tables a keyspace may have before writes wait for their compaction. */
const FLUSHED_RUNS_LIMIT = 12
/**
 * Pages that writes never take: one flush, one compaction (stream, builder) and one read (merge, blocks) always find theirs, so the memory
 * being full never stops the work that empties it.
 */
const RESERVED_PAGES = 36
/** Those of them that a flush needs: its stream's one, a builder's five, four for hashes, two for records. */
const FLUSH_PAGES = 12
/** Those that a compaction needs besides one for each run it reads: its stream's one, a builder's six, one for hashes, two for records. */
const JOB_PAGES = 10
/** Pages one small entry can need: a new memtable's two, and two more where its pages are just full. */
const ENTRY_PAGES = 4

/** Pages a keyspace can need beyond its entries: the first ones of a new memtable. */
const KEYSPACE_PAGES = 2

/** A memtable gets its hash index at this size: most keyspaces stay below, and a search among so few entries is fast. */
const INDEX_FROM_BYTES = 262144
/** One page of the index, 32,768 buckets, for so many bytes of a memtable. */
const INDEXED_BYTES_PER_PAGE = 2097152
const INDEX_MAX_PAGES = 16

/**
 * Room for writes: seals full memtables, has them flushed, keeps the pages within budget. Everything a group can need is there
 * before its seqnos are taken.
 */
export class Room {
  readonly #engine: Engine
  /** All memtables together hold at most this many pages. */
  readonly #memtablePages: number
  /** Pages of a memtable's hash index, a power of two. */
  readonly #indexPages: number
  #waiting: (() => void)[] = []

  constructor(engine: Engine) {
    this.#engine = engine
    const wanted = engine.options.memtableSize / INDEXED_BYTES_PER_PAGE
    this.#indexPages = Math.min(INDEX_MAX_PAGES, 2 ** Math.max(0, Math.ceil(Math.log2(wanted))))
    this.#memtablePages = Math.floor(engine.options.memoryLimit / 2 / PAGE_BYTES)
  }

  /** Room for one entry with an inline value. @throws NO_MEMORY, DISK_FULL, … */
  forEntry(tree: Tree): void {
    const engine = this.#engine
    const active = tree.active
    if (
      active === undefined ||
      active.entryBytes >= engine.options.memtableSize ||
      engine.kernel.freePages() < ENTRY_PAGES + RESERVED_PAGES ||
      engine.journals.full
    ) {
      this.#make([tree], ENTRY_PAGES)
      tree.openMemtable(engine.journals.currentId)
    } else if (!active.indexed) this.#index(active)
  }

  /** Room for a record. */
  forRecord(record: RecordBuffer): void {
    const trees = this.#treesOf(record)
    if (this.#hasRoom(trees, pagesFor(record))) {
      for (const { active } of trees) if (active?.indexed === false) this.#index(active)
      return
    }
    this.#make(trees, pagesFor(record))
    for (const tree of trees) tree.openMemtable(this.#engine.journals.currentId)
  }

  /** Room for a frame of the journal that is replayed; what is full is flushed on the way. */
  forReplay(pages: number): void {
    if (this.#engine.kernel.freePages() >= pages + RESERVED_PAGES) return
    this.#engine.ensureEpoch()
    this.#make([], pages)
  }

  /** Seals what replay filled, unless this open has written nothing yet. */
  afterReplay(touched: ReadonlySet<Tree>): void {
    if (!this.#engine.catalog.begun) return
    const full = [...touched].filter((tree) => this.#full(tree))
    if (full.length > 0) this.#make(full, 0)
  }

  /** Whether an asynchronous write should wait for a flush rather than do one itself. */
  mustWait(record: RecordBuffer): boolean {
    const trees = this.#treesOf(record)
    const pages = pagesFor(record)
    if (this.#hasRoom(trees, pages)) return false
    // NOTE: what only a rotation can mend is mended at once by forRecord; waiting is for flushes.
    const { compactor } = this.#engine
    const crowded = trees.some(
      (tree) => this.#full(tree) && hasTooManyRuns(tree) && compactor.canCompact(tree),
    )
    if (crowded && compactor.request()) return true
    const blocked =
      trees.some((tree) => this.#full(tree) && this.#hasTooManySealed(tree)) ||
      this.#reclaimablePages() < pages + RESERVED_PAGES ||
      this.#overBudget(pages)
    return blocked && this.#engine.flusher.request()
  }

  /** A page for a range, which leaves a flush its own. @throws NO_MEMORY */
  chunkPage(): number {
    const { kernel } = this.#engine
    if (kernel.freePages() <= FLUSH_PAGES) this.#reclaim(FLUSH_PAGES + 1)
    if (kernel.freePages() <= FLUSH_PAGES) throw noPages()
    return kernel.page()
  }

  /** Resolves when a flush or a compaction ended or failed, or at the deadline (milliseconds since 1970). */
  progress(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, deadline - Date.now()) + 1)
      this.#waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Lets those who wait for progress look again. */
  wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** How many runs a compaction that begins now finds pages for. */
  jobPages(): number {
    return this.#reclaimablePages() - FLUSH_PAGES - JOB_PAGES
  }

  /** Has so many pages free for a compaction of `runs` runs, if blocks or idle cursors can give them. */
  forJob(runs: number): void {
    this.#reclaim(FLUSH_PAGES + JOB_PAGES + runs)
  }

  /** Gives a memtable that has grown its hash index, unless the pages are needed elsewhere. */
  #index(memtable: Memtable): void {
    if (memtable.entryBytes < INDEX_FROM_BYTES) return
    if (this.#engine.kernel.freePages() >= 2 * RESERVED_PAGES + this.#indexPages)
      memtable.index(this.#indexPages)
  }

  #treesOf(record: RecordBuffer): Tree[] {
    const trees: Tree[] = []
    for (const id of record.keyspaceIds) {
      const tree = this.#engine.trees.get(id)
      if (tree !== undefined) trees.push(tree)
    }
    return trees
  }

  #full(tree: Tree): boolean {
    return tree.active !== undefined && tree.active.entryBytes >= this.#engine.options.memtableSize
  }

  #hasTooManySealed(tree: Tree): boolean {
    return tree.sealed.length - this.#engine.flusher.syncingMemtables(tree) >= SEALED_LIMIT
  }

  #hasRoom(trees: readonly Tree[], pages: number): boolean {
    const { kernel, journals } = this.#engine
    return (
      !journals.full &&
      trees.every((tree) => tree.active !== undefined && !this.#full(tree)) &&
      kernel.freePages() >= pages + RESERVED_PAGES
    )
  }

  #overBudget(pages: number): boolean {
    let held = pages
    for (const tree of this.#engine.trees.values()) {
      for (const memtable of tree.memtables()) held += memtable.pageBytes / PAGE_BYTES
    }
    return held > this.#memtablePages
  }

  /** Makes room on this thread. */
  #make(trees: readonly Tree[], pages: number): void {
    const { trees: all } = this.#engine
    const work = (): number => {
      let done = 0
      for (const { counters } of all.values()) done += counters.flushes + counters.compactions
      return done
    }
    const before = work()
    const startMs = performance.now()
    this.#makeNow(trees, pages)
    if (work() === before) return
    this.#engine.noteStall(performance.now() - startMs)
  }

  #makeNow(trees: readonly Tree[], pages: number): void {
    const { kernel, journals, flusher } = this.#engine
    journals.rotateIfFull()
    for (const tree of trees) {
      if (!this.#full(tree)) continue
      this.#thinOut(tree)
      if (this.#hasTooManySealed(tree)) flusher.flushOneSync(tree)
      flusher.seal(tree)
    }
    while (this.#overBudget(pages) || kernel.freePages() < pages + RESERVED_PAGES) {
      this.#reclaim(pages + RESERVED_PAGES)
      if (!this.#overBudget(pages) && kernel.freePages() >= pages + RESERVED_PAGES) break
      if (flusher.flushOneSync()) continue
      const largest = this.#largestActive()
      if (largest === undefined) {
        if (kernel.freePages() >= pages + RESERVED_PAGES) break
        // NOTE: a compaction under way has some of the reserved pages.
        if (this.#endCompaction()) continue
        throw noPages()
      }
      flusher.seal(largest)
    }
  }

  /** Compacts on this thread until there are few enough runs; a compaction that fails leaves the write go on. */
  #thinOut(tree: Tree): void {
    this.#tolerant(() => {
      while (hasTooManyRuns(tree) && this.#engine.compactor.compactOneSync(tree));
    })
  }

  /** Has a compaction that is under way give its pages back. @returns false if there is none */
  #endCompaction(): boolean {
    let isOne = true
    this.#tolerant(() => (isOne = this.#engine.compactor.endOneSync()))
    return isOne
  }

  #tolerant(compact: () => void): void {
    try {
      compact()
    } catch (error) {
      // NOTE: writes are not refused because tables cannot be read or merged; the background says so and tries again.
      this.#engine.compactor.lastError = error
      if (!this.#engine.writable) throw error
    }
  }

  /** Pages that are free or that #reclaim can free. */
  #reclaimablePages(): number {
    const { kernel, blocks, cursorPages } = this.#engine
    return kernel.freePages() + blocks.evictablePages + cursorPages.pages
  }

  /** Tries to have that many pages free, by what costs nothing but another read: blocks first, then pages of idle cursors. */
  #reclaim(wanted: number): void {
    const { kernel, blocks, cursorPages } = this.#engine
    if (kernel.freePages() < wanted) blocks.releasePages(wanted - kernel.freePages())
    if (kernel.freePages() < wanted) cursorPages.release(wanted - kernel.freePages())
  }

  #largestActive(): Tree | undefined {
    let largest: Tree | undefined
    let largestBytes = 0
    for (const tree of this.#engine.trees.values()) {
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

/**
 * Upper bound of the pages a record takes in memtables: keys with their nodes and inline values fill pages of their own (layout.ts,
 * MEMTABLE_PAGE_CAPACITY), large values have chains, a new memtable per keyspace has its first pages.
 */
function pagesFor(record: RecordBuffer): number {
  const longestNode = record.longestKeyBytes + MEMTABLE_ENTRY_OVERHEAD_BYTES
  const nodePages = Math.ceil(record.nodeBytes / (MEMTABLE_PAGE_CAPACITY - longestNode))
  const valuePages = Math.ceil(record.inlineValueBytes / (MEMTABLE_PAGE_CAPACITY - record.longestInlineBytes))
  return nodePages + valuePages + record.chainPages + KEYSPACE_PAGES * record.keyspaceIds.length
}
