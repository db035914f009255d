import { BLOCK_EXTENT, CHAIN_DATA, CHAIN_LENGTH, CHAIN_NEXT } from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { blockProblem, type TableFile } from '../table/table-file.ts'
import type { Engine } from './engine.ts'

/** Copies a value out of a memtable's page chain. */
export function chainValue(kernel: Kernel, chain: number, length: number): Uint8Array {
  const { u8, u32 } = kernel
  const value = new Uint8Array(length)
  let at = 0
  for (let page = chain; page !== 0; page = u32[(page + CHAIN_NEXT) >>> 2] as number) {
    const here = u32[(page + CHAIN_LENGTH) >>> 2] as number
    value.set(u8.subarray(page + CHAIN_DATA, page + CHAIN_DATA + here), at)
    at += here
  }
  return value
}

/**
 * Reads a value from its extents. The list (docs/table-format.md) lies at [pointer, pointer + length) of linear memory:
 * varint value length | varint offset of the first extent | varint number | varint block size × number.
 * @throws CORRUPT
 */
export function extentValue(engine: Engine, table: TableFile, pointer: number, length: number): Uint8Array {
  const { kernel, blocks } = engine
  const list = kernel.u8.slice(pointer, pointer + length)
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; at < list.byteLength; scale *= 128) {
      const byte = list[at++] as number
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw blockProblem(table, 0, 'an extent list does not add up')
  }
  const valueLength = varint()
  let offset = varint()
  const count = varint()
  // NOTE: a length is trusted only as far as the file is long enough to hold it.
  if (valueLength > engine.valueLengthLimit(table))
    throw blockProblem(table, offset, 'an extent list does not add up')
  const value = new Uint8Array(valueLength)
  let filled = 0
  for (let i = 0; i < count; i++) {
    const sizeBytes = varint()
    const extent = blocks.loadOnce(table, offset, sizeBytes, BLOCK_EXTENT)
    if (extent.byteLength > valueLength - filled)
      throw blockProblem(table, offset, 'an extent is longer than its value')
    value.set(extent, filled)
    filled += extent.byteLength
    offset += sizeBytes
  }
  if (filled !== valueLength) throw blockProblem(table, offset, 'a value is shorter than its list says')
  return value
}
