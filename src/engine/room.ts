import {
  MEMTABLE_ENTRY_BYTES,
  MEMTABLE_ENTRY_OVERHEAD_BYTES,
  MEMTABLE_INDEX_ASKED,
  MEMTABLE_PAGE_CAPACITY,
} from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import { noPages } from '../kernel/kernel.ts'
import type { Engine } from './engine.ts'
import { FLUSH_PAGES, RESERVED_PAGES } from './memory-budget.ts'
import type { RecordBuffer } from './record.ts'
import { dropped, type TreeDoor } from './tree-door.ts'

/** Pages one small entry can need: a new memtable's two, and two more where its pages are just full. */
const ENTRY_PAGES = 4

/** Pages a keyspace can need beyond its entries: the first ones of a new memtable. */
const KEYSPACE_PAGES = 2

/** A memtable gets its hash index at this size: most keyspaces stay below, and a search among so few entries is fast. */
const INDEX_FROM_BYTES = 262144
/** One page of the index, 32,768 buckets, for so many bytes of a memtable. */
const INDEXED_BYTES_PER_PAGE = 2097152
const INDEX_MAX_PAGES = 16

/** By so much of their size memtables and journals may grow beyond it while the keeper, on its own thread, prepares the next ones. */
const GRACE = 1

/** Room for writes: most often it is there, and if not the keeper makes it. */
export class Room {
  readonly #engine: Engine
  /** Pages of a memtable's hash index, a power of two. */
  readonly #indexPages: number
  /** Full memtables, and the full journal, for which the keeper was asked to prepare others. */
  readonly #askedFor = new Set<number>()
  #askedForJournal = 0

  constructor(engine: Engine) {
    this.#engine = engine
    const wanted = engine.options.memtableSize / INDEXED_BYTES_PER_PAGE
    this.#indexPages = Math.min(INDEX_MAX_PAGES, 2 ** Math.max(0, Math.ceil(Math.log2(wanted))))
  }

  /** Room for one entry with an inline value, and the journal lock. @throws NO_MEMORY, DISK_FULL, WRITE_STALLED, NOT_FOUND, POISONED: not locked then */
  lockForEntry(tree: TreeDoor): void {
    const { thread, kernel, options, keeper } = this.#engine
    if (thread.isShared) return this.#lockFor(tree.alone, tree.aloneIds, ENTRY_PAGES)
    const { active } = tree
    if (
      active === 0 ||
      this.#entryBytes(active) >= options.memtableSize ||
      kernel.freePages() < ENTRY_PAGES + RESERVED_PAGES ||
      this.#engine.journalFull
    ) {
      keeper.call('makeRoom', tree.aloneIds, ENTRY_PAGES)
      // NOTE: the keeper may have moved to another thread in this call.
      if (thread.isShared) this.#lockFor(tree.alone, tree.aloneIds, ENTRY_PAGES)
    } else this.#index(active)
  }

