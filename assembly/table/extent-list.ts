import { readVarint32, varint32Size, varint64Length, varint64Size, varint64Value } from '../key/varint'
import { varintNext, varintValue, writeVarint32, writeVarint64 } from '../key/varint'
import { loadU32 } from '../memory/bytes'
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAX_BYTES,
  BLOCK_TRAILER_BYTES,
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

/** Bytes of the list of a value of `valueLength` bytes in `count` extents, whose block sizes are noted at `sizes`, u32 each. */
export function extentListSize(valueLength: u32, offset: u64, count: u32, sizes: u32): u32 {
  let size = varint32Size(valueLength) + varint64Size(offset) + varint32Size(count)
  for (let i: u32 = 0; i < count; i++) size += varint32Size(loadU32(sizes + 4 * i))
  return size
}

/** Writes extentListSize bytes at `to`. */
export function writeExtentList(to: u32, valueLength: u32, offset: u64, count: u32, sizes: u32): void {
  to = writeVarint32(to, valueLength)
  to = writeVarint64(to, offset)
  to = writeVarint32(to, count)
  for (let i: u32 = 0; i < count; i++) to = writeVarint32(to, loadU32(sizes + 4 * i))
}

/** Length of the value of a list that was checked. */
export function listedValueLength(list: u32, length: u32): u32 {
  return varintValue(readVarint32(list, list + length))
}

/** Number of its extents. */
export function listedExtents(list: u32, length: u32): u32 {
  const end = list + length
  const p = varintNext(readVarint32(list, end))
  return varintValue(readVarint32(p + varint64Length(p, end), end))
}

/** Offset of extent `number`; its size is listedSize. */
export function listedOffset(list: u32, length: u32, number: u32): u64 {
  const end = list + length
  let p = varintNext(readVarint32(list, end))
  const offsetLength = varint64Length(p, end)
  let offset = varint64Value(p, offsetLength)
  p = varintNext(readVarint32(p + offsetLength, end))
  for (; number > 0; number--) {
    const read = readVarint32(p, end)
    offset += varintValue(read)
    p = varintNext(read)
  }
  return offset
}

export function listedSize(list: u32, length: u32, number: u32): u32 {
  const end = list + length
  let p = varintNext(readVarint32(list, end))
  p = varintNext(readVarint32(p + varint64Length(p, end), end))
  for (; number > 0; number--) p = varintNext(readVarint32(p, end))
  return varintValue(readVarint32(p, end))
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
