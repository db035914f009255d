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
import { CURSOR_TRAILER, CURSOR_VALUE, CURSOR_VALUE_LENGTH } from './block-entry'
import { blockKeyEquals, blockOpen } from './block-reader'
import { blockSeekGE } from './block-seek'

/** KernelExports.blockGet: the newest version of a key below SLOT_READ_SEQNO in a data block that passed checkBlock. */
export function blockGet(slot: u32, payload: u32, length: u32, key: u32, keyLength: u32): u32 {
  const cursor = slot + SLOT_BLOCK_CURSOR
  blockOpen(cursor, payload, length)
  const trailer: u64 = (loadU64(slot + SLOT_READ_SEQNO) << 8) - 1
  if (!blockSeekGE(cursor, key, keyLength, trailer)) return STATUS_ABSENT
  if (!blockKeyEquals(cursor, key, keyLength)) return STATUS_ABSENT
  const typeByte = (<u32>loadU64(cursor + CURSOR_TRAILER)) & 255
  const type = typeByte & TYPE_MASK
  if (type == TYPE_TOMBSTONE || type == TYPE_WEAK_TOMBSTONE) return STATUS_TOMBSTONE
  storeU32(slot + SLOT_POINTER, loadU32(cursor + CURSOR_VALUE))
  storeU32(slot + SLOT_LENGTH, loadU32(cursor + CURSOR_VALUE_LENGTH))
  storeU32(slot + SLOT_TYPE, typeByte)
  return STATUS_FOUND
}
