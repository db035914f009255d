import { compareBytes } from '../key/compare'
import { copyBytes, loadU32, storeU32 } from '../memory/bytes'
import {
  GAP_FROM,
  GAP_FROM_LENGTH,
  GAP_KEY_MAX_BYTES,
  GAP_KNOWN,
  GAP_TO,
  GAP_TO_LENGTH,
  MEMTABLE_GAP,
  NO_LENGTH,
} from '../memory/layout'

/**
 * A keyspace's gap (drawn in layout.ts): keys between which a range found nothing but deleted entries, many of them. Ranges that begin there begin behind it.
 *
 * INVARIANT: no read at an S ≥ GAP_SEQNO finds an entry with from ≤ user key < to. Only a value that is written can change that: it ends the gap
 * before its key.
 */

/** Before a value is inserted into the memtable. */
// @ts-ignore: decorator
@inline
export function narrowGap(memtable: u32, key: u32, keyLength: u32): void {
  const gap = loadU32(memtable + MEMTABLE_GAP)
  if (gap != 0 && loadU32(gap + GAP_KNOWN) != 0) narrow(gap, key, keyLength)
}

function narrow(gap: u32, key: u32, keyLength: u32): void {
  if (compareBytes(key, keyLength, gap + GAP_FROM, loadU32(gap + GAP_FROM_LENGTH)) < 0) return
  const toLength = loadU32(gap + GAP_TO_LENGTH)
  if (toLength != NO_LENGTH && compareBytes(key, keyLength, gap + GAP_TO, toLength) >= 0) return
  if (keyLength > GAP_KEY_MAX_BYTES) {
    storeU32(gap + GAP_KNOWN, 0)
    return
  }
  copyBytes(gap + GAP_TO, key, keyLength)
  storeU32(gap + GAP_TO_LENGTH, keyLength)
}
