import {
  BLOCK_FILTER,
  BLOCK_ROOT_INDEX,
  CACHE_PAGES,
  CONTROL_CACHE,
  CACHE_FLOOR_PAGES,
  PAGE_BYTES,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_POINTER,
  SLOT_TABLE,
  SLOT_TYPE,
  STATUS_NO_PAGES,
  STATUS_OK,
} from '../../assembly/memory/layout.ts'
import { noPages, type Kernel } from '../kernel/kernel.ts'
import { blockProblem, type TableFile } from './table-file.ts'

/** Share of the cache's limit that root indexes and filters may take outside of it, where they stay as long as their table. */
const KEPT_SHARE = 1 / 4
/** Pages that must be free for that; below, they are cached like all others. */
const KEPT_ABOVE_PAGES = 32

/**
 * The file side of the block cache: reads the blocks that the kernel asks for.
 *
 * NOTE: a block is read into a page of this thread's own and copied (or decompressed) into the cache when it has been checked: nothing
 * unchecked is ever in the cache, and no shard stays locked while a file is read.
 */
export class BlockLoader {
  readonly #kernel: Kernel
  /** Open tables by the address of their records. */
  readonly #tables = new Map<number, TableFile>()
  /** Page that blocks are read into; good until the next one is. */
  readonly landing: number
  readonly #landingView: Uint8Array
  /** Page in which blocks are decompressed. */
  readonly #target: number
  readonly #keptLimitBytes: number
  #keptBytes = 0

  /** @throws NO_MEMORY */
  constructor(kernel: Kernel, limitPages: number, floorPages: number) {
    this.#kernel = kernel
    if (!kernel.exports.cacheCreate(limitPages, floorPages)) throw noPages()
    this.#keptLimitBytes = limitPages * PAGE_BYTES * KEPT_SHARE
    this.landing = kernel.page()
    this.#target = kernel.page()
    this.#landingView = kernel.u8.subarray(this.landing, this.landing + PAGE_BYTES)
  }

  /** The open table with that record. */
  tableAt(record: number): TableFile {
    const table = this.#tables.get(record)
    if (table === undefined) throw new Error(`no table has the record ${record}`)
    return table
  }

  add(table: TableFile): void {
    this.#tables.set(table.record, table)
  }

  /** Forgets a table that is closed. Its blocks leave the cache by and by: nothing names them any more. */
  remove(table: TableFile): void {
    this.#tables.delete(table.record)
    this.#keptBytes -= table.keptBytes
    table.keptBytes = 0
  }

  /** Loads the block that a kernel call asked for (NEED_BLOCK). @throws CORRUPT, FORMAT_VERSION, IO, NO_MEMORY */
  loadNeeded(): void {
    const kernel = this.#kernel
    const table = this.tableAt(kernel.word(SLOT_TABLE))
    const offset = kernel.float(SLOT_NUMBER)
    const sizeBytes = kernel.word(SLOT_LENGTH)
    const kind = kernel.word(SLOT_TYPE)
    this.#read(table, offset, sizeBytes)
    const keep =
      (kind === BLOCK_ROOT_INDEX || kind === BLOCK_FILTER) &&
      kernel.freePages() > KEPT_ABOVE_PAGES &&
      this.#keptBytes + sizeBytes <= this.#keptLimitBytes
    const { exports, slot } = kernel
    const status = exports.loadBlock(
      slot,
      table.record,
      this.landing,
      sizeBytes,
      kind,
      offset,
      keep ? 1 : 0,
      this.#target,
    )
    if (status === STATUS_NO_PAGES) throw noPages()
    if (status !== STATUS_OK) throw blockProblem(table, offset, status)
    if (keep) {
      this.#keptBytes += sizeBytes
      table.keptBytes += sizeBytes
    }
  }

  /**
   * Reads and checks a block outside of the cache: for extents, which are read once and copied out.
   * @returns its payload, a view that is good until the next block is loaded
   */
  loadOnce(table: TableFile, offset: number, sizeBytes: number, kind: number): Uint8Array {
    const { exports, slot, u8 } = this.#kernel
    this.#read(table, offset, sizeBytes)
    const status = exports.checkBlock(slot, this.landing, sizeBytes, kind, table.record, offset, this.#target)
    if (status !== STATUS_OK) throw blockProblem(table, offset, status)
    const payload = this.#kernel.word(SLOT_POINTER)
    return u8.subarray(payload, payload + this.#kernel.word(SLOT_LENGTH))
  }

  /** Pages that `releasePages` could give back. */
  get evictablePages(): number {
    return Math.max(0, this.#word(CACHE_PAGES) - this.#word(CACHE_FLOOR_PAGES))
  }

  /** Gives up to `count` pages of the cache back to the pool. */
  releasePages(count: number): void {
    this.#kernel.exports.cacheShrink(count)
  }

  #read(table: TableFile, offset: number, sizeBytes: number): void {
    if (sizeBytes > PAGE_BYTES) throw blockProblem(table, offset, 'a block is longer than any can be')
    const got = table.file.read(this.#landingView.subarray(0, sizeBytes), offset)
    if (got < sizeBytes) throw blockProblem(table, offset, 'it ends before its last block')
  }

  #word(offset: number): number {
    return this.#kernel.u32[(CONTROL_CACHE + offset) >>> 2] as number
  }
}
