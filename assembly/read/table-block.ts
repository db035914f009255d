import {
  BLOCK_ROOT_INDEX,
  SLOT_FRAME,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_TABLE,
  SLOT_TYPE,
  STATUS_NEED_BLOCK,
  STATUS_OK,
  TABLE_ROOT,
  TABLE_ROOT_LENGTH,
  TABLE_ROOT_OFFSET,
  TABLE_ROOT_SIZE,
} from '../memory/layout'
import { atomicLoadU32, loadF64, loadU32, storeF64, storeU32 } from '../memory/bytes'
import { cacheFind, frameLength, framePayload, frameUnpin } from '../cache/cache'
import { blockOpen } from '../table/block-reader'

/** Blocks of tables as reads want them: open a cursor on one, use it, let it go. */

/** Names the block that is missing in the slot's results. @returns NEED_BLOCK */
export function needBlock(slot: u32, table: u32, offset: u64, size: u32, kind: u32): u32 {
  storeU32(slot + SLOT_TABLE, table)
  storeF64(slot + SLOT_NUMBER, <f64>offset)
  storeU32(slot + SLOT_LENGTH, size)
  storeU32(slot + SLOT_TYPE, kind)
  return STATUS_NEED_BLOCK
}

/** Opens `cursor` on a block, which stays in place until releaseBlock. @returns OK or NEED_BLOCK */
export function openBlock(slot: u32, cursor: u32, table: u32, offset: u64, size: u32, kind: u32): u32 {
  const frame = cacheFind(slot, table, offset, kind, true)
  storeU32(slot + SLOT_FRAME, frame)
  if (frame == 0) return needBlock(slot, table, offset, size, kind)
  blockOpen(cursor, framePayload(frame), frameLength(frame))
  return STATUS_OK
}

/** openBlock of a table's root index. */
export function openRoot(slot: u32, cursor: u32, table: u32): u32 {
  // ORDER: pairs with the exchange of loadBlock: the root and its length are there when the word is.
  const root = atomicLoadU32(table + TABLE_ROOT)
  if (root == 0) {
    const offset = <u64>loadF64(table + TABLE_ROOT_OFFSET)
    return openBlock(slot, cursor, table, offset, loadU32(table + TABLE_ROOT_SIZE), BLOCK_ROOT_INDEX)
  }
  storeU32(slot + SLOT_FRAME, 0)
  blockOpen(cursor, root, loadU32(table + TABLE_ROOT_LENGTH))
  return STATUS_OK
}

/** Lets go of the block opened last. */
// @ts-ignore: decorator
@inline
export function releaseBlock(slot: u32): void {
  const frame = loadU32(slot + SLOT_FRAME)
  if (frame != 0) frameUnpin(frame)
}
