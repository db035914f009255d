import {
  BLOCK_DATA,
  BLOCK_INDEX,
  SLOT_BLOCK_CURSOR,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_PINNED,
  SLOT_READ_SEQNO,
  SLOT_TABLE,
  STATUS_ABSENT,
  STATUS_FOUND,
  STATUS_OK,
} from '../memory/layout'
import { loadF64, loadU32, loadU64, storeF64, storeU32 } from '../memory/bytes'
import { cacheFind, frameLength, framePayload, frameUnpin } from '../cache/cache'
import { readTrailer } from '../key/internal-key'
import { CURSOR_VALUE, CURSOR_VALUE_LENGTH } from '../table/block-entry'
import { blockGetHashed } from '../table/block-get'
import { blockSeekGE } from '../table/block-seek'
import { fencedHandle, handleBlockOffset, handleBytes } from '../table/fences'
import { handleBlockSize, handleOffset } from '../table/index-handle'
import { askFilter } from './table-filter'
import { needBlock, openBlock, openRoot, releaseBlock } from './table-block'

/**
 * Newest version of a key below SLOT_READ_SEQNO in one table: filter, fences or index, data block. Reads the key, whose keyHash is `hash`.
 * @returns FOUND (as pointRead; the value's block stays pinned until releaseRead), TOMBSTONE, ABSENT or NEED_BLOCK.
 */
export function tableGet(slot: u32, table: u32, key: u32, keyLength: u32, hash: u64): u32 {
  let status = askFilter(slot, table, hash)
  if (status != STATUS_FOUND) return status
  let offset: u64
  let size: u32
  const handle = fencedHandle(table, key, keyLength)
  if (handle != 0) {
    offset = handleBlockOffset(handle)
    size = handleBytes(handle)
  } else {
    status = seekIndex(slot, table, key, keyLength, readTrailer(loadU64(slot + SLOT_READ_SEQNO)))
    if (status != STATUS_FOUND) return status
    offset = <u64>loadF64(slot + SLOT_NUMBER)
    size = loadU32(slot + SLOT_LENGTH)
  }
  const frame = cacheFind(slot, table, offset, BLOCK_DATA, true)
  if (frame == 0) return needBlock(slot, table, offset, size, BLOCK_DATA)
  status = blockGetHashed(slot, framePayload(frame), frameLength(frame), key, keyLength, hash)
  if (status == STATUS_FOUND) {
    storeU32(slot + SLOT_TABLE, table)
    storeU32(slot + SLOT_PINNED, frame)
  } else {
    frameUnpin(frame)
  }
  return status
}

/** The data block that may have (key, trailer), through root index and index block. @returns FOUND (SLOT_NUMBER, SLOT_LENGTH: its offset and size), ABSENT or NEED_BLOCK */
export function seekIndex(slot: u32, table: u32, key: u32, keyLength: u32, trailer: u64): u32 {
  const cursor = slot + SLOT_BLOCK_CURSOR
  let status = openRoot(slot, cursor, table)
  if (status != STATUS_OK) return status
  if (!seekEntry(slot, cursor, key, keyLength, trailer)) return STATUS_ABSENT
  status = openBlock(
    slot,
    cursor,
    table,
    <u64>loadF64(slot + SLOT_NUMBER),
    loadU32(slot + SLOT_LENGTH),
    BLOCK_INDEX,
  )
  if (status != STATUS_OK) return status
  return seekEntry(slot, cursor, key, keyLength, trailer) ? STATUS_FOUND : STATUS_ABSENT
}

/** Finds what an index entry names, in the block that `cursor` is open on, and lets the block go. */
// @ts-ignore: decorator
@inline
function seekEntry(slot: u32, cursor: u32, key: u32, keyLength: u32, trailer: u64): bool {
  const found = blockSeekGE(cursor, key, keyLength, trailer)
  if (found) {
    storeF64(slot + SLOT_NUMBER, <f64>cursorHandleOffset(cursor))
    storeU32(slot + SLOT_LENGTH, cursorHandleSize(cursor))
  }
  releaseBlock(slot)
  return found
}

/** Lets go of the block in which the last point read found its value. */
// @ts-ignore: decorator
@inline
export function releaseRead(slot: u32): void {
  const frame = loadU32(slot + SLOT_PINNED)
  if (frame == 0) return
  frameUnpin(frame)
  storeU32(slot + SLOT_PINNED, 0)
}

/** Offset of the block that an index entry names. */
// @ts-ignore: decorator
@inline
export function cursorHandleOffset(cursor: u32): u64 {
  return handleOffset(loadU32(cursor + CURSOR_VALUE), loadU32(cursor + CURSOR_VALUE_LENGTH))
}

/** Its size. */
// @ts-ignore: decorator
@inline
export function cursorHandleSize(cursor: u32): u32 {
  return handleBlockSize(loadU32(cursor + CURSOR_VALUE), loadU32(cursor + CURSOR_VALUE_LENGTH))
}