  /** Room for a record, and the journal lock. @throws as lockForEntry */
  lockForRecord(record: RecordBuffer): void {
    const trees = this.#treesOf(record)
    const pages = pagesFor(record)
    if (this.#engine.thread.isShared) return this.#lockFor(trees, record.keyspaceIds, pages)
    if (this.#hasRoom(trees, pages)) {
      for (const { active } of trees) this.#index(active)
      return
    }
    this.#engine.keeper.call('makeRoom', record.keyspaceIds, pages)
    if (this.#engine.thread.isShared) this.#lockFor(trees, record.keyspaceIds, pages)
  }

  /** Takes the lock when there is room, which others cannot take then: the pages are paid for. */
  #lockFor(trees: readonly TreeDoor[], ids: readonly number[], pages: number): void {
    const { thread, kernel, keeper, options } = this.#engine
    const { exports } = kernel
    let deadline = 0
    for (;;) {
      thread.lockJournal()
      try {
        thread.refuseShut()
        // NOTE: what a large group left over is for all again.
        exports.repayPages(Math.max(pages, ENTRY_PAGES))
        const isThere = this.#isReady(trees) && exports.payPages(pages, RESERVED_PAGES) !== 0
        if (isThere) {
          for (const { active } of trees) this.#index(active)
          this.#askAhead(trees, ids)
          return
        }
      } catch (error) {
        thread.unlockJournal()
        throw error
      }
      thread.unlockJournal()
      if (deadline === 0) deadline = Date.now() + options.stallTimeout
      else if (Date.now() >= deadline) throw stalled(options.stallTimeout)
      keeper.call('makeRoom', ids, pages)
    }
  }

  /** Whether an asynchronous write should wait for what runs in the background. */
  mustWait(record: RecordBuffer): boolean {
    const pages = pagesFor(record)
    if (this.#hasRoom(this.#treesOf(record), pages)) return false
    return this.#engine.keeper.mustWait(record.keyspaceIds, pages)
  }

  /** Resolves when there may be room for it, or at the deadline (milliseconds since 1970). */
  progress(record: RecordBuffer, deadline: number): Promise<void> {
    return this.#engine.keeper.progress(record.keyspaceIds, pagesFor(record), deadline)
  }

  /** A page for a range, which leaves a flush its own. @throws NO_MEMORY */
  chunkPage(): number {
    const { kernel, cursorPages, keeper } = this.#engine
    if (kernel.freePages() <= FLUSH_PAGES) keeper.call('collect')
    if (kernel.freePages() <= FLUSH_PAGES) cursorPages.release(FLUSH_PAGES + 1 - kernel.freePages())
    if (kernel.freePages() <= FLUSH_PAGES) keeper.call('endCompactions')
    if (kernel.freePages() <= FLUSH_PAGES) throw noPages()
    return kernel.page()
  }

  /** Gives a memtable that has grown its hash index, once, unless the pages are needed elsewhere: without one reads are slower and nothing else. */
  #index(memtable: number): void {
    const { exports, u32 } = this.#engine.kernel
    const asked = (memtable + MEMTABLE_INDEX_ASKED) >>> 2
    if (u32[asked] !== 0 || this.#entryBytes(memtable) < INDEX_FROM_BYTES) return
    if (this.#engine.kernel.freePages() < 2 * RESERVED_PAGES + this.#indexPages) return
    u32[asked] = 1
    exports.memtableIndex(memtable, this.#indexPages)
  }

  #entryBytes(memtable: number): number {
    return this.#engine.kernel.u32[(memtable + MEMTABLE_ENTRY_BYTES) >>> 2] as number
  }

  #treesOf(record: RecordBuffer): TreeDoor[] {
    const trees: TreeDoor[] = []
    for (const id of record.keyspaceIds) {
      const tree = this.#engine.tree(id)
      if (tree !== undefined) trees.push(tree)
    }
    return trees
  }

  #hasRoom(trees: readonly TreeDoor[], pages: number): boolean {
    return this.#isReady(trees) && this.#engine.kernel.freePages() >= pages + RESERVED_PAGES
  }

  /** Has the keeper prepare what comes after full memtables and a full journal, which take writes a little longer. INVARIANT: the journal is locked. */
  #askAhead(trees: readonly TreeDoor[], ids: readonly number[]): void {
    const { thread, options, keeper } = this.#engine
    const { journal } = thread
    let isNew = false
    if (journal?.isFull === true && this.#askedForJournal !== journal.id) {
      this.#askedForJournal = journal.id
      isNew = true
    }
    for (const { active } of trees) {
      if (this.#entryBytes(active) < options.memtableSize) {
        // NOTE: another memtable may lie where one was that is gone.
        if (this.#askedFor.size > 0) this.#askedFor.delete(active)
      } else if (!this.#askedFor.has(active)) {
        this.#askedFor.add(active)
        isNew = true
      }
    }
    if (isNew) keeper.prepareRoom(ids)
  }

  /** Whether there is a journal and memtables that take the next group. NOTE: without the lock it is a guess. */
  #isReady(trees: readonly TreeDoor[]): boolean {
    const { thread, options } = this.#engine
    const grace = thread.isShared ? GRACE : 0
    if (thread.journal?.isOverfull(grace) === true) return false
    const limitBytes = options.memtableSize * (1 + grace)
    for (const tree of trees) {
      if (tree.dropped) throw dropped()
      const { active } = tree
      if (active === 0 || this.#entryBytes(active) >= limitBytes) return false
    }
    return true
  }
}

export function stalled(timeoutMs: number): VarveError {
  return new VarveError(
    'WRITE_STALLED',
    `No room for the write within ${timeoutMs} ms (stallTimeout); nothing was written, try again later.`,
  )
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
