import {
  BLOCK_FILTER,
  BLOCK_INDEX,
  BLOCK_ROOT_INDEX,
  CACHE_PAGES,
  CONTROL_CACHE,
  CONTROL_KEPT_BYTES,
  CACHE_FLOOR_PAGES,
  PAGE_BYTES,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_POINTER,
  SLOT_TABLE,
  SLOT_TYPE,
  STATUS_CHECKSUM,
  STATUS_NO_PAGES,
  STATUS_OK,
  TABLE_DESCRIPTOR,
  TABLE_FILE_ID,
  TABLE_KEPT,
  TABLE_ORDINAL,
  TABLE_SIZE,
} from '../../assembly/memory/layout.ts'
import type { VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import { noPages, type Kernel } from '../kernel/kernel.ts'
import { blockKey, type AwaitedBlocks } from './awaited-blocks.ts'
import { BlockReads } from './block-reads.ts'
import { flippedBit, flippedBitText } from '../kernel/flipped-bit.ts'
import { blockProblem, type OpenTable } from './table-file.ts'

/** Share of the cache's limit that root indexes, filters and fences may take outside of it, where they stay as long as their table. */
const KEPT_SHARE = 1 / 4
/** So many damaged blocks are searched for the bit that was flipped. */
const SEARCHES = 8
/** Pages that must be free for that; below, they are cached like all others. */
const KEPT_ABOVE_PAGES = 32

/**
 * The file side of the block cache: reads the blocks that the kernel asks for.
 *
 * NOTE: a block is read into a page of this thread's own and copied (or decompressed) into the cache when it has been checked: nothing
 * unchecked is ever in the cache, and no shard stays locked while a file is read. A step that may not wait for files finds
 * what was read for it before in its AwaitedBlocks, or ends with BlockMissing.
 */
export class BlockLoader {
  readonly #kernel: Kernel
  /** Open tables by the address of their records. */
  readonly #tables = new Map<number, { readonly ordinal: number; readonly table: OpenTable }>()
  /** Page that blocks are read into; good until the next one is. */
  readonly landing: number
  readonly #landingView: Uint8Array
  /** Page in which blocks are decompressed. */
  readonly #target: number
  readonly #keptLimitBytes: number
  readonly #adopt: (id: number, descriptor: number) => File
  readonly reads: BlockReads
  /** NOTE: who has more damage than that needs a backup, not bits; and nobody's file shall keep a processor busy. */
  #searches = SEARCHES
  /**
   * During a step that may not wait for files: what it has waited for. Then no file is read that can be read asynchronously: BlockMissing is thrown.
   * INVARIANT: set within one synchronous step (engine/async-read.ts).
   */
  awaited: AwaitedBlocks | undefined

  /**
   * The cache is set up on the first thread (`isFirst`). `adopt`: the open file of a table, by its id and descriptor, for tables that another thread opened.
   * @throws NO_MEMORY
   */
  constructor(
    kernel: Kernel,
    limitPages: number,
    floorPages: number,
    adopt: (id: number, descriptor: number) => File = notShared,
    isFirst: boolean = true,
  ) {
    this.#kernel = kernel
    this.#adopt = adopt
    this.reads = new BlockReads(kernel)
    if (isFirst && !kernel.exports.cacheCreate(limitPages, floorPages)) throw noPages()
    this.#keptLimitBytes = limitPages * PAGE_BYTES * KEPT_SHARE
    this.landing = kernel.page()
    this.#target = kernel.page()
    this.#landingView = kernel.u8.subarray(this.landing, this.landing + PAGE_BYTES)
  }

  /** The open table with that record. INVARIANT: on several threads, between enterRead and leaveRead. */
  tableAt(record: number): OpenTable {
    const ordinal = this.#kernel.u32[(record + TABLE_ORDINAL) >>> 2] as number
    const known = this.#tables.get(record)
    // NOTE: the record may be another table's by now.
    if (known?.ordinal === ordinal) return known.table
    const { view, words } = this.#kernel
    const id = view.getFloat64(record + TABLE_FILE_ID, true)
    const sizeBytes = view.getFloat64(record + TABLE_SIZE, true)
    const file = this.#adopt(id, words[(record + TABLE_DESCRIPTOR) >>> 2] as number)
    const table: OpenTable = { info: { id, sizeBytes }, file, record }
    this.#tables.set(record, { ordinal, table })
    return table
  }

  add(table: OpenTable): void {
    this.#tables.set(table.record, { ordinal: this.#ordinalOf(table), table })
  }

  /** Forgets a table that is closed. Its blocks leave the cache by and by: nothing names them any more. */
  remove({ record }: OpenTable): void {
    this.#tables.delete(record)
    const { words } = this.#kernel
    Atomics.sub(words, CONTROL_KEPT_BYTES >>> 2, Atomics.load(words, (record + TABLE_KEPT) >>> 2))
  }

  /** Forgets all tables: their files are another thread's from now on. */
  clear(): void {
    this.#tables.clear()
  }

  /** In a step that may not wait: it never comes back to what it has read so far. */
  forgetAwaited(): void {
    this.awaited?.clear()
  }

  /** Whether the block that a kernel call asked for cannot be loaded without waiting, and this step may not. */
  get mustWait(): boolean {
    if (this.awaited === undefined) return false
    const table = this.tableAt(this.#kernel.word(SLOT_TABLE))
    const key = blockKey(this.#ordinalOf(table), this.#kernel.float(SLOT_NUMBER))
    return table.file.readAsync !== undefined && this.awaited.get(key) === undefined
  }

  /** Loads the block that a kernel call asked for (NEED_BLOCK). @throws CORRUPT, FORMAT_VERSION, IO, NO_MEMORY; BlockMissing */
  loadNeeded(): void {
    const kernel = this.#kernel
    const table = this.tableAt(kernel.word(SLOT_TABLE))
    const offset = kernel.float(SLOT_NUMBER)
    const sizeBytes = kernel.word(SLOT_LENGTH)
    const kind = kernel.word(SLOT_TYPE)
    this.#read(table, offset, sizeBytes)
    const keep =
      (kind === BLOCK_ROOT_INDEX || kind === BLOCK_INDEX || kind === BLOCK_FILTER) &&
      kernel.freePages() > KEPT_ABOVE_PAGES &&
      Atomics.load(kernel.words, CONTROL_KEPT_BYTES >>> 2) + sizeBytes <= this.#keptLimitBytes
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
    if (status !== STATUS_OK) throw this.#problem(table, offset, sizeBytes, kind, status)
    if (keep) {
      const keptBytes = kernel.word(SLOT_LENGTH)
      Atomics.add(kernel.words, CONTROL_KEPT_BYTES >>> 2, keptBytes)
      Atomics.add(kernel.words, (table.record + TABLE_KEPT) >>> 2, keptBytes)
    }
  }

  /**
   * Reads and checks a block outside of the cache: for extents, which are read once and copied out. `ahead`: its bytes, if they were read already.
   * @returns its payload, a view that is good until the next block is loaded
   */
  loadOnce(
    table: OpenTable,
    offset: number,
    sizeBytes: number,
    kind: number,
    ahead?: Uint8Array,
  ): Uint8Array {
    const { exports, slot, u8 } = this.#kernel
    this.#read(table, offset, sizeBytes, ahead)
    const status = exports.checkBlock(slot, this.landing, sizeBytes, kind, table.record, offset, this.#target)
    if (status !== STATUS_OK) throw this.#problem(table, offset, sizeBytes, kind, status)
    const payload = this.#kernel.word(SLOT_POINTER)
    return u8.subarray(payload, payload + this.#kernel.word(SLOT_LENGTH))
  }

  /**
   * In a step that may not wait: the bytes of a block, or of several that lie one behind the other, unchecked. Undefined if it may, or where the host
   * reads synchronously only: then they are read when they are loaded. @throws BlockMissing
   */
  readAhead(table: OpenTable, offset: number, sizeBytes: number): Uint8Array | undefined {
    if (this.awaited === undefined || table.file.readAsync === undefined) return undefined
    const ordinal = this.#ordinalOf(table)
    const bytes = this.awaited.get(blockKey(ordinal, offset))
    if (bytes === undefined) throw this.reads.start(table, ordinal, offset, sizeBytes)
    return bytes
  }

  /** Pages that `releasePages` could give back. */
  get evictablePages(): number {
    return Math.max(0, this.#word(CACHE_PAGES) - this.#word(CACHE_FLOOR_PAGES))
  }

  /** Gives up to `count` pages of the cache back to the pool. */
  releasePages(count: number): void {
    this.#kernel.exports.cacheShrink(count)
  }

  /** Puts a block where it is checked, from its file or from `ahead`. */
  #read(table: OpenTable, offset: number, sizeBytes: number, ahead?: Uint8Array): void {
    if (sizeBytes > PAGE_BYTES) throw blockProblem(table, offset, 'a block is longer than any can be')
    const landing = this.#landingView.subarray(0, sizeBytes)
    const bytes = ahead ?? this.readAhead(table, offset, sizeBytes)
    if (bytes !== undefined) landing.set(bytes)
    const got = bytes === undefined ? table.file.read(landing, offset) : bytes.byteLength
    if (got < sizeBytes) throw blockProblem(table, offset, 'it ends before its last block')
  }

  /** What is wrong with the block in the landing page, with the bit that was flipped, if it was one. */
  #problem(table: OpenTable, offset: number, sizeBytes: number, kind: number, status: number): VarveError {
    if (status !== STATUS_CHECKSUM || this.#searches === 0) return blockProblem(table, offset, status)
    this.#searches--
    const { exports, slot } = this.#kernel
    const bit = flippedBit(
      this.#landingView.subarray(0, sizeBytes),
      () =>
        exports.checkBlock(slot, this.landing, sizeBytes, kind, table.record, offset, this.#target) ===
        STATUS_OK,
    )
    if (bit === undefined) return blockProblem(table, offset, status)
    return blockProblem(table, offset, `a block fails its checksum (${flippedBitText(offset, bit)})`)
  }

  #ordinalOf({ record }: OpenTable): number {
    return this.#kernel.u32[(record + TABLE_ORDINAL) >>> 2] as number
  }

  #word(offset: number): number {
    return this.#kernel.u32[(CONTROL_CACHE + offset) >>> 2] as number
  }
}

function notShared(id: number): never {
  throw new Error(`table ${id} was opened by another thread`)
}
