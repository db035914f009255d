import { mixed } from '../checksum/mixed'
import { loadU16, loadU32, loadU64, loadU8, storeU32 } from '../memory/bytes'
import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_FILTER,
  BLOCK_HEADER_BYTES,
  BLOCK_INDEX,
  BLOCK_MAX_BYTES,
  BLOCK_MAX_CACHED_PAYLOAD,
  BLOCK_PROPERTIES,
  BLOCK_ROOT_INDEX,
  BLOCK_TRAILER_BYTES,
  FILTER_BLOCK_LINES,
  FILTER_LINE_BYTES,
  COMPRESSION_LZ4,
  COMPRESSION_NONE,
  SLOT_LENGTH,
  SLOT_POINTER,
  STATUS_CHECKSUM,
  STATUS_MALFORMED,
  STATUS_OK,
  STATUS_UNKNOWN_FORMAT,
} from '../memory/layout'
import {
  HEADER_COMPRESSION,
  HEADER_FLAGS,
  HEADER_KIND,
  HEADER_RAW_LENGTH,
  HEADER_STORED_LENGTH,
  HEADER_ZERO,
} from './block-layout'
import { walkPayload } from './block-walk'
import { lz4Decompress, lz4MaxBytes } from './lz4-decompress'

/** Longest payload, compressed or not. */
const PAYLOAD_MAX_BYTES: u32 = BLOCK_MAX_BYTES - BLOCK_HEADER_BYTES - BLOCK_TRAILER_BYTES

/** The kinds of which a table has many. */
// @ts-ignore: decorator
@inline
function mayBeCompressed(kind: u32): bool {
  return kind == BLOCK_DATA || kind == BLOCK_INDEX || kind == BLOCK_EXTENT
}

/** KernelExports.checkBlock. */
export function checkBlock(
  slot: u32,
  block: u32,
  size: u32,
  kind: u32,
  salt: u32,
  offset: f64,
  target: u32,
): u32 {
  return openFrame(slot, block, size, kind, salt, offset, target, true)
}

/**
 * Whether [block, block + size) is a block of `kind` as it lies at `offset` of the file with that salt. Reads nothing else, and writes nothing
 * but a compressed payload to the page `target` and hashes in the slot, whatever the bytes are; after OK readers follow what is in the
 * payload without checks. `walk`: false if a block with this checksum, at this place, was walked before.
 */
export function openFrame(
  slot: u32,
  block: u32,
  size: u32,
  kind: u32,
  salt: u32,
  offset: f64,
  target: u32,
  walk: bool,
): u32 {
  if (size < BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES || size > BLOCK_MAX_BYTES) return STATUS_MALFORMED
  const length = size - (BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES)
  let payload = block + BLOCK_HEADER_BYTES
  // The checksum first: an accident is called one, wherever it hit.
  const checksum = mixed(block, BLOCK_HEADER_BYTES + length, kind, salt, <u64>offset)
  if (checksum != loadU64(payload + length)) return STATUS_CHECKSUM
  if (loadU8(block + HEADER_KIND) != kind) return STATUS_MALFORMED
  const compression = loadU8(block + HEADER_COMPRESSION)
  const isCompressed = compression == COMPRESSION_LZ4 && mayBeCompressed(kind)
  if (!isCompressed && compression != COMPRESSION_NONE) return STATUS_UNKNOWN_FORMAT
  if (loadU16(block + HEADER_FLAGS) != 0 || loadU32(block + HEADER_ZERO) != 0) return STATUS_UNKNOWN_FORMAT
  if (loadU32(block + HEADER_STORED_LENGTH) != length) return STATUS_MALFORMED
  const rawLength = loadU32(block + HEADER_RAW_LENGTH)
  if (isCompressed) {
    if (!ASC_NO_ASSERT) assert(target != 0)
    if (rawLength <= length || rawLength > min(PAYLOAD_MAX_BYTES, lz4MaxBytes(length)))
      return STATUS_MALFORMED
    if (!lz4Decompress(payload, length, target, rawLength)) return STATUS_MALFORMED
    payload = target
  } else if (rawLength != length) {
    return STATUS_MALFORMED
  }
  // What the cache holds fits one of its pages.
  if (kind != BLOCK_EXTENT && rawLength > BLOCK_MAX_CACHED_PAYLOAD) return STATUS_MALFORMED
  if (kind == BLOCK_DATA || kind == BLOCK_INDEX || kind == BLOCK_ROOT_INDEX) {
    if (walk) {
      const status = walkPayload(payload, rawLength, kind != BLOCK_DATA, <u64>offset, slot)
      if (status != STATUS_OK) return status
    }
  } else if (kind == BLOCK_FILTER) {
    if (length == 0 || length % FILTER_LINE_BYTES != 0) return STATUS_MALFORMED
    if (length > FILTER_BLOCK_LINES * FILTER_LINE_BYTES) return STATUS_MALFORMED
  } else if (kind != BLOCK_EXTENT && kind != BLOCK_PROPERTIES) {
    return STATUS_UNKNOWN_FORMAT
  }
  storeU32(slot + SLOT_POINTER, payload)
  storeU32(slot + SLOT_LENGTH, rawLength)
  return STATUS_OK
}
