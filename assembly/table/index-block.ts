import { loadU32, loadU64, storeF64, storeU32 } from '../memory/bytes'
import {
  BOUND_AFTER,
  BOUND_BEFORE,
  SLOT_BLOCK_CURSOR,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_POSITION,
  SLOT_READ_SEQNO,
  STATUS_ABSENT,
  STATUS_FOUND,
} from '../memory/layout'
import { CURSOR_VALUE, CURSOR_VALUE_LENGTH } from './block-entry'
import { BLOCK_PAYLOAD_TRAILER, TRAILER_ENTRIES } from './block-layout'
import { blockOpen, blockOrdinal } from './block-reader'
import { blockSeekGE, blockSeekOrdinal } from './block-seek'
import { handleBlockSize, handleOffset } from './index-handle'

/**
 * Looking up which block to read. INVARIANT: the payload passed checkBlock.
 *
 * A separator's trailer is seqno << 8 | 0xFF, or 0 for seqno 0, but it is stored like a value's, with type byte 1. The bounds
 * below are the same in both readings, except that the one after all versions is 1 instead of 0: it must not pass
 * over a separator with seqno 0.
 */

/** KernelExports.indexSeek. */
export function indexSeek(slot: u32, payload: u32, length: u32, key: u32, keyLength: u32, bound: u32): u32 {
  let trailer: u64 = (loadU64(slot + SLOT_READ_SEQNO) << 8) - 1
  if (bound == BOUND_BEFORE) trailer = u64.MAX_VALUE
  else if (bound == BOUND_AFTER) trailer = 1
  const cursor = slot + SLOT_BLOCK_CURSOR
  blockOpen(cursor, payload, length)
  return result(slot, cursor, blockSeekGE(cursor, key, keyLength, trailer))
}

/** KernelExports.indexEntry. */
export function indexEntry(slot: u32, payload: u32, length: u32, ordinal: u32): u32 {
  const cursor = slot + SLOT_BLOCK_CURSOR
  blockOpen(cursor, payload, length)
  return result(slot, cursor, blockSeekOrdinal(cursor, ordinal))
}

/** KernelExports.blockEntries. */
export function blockEntries(payload: u32, length: u32): u32 {
  return loadU32(payload + (length - BLOCK_PAYLOAD_TRAILER) + TRAILER_ENTRIES)
}

// @ts-ignore: decorator
@inline
function result(slot: u32, cursor: u32, stands: bool): u32 {
  if (!stands) return STATUS_ABSENT
  const value = loadU32(cursor + CURSOR_VALUE)
  const length = loadU32(cursor + CURSOR_VALUE_LENGTH)
  storeF64(slot + SLOT_NUMBER, <f64>handleOffset(value, length))
  storeU32(slot + SLOT_LENGTH, handleBlockSize(value, length))
  storeU32(slot + SLOT_POSITION, blockOrdinal(cursor))
  return STATUS_FOUND
}
