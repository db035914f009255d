import { PAGE_BYTES, SLOT_LENGTH, SLOT_POINTER, STATUS_OK } from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { noPages } from '../kernel/kernel.ts'
import { blockProblem, type TableFile } from './table-file.ts'

/** How many equal slots a cache page may be cut into; a block goes to the smallest slot that holds it. */
const SLOTS_PER_PAGE = [30, 24, 16, 12, 8, 6, 4, 3, 2, 1] as const
/** Pages the store leaves to others: it takes a new page only above this. */
const LEFT_FREE_PAGES = 16

interface CachePage {
  readonly pointer: number
  readonly slotBytes: number
  readonly slots: CachedBlock[]
  /** Blocks in use by the merge in progress. */
  pins: number
  /** Read since it was last considered for eviction. */
  used: boolean
}

interface CachedBlock {
  readonly page: CachePage
  readonly table: TableFile
  readonly offset: number
  readonly payload: number
  readonly length: number
}

/**
 * Blocks of tables in linear memory, checked when they are loaded. Pages of blocks are evicted whole, in the order they were
 * filled, with a second chance for those read since.
 *
 * INVARIANT: a block stays in place until the next `load`, or until `unpinAll` if it was pinned.
 */
export class BlockStore {
  readonly #kernel: Kernel
  readonly #limitPages: number
  /** All cache pages in the order of eviction. */
  #pages: CachePage[] = []
  /** The page of each slot size that is being filled. */
  readonly #open = new Map<number, CachePage>()
  #pinned: CachePage[] = []
  /** Where a block is read and checked before it gets its slot. */
  readonly #landing: number
  readonly #landingView: Uint8Array
  /** Payload of the block loaded last. */
  payload = 0
  length = 0

  constructor(kernel: Kernel, limitPages: number) {
    this.#kernel = kernel
    this.#limitPages = limitPages
    this.#landing = kernel.page()
    this.#landingView = kernel.u8.subarray(this.#landing, this.#landing + PAGE_BYTES)
  }

  /** Makes the block present and leaves its payload in `payload` and `length`. @throws CORRUPT, IO, NO_MEMORY */
  load(table: TableFile, offset: number, sizeBytes: number, kind: number, pin: boolean): void {
    let block = table.cached.get(offset)
    if (block === undefined) {
      this.#read(table, offset, sizeBytes, kind)
      block = this.#keep(table, offset)
    }
    block.page.used = true
    if (pin) {
      block.page.pins++
      this.#pinned.push(block.page)
    }
    this.payload = block.payload
    this.length = block.length
  }

  /**
   * Reads and checks a block without keeping it; its payload is in `payload` and `length` until the next load.
   * For extents, which are read once and copied out.
   */
  loadOnce(table: TableFile, offset: number, sizeBytes: number, kind: number): void {
    this.#read(table, offset, sizeBytes, kind)
  }

  /** Lets go of the page a source pinned last: it has moved on to another block. */
  unpin(table: TableFile, offset: number): void {
    const block = table.cached.get(offset)
    const at = block === undefined ? -1 : this.#pinned.lastIndexOf(block.page)
    if (block === undefined || at < 0) return
    this.#pinned.splice(at, 1)
    block.page.pins--
  }

  unpinAll(): void {
    for (const page of this.#pinned) page.pins--
    this.#pinned.length = 0
  }

  /** Pages that `releasePages` could give back. */
  get evictablePages(): number {
    return this.#pages.length - new Set(this.#pinned).size
  }

  /** Gives up to `count` pages back to the pool. */
  releasePages(count: number): void {
    for (let i = 0; i < count && this.#evict(); i++);
  }

  /** Forgets the blocks of a table that is closed. */
  forget(table: TableFile): void {
    // NOTE: the bytes stay in their page until the page is evicted; nothing names them any more.
    table.cached.clear()
  }

  #read(table: TableFile, offset: number, sizeBytes: number, kind: number): void {
    const { exports, slot } = this.#kernel
    const target = this.#landingView.subarray(0, sizeBytes)
    const got = table.file.read(target, offset)
    if (got < sizeBytes) throw blockProblem(table, offset, 'it ends before its last block')
    const status = exports.checkBlock(slot, this.#landing, sizeBytes, kind, table.salt, offset)
    if (status !== STATUS_OK) throw blockProblem(table, offset, status)
    this.payload = this.#kernel.word(SLOT_POINTER)
    this.length = this.#kernel.word(SLOT_LENGTH)
  }

  #keep(table: TableFile, offset: number): CachedBlock {
    const page = this.#roomFor(this.length)
    const payload = page.pointer + page.slots.length * page.slotBytes
    this.#kernel.u8.copyWithin(payload, this.payload, this.payload + this.length)
    const block: CachedBlock = { page, table, offset, payload, length: this.length }
    page.slots.push(block)
    table.cached.set(offset, block)
    return block
  }

  #roomFor(length: number): CachePage {
    const perPage = SLOTS_PER_PAGE.find((slots) => slotBytesFor(slots) >= length) ?? 1
    const slotBytes = slotBytesFor(perPage)
    const open = this.#open.get(slotBytes)
    if (open !== undefined && open.slots.length < perPage) return open
    while (this.#pages.length >= this.#limitPages || this.#kernel.freePages() <= LEFT_FREE_PAGES) {
      if (!this.#evict()) break
    }
    const pointer = this.#kernel.exports.allocatePage() >>> 0
    if (pointer === 0) throw noPages()
    const page: CachePage = { pointer, slotBytes, slots: [], pins: 0, used: false }
    this.#pages.push(page)
    this.#open.set(slotBytes, page)
    return page
  }

  /** Evicts one page. @returns false if all are pinned. */
  #evict(): boolean {
    // NOTE: two rounds: the first takes away second chances.
    for (let tries = this.#pages.length * 2; tries > 0; tries--) {
      const page = this.#pages.shift()
      if (page === undefined) return false
      if (page.pins > 0 || page.used) {
        page.used = false
        this.#pages.push(page)
        continue
      }
      if (this.#open.get(page.slotBytes) === page) this.#open.delete(page.slotBytes)
      for (const block of page.slots) {
        if (block.table.cached.get(block.offset) === block) block.table.cached.delete(block.offset)
      }
      this.#kernel.exports.freePage(page.pointer)
      return true
    }
    return false
  }
}

export type { CachedBlock }

function slotBytesFor(slots: number): number {
  return Math.floor(PAGE_BYTES / slots) & ~15
}
