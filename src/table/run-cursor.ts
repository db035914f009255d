import {
  BLOCK_DATA,
  BLOCK_INDEX,
  BLOCK_ROOT_INDEX,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_POSITION,
  STATUS_FOUND,
} from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { BlockStore } from './block-store.ts'
import type { TableFile } from './table-file.ts'

/**
 * Walks the data blocks of a run (disjoint tables, ascending) in one direction, loading and pinning each; its payload is then in the
 * store's `payload` and `length`.
 */
export class RunCursor {
  readonly #kernel: Kernel
  readonly #blocks: BlockStore
  readonly #tables: readonly TableFile[]
  readonly #reverse: boolean
  #table = 0
  /** Ordinal in the root index of the index block we are in, and in that of the data block. */
  #indexOrdinal = 0
  #dataOrdinal = 0
  #indexOffset = 0
  #indexSize = 0
  #pinnedTable: TableFile | undefined
  #pinnedOffset = 0

  constructor(kernel: Kernel, blocks: BlockStore, tables: readonly TableFile[], reverse: boolean) {
    this.#kernel = kernel
    this.#blocks = blocks
    this.#tables = tables
    this.#reverse = reverse
  }

  /**
   * Goes to the block that holds the first entry at or after the bound of the key (reverse: the last entry before it), starting in
   * table number `table`, which can hold it. @returns false if there is none.
   */
  seek(table: number, key: number, keyLength: number, bound: number): boolean {
    this.#table = table
    if (this.#tables[table] === undefined) return false
    if (keyLength < 0) return this.#enter()
    this.#loadRoot()
    if (!this.#seekIndex(key, keyLength, bound)) return this.#reverse ? this.#enter() : this.#nextTable()
    this.#indexOrdinal = this.#kernel.word(SLOT_POSITION)
    this.#takeIndex()
    this.#loadIndex()
    if (!this.#seekIndex(key, keyLength, bound)) return this.#reverse ? this.#lastOfIndex() : this.next()
    this.#dataOrdinal = this.#kernel.word(SLOT_POSITION)
    // NOTE: going backwards the entry wanted may be the last one of the block before: the merge then asks for the next block.
    this.#loadData()
    return true
  }

  /** The next block in the direction of travel. @returns false at the end of the run. */
  next(): boolean {
    const step = this.#reverse ? -1 : 1
    this.#loadIndex()
    if (this.#entry(this.#dataOrdinal + step)) {
      this.#dataOrdinal += step
      this.#loadData()
      return true
    }
    this.#loadRoot()
    if (this.#entry(this.#indexOrdinal + step)) {
      this.#indexOrdinal += step
      this.#takeIndex()
      return this.#firstOfIndex()
    }
    return this.#nextTable()
  }

  #nextTable(): boolean {
    this.#table += this.#reverse ? -1 : 1
    return this.#tables[this.#table] !== undefined && this.#enter()
  }

  /** The first block of the current table in the direction of travel. */
  #enter(): boolean {
    this.#loadRoot()
    this.#indexOrdinal = this.#reverse ? this.#entries() - 1 : 0
    if (!this.#entry(this.#indexOrdinal)) return false
    this.#takeIndex()
    return this.#firstOfIndex()
  }

  #firstOfIndex(): boolean {
    if (this.#reverse) return this.#lastOfIndex()
    this.#loadIndex()
    this.#dataOrdinal = 0
    if (!this.#entry(0)) return false
    this.#loadData()
    return true
  }

  #lastOfIndex(): boolean {
    this.#loadIndex()
    this.#dataOrdinal = this.#entries() - 1
    if (!this.#entry(this.#dataOrdinal)) return false
    this.#loadData()
    return true
  }

  #loadRoot(): void {
    const table = this.#current()
    this.#blocks.load(table, table.rootOffset, table.rootSize, BLOCK_ROOT_INDEX, false)
  }

  #loadIndex(): void {
    this.#blocks.load(this.#current(), this.#indexOffset, this.#indexSize, BLOCK_INDEX, false)
  }

  /** Remembers the index block that the root entry just read names. */
  #takeIndex(): void {
    this.#indexOffset = this.#kernel.float(SLOT_NUMBER)
    this.#indexSize = this.#kernel.word(SLOT_LENGTH)
  }

  /** Loads the data block that the index entry just read names. */
  #loadData(): void {
    const offset = this.#kernel.float(SLOT_NUMBER)
    const size = this.#kernel.word(SLOT_LENGTH)
    // NOTE: the merge keeps nothing in the block it has left; a run pins one block at a time.
    if (this.#pinnedTable !== undefined) this.#blocks.unpin(this.#pinnedTable, this.#pinnedOffset)
    this.#pinnedTable = this.#current()
    this.#pinnedOffset = offset
    this.#blocks.load(this.#pinnedTable, offset, size, BLOCK_DATA, true)
  }

  #current(): TableFile {
    return this.#tables[this.#table] as TableFile
  }

  #seekIndex(key: number, keyLength: number, bound: number): boolean {
    const { exports, slot } = this.#kernel
    const { payload, length } = this.#blocks
    return exports.indexSeek(slot, payload, length, key, keyLength, bound) === STATUS_FOUND
  }

  #entry(ordinal: number): boolean {
    if (ordinal < 0) return false
    const { exports, slot } = this.#kernel
    return exports.indexEntry(slot, this.#blocks.payload, this.#blocks.length, ordinal) === STATUS_FOUND
  }

  #entries(): number {
    return this.#kernel.exports.blockEntries(this.#blocks.payload, this.#blocks.length) >>> 0
  }
}
