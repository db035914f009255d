import { MEMTABLE_ENTRY_OVERHEAD_BYTES, MEMTABLE_PAGE_CAPACITY } from '../../assembly/memory/layout.ts'
import type { Engine } from './engine.ts'
import { RESERVED_PAGES } from './memory-budget.ts'
import type { RecordBuffer } from './record.ts'
import type { Memtable } from './memtable.ts'
import type { Tree } from './tree.ts'

/** Pages one small entry can need: a new memtable's two, and two more where its pages are just full. */
const ENTRY_PAGES = 4

/** Pages a keyspace can need beyond its entries: the first ones of a new memtable. */
const KEYSPACE_PAGES = 2

/** A memtable gets its hash index at this size: most keyspaces stay below, and a search among so few entries is fast. */
const INDEX_FROM_BYTES = 262144
/** One page of the index, 32,768 buckets, for so many bytes of a memtable. */
const INDEXED_BYTES_PER_PAGE = 2097152
const INDEX_MAX_PAGES = 16

/** Room for writes: most often it is there, and if not the keeper makes it. */
export class Room {
  readonly #engine: Engine
  /** Pages of a memtable's hash index, a power of two. */
  readonly #indexPages: number

  constructor(engine: Engine) {
    this.#engine = engine
    const wanted = engine.options.memtableSize / INDEXED_BYTES_PER_PAGE
    this.#indexPages = Math.min(INDEX_MAX_PAGES, 2 ** Math.max(0, Math.ceil(Math.log2(wanted))))
  }

  /** Room for one entry with an inline value. @throws NO_MEMORY, DISK_FULL, … */
  forEntry(tree: Tree): void {
    const engine = this.#engine
    const active = tree.active
    if (
      active === undefined ||
      active.entryBytes >= engine.options.memtableSize ||
      engine.kernel.freePages() < ENTRY_PAGES + RESERVED_PAGES ||
      engine.journalFull
    ) {
      engine.keeper.budget.make([tree], ENTRY_PAGES)
    } else if (!active.indexed) this.#index(active)
  }

  /** Room for a record. */
  forRecord(record: RecordBuffer): void {
    const trees = this.#treesOf(record)
    const pages = pagesFor(record)
    if (this.#hasRoom(trees, pages)) {
      for (const { active } of trees) if (active?.indexed === false) this.#index(active)
    } else this.#engine.keeper.budget.make(trees, pages)
  }

  /** Whether an asynchronous write should wait for what runs in the background. */
  mustWait(record: RecordBuffer): boolean {
    const trees = this.#treesOf(record)
    const pages = pagesFor(record)
    return !this.#hasRoom(trees, pages) && this.#engine.keeper.budget.mustWait(trees, pages)
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
      const tree = this.#engine.tree(id)
      if (tree !== undefined) trees.push(tree)
    }
    return trees
  }

  #hasRoom(trees: readonly Tree[], pages: number): boolean {
    const { kernel, journalFull, options } = this.#engine
    return (
      !journalFull &&
      trees.every(({ active }) => active !== undefined && active.entryBytes < options.memtableSize) &&
      kernel.freePages() >= pages + RESERVED_PAGES
    )
  }
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
