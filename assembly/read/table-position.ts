import { SLOT_NUMBER, STATUS_ABSENT, STATUS_FOUND, STATUS_OK, TABLE_ROOT_OFFSET } from '../memory/layout'
import { loadF64, storeF64 } from '../memory/bytes'
import { TRAILER_BEFORE } from '../key/internal-key'
import { seekIndex } from './table-get'

/** KernelExports.tablePosition. */
export function tablePosition(slot: u32, table: u32, key: u32, keyLength: u32): u32 {
  const status = seekIndex(slot, table, key, keyLength, TRAILER_BEFORE)
  if (status == STATUS_FOUND) return STATUS_OK
  if (status != STATUS_ABSENT) return status
  // Behind everything: where the root index begins.
  storeF64(slot + SLOT_NUMBER, loadF64(table + TABLE_ROOT_OFFSET))
  return STATUS_OK
}
