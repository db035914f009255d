import { BLOCK_INDEX, SLOT_BLOCK_CURSOR, SLOT_NUMBER, STATUS_OK, TABLE_ROOT_OFFSET } from '../memory/layout'
import { loadF64, storeF64 } from '../memory/bytes'
import { TRAILER_BEFORE } from '../key/internal-key'
import { blockSeekGE } from '../table/block-seek'
import { openBlock, openRoot, releaseBlock } from './table-block'
import { cursorHandleOffset, cursorHandleSize } from './table-get'

/** KernelExports.tablePosition. */
export function tablePosition(slot: u32, table: u32, key: u32, keyLength: u32): u32 {
  const cursor = slot + SLOT_BLOCK_CURSOR
  let status = openRoot(slot, cursor, table)
  if (status != STATUS_OK) return status
  let found = blockSeekGE(cursor, key, keyLength, TRAILER_BEFORE)
  const offset = found ? cursorHandleOffset(cursor) : 0
  const size = found ? cursorHandleSize(cursor) : 0
  releaseBlock(slot)
  if (found) {
    status = openBlock(slot, cursor, table, offset, size, BLOCK_INDEX)
    if (status != STATUS_OK) return status
    found = blockSeekGE(cursor, key, keyLength, TRAILER_BEFORE)
    if (found) storeF64(slot + SLOT_NUMBER, <f64>cursorHandleOffset(cursor))
    releaseBlock(slot)
  }
  // Behind everything: where the root index begins.
  if (!found) storeF64(slot + SLOT_NUMBER, loadF64(table + TABLE_ROOT_OFFSET))
  return STATUS_OK
}
