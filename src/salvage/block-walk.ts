import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_HEADER_BYTES,
  BLOCK_MAX_BYTES,
  BLOCK_TRAILER_BYTES,
} from '../../assembly/memory/layout.ts'
import {
  HEADER_COMPRESSION,
  HEADER_FLAGS,
  HEADER_KIND,
  HEADER_STORED_LENGTH,
  HEADER_ZERO,
} from '../../assembly/table/block-layout.ts'
import { VarveError } from '../errors.ts'
import type { BlockLoader } from '../table/block-loader.ts'
import { FILE_HEADER_BYTES } from '../table/format.ts'
import type { OpenTable } from '../table/table-file.ts'
import type { Losses } from './losses.ts'

/** At least as long as the longest block. */
const WINDOW_BYTES = 262144

/**
 * The blocks of a table file that can be believed, front to back. It needs no index and no footer: a block says how long it is, and its checksum, which the file's salt and
 * its place are mixed into, says whether it is one. Behind damage the next block is searched for, byte by byte.
 */
export class BlockWalk {
  /** Of the block it stands at. */
  offset: number = FILE_HEADER_BYTES
  sizeBytes = 0
  kind = 0
  /** Its payload: a view that is good until the next block is loaded. */
  payload: Uint8Array = new Uint8Array(0)
  readonly #loader: BlockLoader
  readonly #table: OpenTable
  readonly #end: number
  readonly #losses: Losses
  readonly #window: Uint8Array<ArrayBuffer> = new Uint8Array(WINDOW_BYTES)
  readonly #view: DataView = new DataView(this.#window.buffer)
  #windowOffset = 0
  #windowLength = 0

  /** `end`: where the blocks end. */
  constructor(loader: BlockLoader, table: OpenTable, end: number, losses: Losses) {
    this.#loader = loader
    this.#table = table
    this.#end = end
    this.#losses = losses
  }

  /** Goes to the next block. @returns false behind the last one. @throws IO */
  next(): boolean {
    const from = this.offset + this.sizeBytes
    for (let at = from; at < this.#end; at++) {
      const sizeBytes = this.#sizeAt(at)
      if (sizeBytes === 0) continue
      const payload = this.#load(at, sizeBytes)
      if (payload === undefined) continue
      this.#noteLoss(from, at)
      this.offset = at
      this.sizeBytes = sizeBytes
      this.payload = payload
      return true
    }
    this.#noteLoss(from, this.#end)
    this.offset = this.#end
    this.sizeBytes = 0
    return false
  }

  /** The size of what looks like a block there; 0 if nothing does. */
  #sizeAt(at: number): number {
    if (BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES > this.#end - at) return 0
    if (at < this.#windowOffset || at + BLOCK_HEADER_BYTES > this.#windowOffset + this.#windowLength) {
      this.#windowOffset = at
      this.#windowLength = this.#table.file.read(this.#window, at)
      if (this.#windowLength < BLOCK_HEADER_BYTES) return 0
    }
    const view = this.#view
    const header = at - this.#windowOffset
    const kind = view.getUint8(header + HEADER_KIND)
    if (kind < BLOCK_DATA || kind > BLOCK_EXTENT || view.getUint8(header + HEADER_COMPRESSION) > 1) return 0
    if (view.getUint16(header + HEADER_FLAGS, true) !== 0 || view.getUint32(header + HEADER_ZERO, true) !== 0)
      return 0
    const length = view.getUint32(header + HEADER_STORED_LENGTH, true)
    if (length > BLOCK_MAX_BYTES) return 0
    const sizeBytes = BLOCK_HEADER_BYTES + length + BLOCK_TRAILER_BYTES
    if (sizeBytes > BLOCK_MAX_BYTES || sizeBytes > this.#end - at) return 0
    this.kind = kind
    return sizeBytes
  }

  #load(at: number, sizeBytes: number): Uint8Array | undefined {
    try {
      return this.#loader.loadOnce(this.#table, at, sizeBytes, this.kind)
    } catch (error) {
      if (error instanceof VarveError && error.code === 'CORRUPT') return undefined
      throw error
    }
  }

  #noteLoss(from: number, to: number): void {
    if (to > from)
      this.#losses.add(this.#table.file.name, from, to - from, 'no block there passes its checks')
  }
}
