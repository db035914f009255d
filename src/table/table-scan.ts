import { BLOCK_HEADER_BYTES, BLOCK_MAX_BYTES, BLOCK_TRAILER_BYTES } from '../../assembly/memory/layout.ts'
import { HEADER_KIND, HEADER_STORED_LENGTH } from '../../assembly/table/block-layout.ts'
import { FILE_HEADER_BYTES, FOOTER_BYTES } from './format.ts'
import { blockProblem, type TableFile } from './table-file.ts'

const WINDOW_BYTES = 131072

/** The blocks of a table file, front to back, in pieces that are read ahead. Nothing about them is checked but that they lie in the file. */
export class TableScan {
  readonly #table: TableFile
  readonly #window: Uint8Array<ArrayBuffer> = new Uint8Array(WINDOW_BYTES)
  readonly #view: DataView = new DataView(this.#window.buffer)
  #windowOffset = 0
  #windowLength = 0
  offset: number = FILE_HEADER_BYTES
  sizeBytes = 0
  kind = 0

  constructor(table: TableFile) {
    this.#table = table
  }

  /** Goes to the next block. @returns false at the footer. @throws CORRUPT, IO */
  next(): boolean {
    const end = this.#table.info.sizeBytes - FOOTER_BYTES
    this.offset += this.sizeBytes
    this.sizeBytes = 0
    if (this.offset === end) return false
    this.#need(BLOCK_HEADER_BYTES)
    const at = this.offset - this.#windowOffset
    this.kind = this.#view.getUint8(at + HEADER_KIND)
    const length = this.#view.getUint32(at + HEADER_STORED_LENGTH, true)
    const sizeBytes = BLOCK_HEADER_BYTES + length + BLOCK_TRAILER_BYTES
    if (sizeBytes > BLOCK_MAX_BYTES) {
      throw blockProblem(this.#table, this.offset, 'a block is longer than any can be')
    }
    this.#need(sizeBytes)
    this.sizeBytes = sizeBytes
    return true
  }

  /** Copies the block's bytes as they lie in the file. */
  copyTo(target: Uint8Array, at: number): void {
    const start = this.offset - this.#windowOffset
    target.set(this.#window.subarray(start, start + this.sizeBytes), at)
  }

  /** Has so many bytes from `offset` on in the window. */
  #need(bytes: number): void {
    const table = this.#table
    if (bytes > table.info.sizeBytes - FOOTER_BYTES - this.offset) {
      throw blockProblem(table, this.offset, 'a block goes beyond the end of the file')
    }
    if (this.offset + bytes <= this.#windowOffset + this.#windowLength) return
    this.#windowOffset = this.offset
    this.#windowLength = table.file.read(this.#window, this.offset)
    if (this.#windowLength < bytes) throw blockProblem(table, this.offset, 'it ends before its last block')
  }
}
