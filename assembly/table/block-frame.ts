import { mixed } from '../checksum/mixed'
import { storeU16, storeU32, storeU64, storeU8 } from '../memory/bytes'
import { BLOCK_HEADER_BYTES, BLOCK_TRAILER_BYTES } from '../memory/layout'
import {
  HEADER_COMPRESSION,
  HEADER_FLAGS,
  HEADER_KIND,
  HEADER_RAW_LENGTH,
  HEADER_STORED_LENGTH,
  HEADER_ZERO,
} from './block-layout'

export const FRAME_BYTES: u32 = BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES

/**
 * Makes a block at `block` of the payload that lies at block + BLOCK_HEADER_BYTES, `length` bytes as they are stored, of `rawLength` bytes
 * before compression: writes the header before it and the checksum behind it. @returns the size of the block.
 *
 *   u8 kind | u8 compression | u16 0 | u32 stored length | u32 raw length | u32 0 | payload | u64 checksum
 */
export function frameBlock(
  block: u32,
  kind: u32,
  compression: u32,
  rawLength: u32,
  length: u32,
  salt: u32,
  offset: u64,
): u32 {
  storeU8(block + HEADER_KIND, kind)
  storeU8(block + HEADER_COMPRESSION, compression)
  storeU16(block + HEADER_FLAGS, 0)
  storeU32(block + HEADER_STORED_LENGTH, length)
  storeU32(block + HEADER_RAW_LENGTH, rawLength)
  storeU32(block + HEADER_ZERO, 0)
  const checked = BLOCK_HEADER_BYTES + length
  storeU64(block + checked, mixed(block, checked, kind, salt, offset))
  return FRAME_BYTES + length
}
