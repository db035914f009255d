import { readVarint32, varint32Size, varint64Length, varint64Size, varint64Value } from '../key/varint'
import { varintNext, varintValue, writeVarint32, writeVarint64 } from '../key/varint'
import { loadU32 } from '../memory/bytes'
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAX_BYTES,
  BLOCK_TRAILER_BYTES,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  INLINE_VALUE_LIMIT_BYTES,
} from '../memory/layout'

/**
 * The value part of a TYPE_EXTENT entry: where the blocks lie that hold the value. They follow each other without a gap.
 *
 *   varint32 value length | varint64 offset of the first extent | varint32 number of extents n | varint32 block size × n
 */
export const EXTENTS_MAX: u32 = 4096
const EXTENT_FRAME_BYTES: u32 = BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES
/** LZ4 makes no more of a byte. */
const LZ4_MAX_RATIO: u32 = 255

/**
 * Bytes of the list of a value of `valueLength` bytes in `count` extents, one for each page of its chain. `sizes`: where their block sizes
 * are noted, u32 each; 0 if none is compressed.
 */
export function extentListSize(valueLength: u32, offset: u64, count: u32, chain: u32, sizes: u32): u32 {
  let size = varint32Size(valueLength) + varint64Size(offset) + varint32Size(count)
  for (let page = chain, i: u32 = 0; page != 0; page = loadU32(page + CHAIN_NEXT), i++) {
    size += varint32Size(extentSize(page, sizes, i))
  }
  return size
}

// @ts-ignore: decorator
@inline
function extentSize(page: u32, sizes: u32, i: u32): u32 {
  return sizes != 0 ? loadU32(sizes + 4 * i) : loadU32(page + CHAIN_LENGTH) + EXTENT_FRAME_BYTES
}

/** Writes extentListSize bytes at `to`. */
export function writeExtentList(
  to: u32,
  valueLength: u32,
  offset: u64,
  count: u32,
  chain: u32,
  sizes: u32,
): void {
  to = writeVarint32(to, valueLength)
  to = writeVarint64(to, offset)
  to = writeVarint32(to, count)
  for (let page = chain, i: u32 = 0; page != 0; page = loadU32(page + CHAIN_NEXT), i++) {
    to = writeVarint32(to, extentSize(page, sizes, i))
  }
}

/**
 * Whether [p, end) is exactly an extent list whose blocks lie before `limit` in the file and may hold the value's length: what they hold
 * is known when they are decompressed.
 */
export function checkExtentList(p: u32, end: u32, limit: u64): bool {
  let read = readVarint32(p, end)
  if (read == 0) return false
  const valueLength = varintValue(read)
  p = varintNext(read)
  const offsetLength = varint64Length(p, end)
  if (offsetLength == 0) return false
  const offset = varint64Value(p, offsetLength)
  read = readVarint32(p + offsetLength, end)
  if (read == 0) return false
  const count = varintValue(read)
  p = varintNext(read)
  if (valueLength < INLINE_VALUE_LIMIT_BYTES || count == 0 || count > EXTENTS_MAX) return false
  let bytes: u64 = 0
  for (let i: u32 = 0; i < count; i++) {
    read = readVarint32(p, end)
    if (read == 0) return false
    const size = varintValue(read)
    if (size <= EXTENT_FRAME_BYTES || size > BLOCK_MAX_BYTES) return false
    bytes += size
    p = varintNext(read)
  }
  if (p != end) return false
  const stored = bytes - <u64>(count * EXTENT_FRAME_BYTES)
  if (valueLength < stored || valueLength > stored * LZ4_MAX_RATIO) return false
  if (<u64>valueLength > <u64>count * (BLOCK_MAX_BYTES - EXTENT_FRAME_BYTES)) return false
  return offset <= limit && bytes <= limit - offset
}
