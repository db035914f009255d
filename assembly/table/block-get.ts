import { readTrailer } from '../key/internal-key'
import { loadU32, loadU64, storeU32 } from '../memory/bytes'
import {
  SLOT_BLOCK_CURSOR,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  SLOT_TYPE,
  STATUS_ABSENT,
  STATUS_FOUND,
  STATUS_TOMBSTONE,
  TYPE_MASK,
  TYPE_TOMBSTONE,
  TYPE_WEAK_TOMBSTONE,
} from '../memory/layout'
import { CURSOR_INTERVALS, CURSOR_TRAILER, CURSOR_VALUE, CURSOR_VALUE_LENGTH } from './block-entry'
import { blockFind } from './block-find'
import { blockKeyEquals, blockOpen, moveToHead } from './block-reader'
import { headsBelow } from './block-seek'
import { BUCKET_COLLISION, BUCKET_EMPTY, hashIndexFind } from './hash-index'

/** KernelExports.blockGet: the newest version of a key below SLOT_READ_SEQNO in a data block that passed checkBlock. */
export function blockGet(slot: u32, payload: u32, length: u32, key: u32, keyLength: u32): u32 {
  const cursor = slot + SLOT_BLOCK_CURSOR
  const trailer = readTrailer(loadU64(slot + SLOT_READ_SEQNO))
  blockOpen(cursor, payload, length)
  const below = headsBelow(cursor, key, keyLength, trailer)
  if (below > 0 && blockFind(cursor, below - 1, key, keyLength, trailer)) return result(slot, cursor)
  // What the interval before holds of the key is too new: the next head is the first that may not be.
  if (below == loadU32(cursor + CURSOR_INTERVALS)) return STATUS_ABSENT
  moveToHead(cursor, below)
  return blockKeyEquals(cursor, key, keyLength) ? result(slot, cursor) : STATUS_ABSENT
}

/** The same, given the key's keyHash: through the block's hash index, if it has one. */
export function blockGetHashed(
  slot: u32,
  payload: u32,
  length: u32,
  key: u32,
  keyLength: u32,
  hash: u64,
): u32 {
  const bucket = hashIndexFind(payload, length, hash)
  if (bucket == BUCKET_EMPTY) return STATUS_ABSENT
  if (bucket == BUCKET_COLLISION) return blockGet(slot, payload, length, key, keyLength)
  const cursor = slot + SLOT_BLOCK_CURSOR
  blockOpen(cursor, payload, length)
  if (!blockFind(cursor, bucket, key, keyLength, readTrailer(loadU64(slot + SLOT_READ_SEQNO))))
    return STATUS_ABSENT
  return result(slot, cursor)
}

/** Puts the entry the cursor stands at into the slot's results. */
// @ts-ignore: decorator
@inline
function result(slot: u32, cursor: u32): u32 {
  const typeByte = (<u32>loadU64(cursor + CURSOR_TRAILER)) & 255
  const type = typeByte & TYPE_MASK
  if (type == TYPE_TOMBSTONE || type == TYPE_WEAK_TOMBSTONE) return STATUS_TOMBSTONE
  storeU32(slot + SLOT_POINTER, loadU32(cursor + CURSOR_VALUE))
  storeU32(slot + SLOT_LENGTH, loadU32(cursor + CURSOR_VALUE_LENGTH))
  storeU32(slot + SLOT_TYPE, typeByte)
  return STATUS_FOUND
}
