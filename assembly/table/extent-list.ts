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

/** Bytes of the list of a value of `valueLength` bytes in `count` extents, one for each page of its chain. */
export function extentListSize(valueLength: u32, offset: u64, count: u32, chain: u32): u32 {
  let size = varint32Size(valueLength) + varint64Size(offset) + varint32Size(count)
  for (let page = chain; page != 0; page = loadU32(page + CHAIN_NEXT)) {
    size += varint32Size(loadU32(page + CHAIN_LENGTH) + EXTENT_FRAME_BYTES)
  }
  return size
}

/** Writes extentListSize bytes at `to`. */
export function writeExtentList(to: u32, valueLength: u32, offset: u64, count: u32, chain: u32): void {
  to = writeVarint32(to, valueLength)
  to = writeVarint64(to, offset)
  to = writeVarint32(to, count)
  for (let page = chain; page != 0; page = loadU32(page + CHAIN_NEXT)) {
    to = writeVarint32(to, loadU32(page + CHAIN_LENGTH) + EXTENT_FRAME_BYTES)
  }
}

/**
 * Whether [p, end) is exactly an extent list whose blocks lie before `limit` in the file and hold the value's length.
 * NOTE: the sum assumes extents without compression, the only ones there are.
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
  if (p != end || bytes - <u64>(count * EXTENT_FRAME_BYTES) != valueLength) return false
  return offset <= limit && bytes <= limit - offset
}
