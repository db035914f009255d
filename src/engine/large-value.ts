import {
  BLOCK_EXTENT,
  CHAIN_DATA,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  CHUNK_ENTRY_HEADER_BYTES,
  CHUNK_EXTENT_CHAIN,
  CHUNK_EXTENT_LENGTH,
  CHUNK_EXTENT_LIST,
  CHUNK_EXTENT_TABLE,
  CHUNK_KEY_LENGTH,
  CHUNK_TYPE,
  TYPE_EXTENT,
  TYPE_MASK,
} from '../../assembly/memory/layout.ts'
import { unfilledBytes } from '../bytes.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { blockProblem, type OpenTable } from '../table/table-file.ts'
import type { BlockLoader } from '../table/block-loader.ts'

/** What large values are read with. */
export interface ValueReader {
  readonly kernel: Kernel
  readonly blocks: BlockLoader
}

/** Longest value a table can hold: LZ4 makes at most 255 bytes of one. */
function valueLengthLimit(table: OpenTable): number {
  return 255 * table.info.sizeBytes
}

/** Copies a value out of a memtable's page chain. */
export function chainValue(kernel: Kernel, chain: number, length: number): Uint8Array {
  const { u8, u32 } = kernel
  const value = unfilledBytes(length)
  let at = 0
  for (let page = chain; page !== 0; page = u32[(page + CHAIN_NEXT) >>> 2] as number) {
    const here = u32[(page + CHAIN_LENGTH) >>> 2] as number
    value.set(u8.subarray(page + CHAIN_DATA, page + CHAIN_DATA + here), at)
    at += here
  }
  return value
}

/** The value of the chunk entry at `at` if it is kept apart. INVARIANT: the SuperVersion that was read is there. @throws CORRUPT; BlockMissing */
export function largeValueOf(reader: ValueReader, at: number): Uint8Array | undefined {
  const { kernel, blocks } = reader
  const { view, u32 } = kernel
  if ((view.getUint8(at + CHUNK_TYPE) & TYPE_MASK) !== TYPE_EXTENT) return undefined
  const reference = at + CHUNK_ENTRY_HEADER_BYTES + view.getUint16(at + CHUNK_KEY_LENGTH, true)
  const chain = view.getUint32(reference + CHUNK_EXTENT_CHAIN, true)
  if (chain !== 0) return chainValue(kernel, chain, view.getUint32(reference + CHUNK_EXTENT_LENGTH, true))
  const table = blocks.tableAt(view.getUint32(reference + CHUNK_EXTENT_TABLE, true))
  const listBytes = (u32[at >>> 2] as number) - CHUNK_EXTENT_LIST
  return extentValue(reader, table, reference + CHUNK_EXTENT_LIST, listBytes)
}

/** Length of a value in extents, from its list alone. @throws CORRUPT */
export function extentValueLength(
  reader: ValueReader,
  table: OpenTable,
  pointer: number,
  length: number,
): number {
  return new ExtentList(reader, table, pointer, length).valueLength
}

/** Where the extents of a value lie, one behind the other from `offset` on. @throws CORRUPT */
export function extentSizes(
  reader: ValueReader,
  table: OpenTable,
  pointer: number,
  length: number,
): { valueLength: number; offset: number; sizes: number[] } {
  const list = new ExtentList(reader, table, pointer, length)
  const offset = list.varint()
  return { valueLength: list.valueLength, offset, sizes: list.numbers() }
}

/**
 * Reads a value from its extents, whose list lies at [pointer, pointer + length) of linear memory.
 * NOTE: where they are read asynchronously, it is all of them at once: tried again for each, a long value would take a time that grows with the square of its length.
 * @throws CORRUPT; BlockMissing
 */
export function extentValue(
  reader: ValueReader,
  table: OpenTable,
  pointer: number,
  length: number,
): Uint8Array {
  const { valueLength, offset: start, sizes } = extentSizes(reader, table, pointer, length)
  const storedBytes = sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0)
  if (start + storedBytes > table.info.sizeBytes)
    throw blockProblem(table, start, 'it ends before its last block')
  const stored = reader.blocks.readAhead(table, start, storedBytes)
  // NOTE: memory follows what was checked: of a value that says it is long there is only as much as its extents turn out to hold.
  let value = unfilledBytes(Math.min(valueLength, storedBytes))
  let offset = start
  let filled = 0
  for (const sizeBytes of sizes) {
    const ahead = stored?.subarray(offset - start, offset - start + sizeBytes)
    const extent = reader.blocks.loadOnce(table, offset, sizeBytes, BLOCK_EXTENT, ahead)
    if (extent.byteLength > valueLength - filled)
      throw blockProblem(table, offset, 'an extent is longer than its value')
    if (extent.byteLength > value.byteLength - filled) {
      const grown = unfilledBytes(
        Math.min(valueLength, Math.max(2 * value.byteLength, filled + extent.byteLength)),
      )
      grown.set(value.subarray(0, filled))
      value = grown
    }
    value.set(extent, filled)
    filled += extent.byteLength
    offset += sizeBytes
  }
  // INVARIANT: a value that is filled to valueLength is as long as that: it grows no further.
  if (filled !== valueLength) throw blockProblem(table, offset, 'a value is shorter than its list says')
  return value
}

/**
 * An extent list (docs/table-format.md), read from its start:
 * varint value length | varint offset of the first extent | varint number | varint block size × number.
 */
class ExtentList {
  readonly valueLength: number
  readonly #table: OpenTable
  readonly #bytes: Uint8Array
  #at = 0

  /** Copies the list out of linear memory. @throws CORRUPT */
  constructor(reader: ValueReader, table: OpenTable, pointer: number, length: number) {
    this.#table = table
    this.#bytes = reader.kernel.u8.slice(pointer, pointer + length)
    this.valueLength = this.varint()
    // NOTE: a length is trusted only as far as the file is long.
    if (this.valueLength > valueLengthLimit(table)) throw this.#problem()
  }

  /** The next number. @throws CORRUPT */
  varint(): number {
    let value = 0
    for (let scale = 1; this.#at < this.#bytes.byteLength; scale *= 128) {
      const byte = this.#bytes[this.#at++] as number
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw this.#problem()
  }

  /** As many numbers as the next one says. @throws CORRUPT */
  numbers(): number[] {
    const count = this.varint()
    if (count > this.#bytes.byteLength - this.#at) throw this.#problem()
    return Array.from({ length: count }, () => this.varint())
  }

  #problem(): Error {
    return blockProblem(this.#table, 0, 'an extent list does not add up')
  }
}
