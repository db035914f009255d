import { readVarint32, varint32Size, varint64Length, varint64Size, varint64Value } from '../key/varint'
import { varintNext, varintValue, writeVarint32, writeVarint64 } from '../key/varint'
import { BLOCK_HEADER_BYTES, BLOCK_MAX_BYTES, BLOCK_TRAILER_BYTES } from '../memory/layout'

/**
 * A handle names a block; the value part of an index entry is one:
 *
 *   varint64 offset of the block | varint32 its size, header and checksum included
 */

export function handleSize(offset: u64, size: u32): u32 {
  return varint64Size(offset) + varint32Size(size)
}

/** Writes handleSize bytes at `to`. */
export function writeHandle(to: u32, offset: u64, size: u32): void {
  writeVarint32(writeVarint64(to, offset), size)
}

/** Offset in the handle at p. INVARIANT: checked by checkHandle. */
// @ts-ignore: decorator
@inline
export function handleOffset(p: u32, length: u32): u64 {
  return varint64Value(p, varint64Length(p, p + length))
}

/** Size in the handle at p. INVARIANT: checked by checkHandle. */
// @ts-ignore: decorator
@inline
export function handleBlockSize(p: u32, length: u32): u32 {
  const end = p + length
  return varintValue(readVarint32(p + varint64Length(p, end), end))
}

/**
 * Checks that [p, end) is exactly a handle of a block in [from, to) of the file.
 * @returns where that block ends, or 0.
 */
export function checkHandle(p: u32, end: u32, from: u64, to: u64): u64 {
  const offsetLength = varint64Length(p, end)
  if (offsetLength == 0) return 0
  const offset = varint64Value(p, offsetLength)
  const read = readVarint32(p + offsetLength, end)
  if (read == 0 || varintNext(read) != end) return 0
  const size = varintValue(read)
  if (size <= BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES || size > BLOCK_MAX_BYTES) return 0
  if (offset < from || offset > to || size > to - offset) return 0
  return offset + size
}
