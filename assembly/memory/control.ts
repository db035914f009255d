import {
  CONTROL_EPOCH,
  CONTROL_FREE_PAGES,
  CONTROL_FRESH_PAGE,
  CONTROL_NEXT_SEQNO,
  CONTROL_PAGE_COUNT,
  CONTROL_SEED,
  CONTROL_SLOTS_TAKEN,
  CONTROL_VISIBLE_SEQNO,
  SLOTS,
  SLOT_BYTES,
  SLOT_COUNT,
  SLOT_EPOCH,
  SLOT_INPUT,
  SLOT_MERGE,
} from './layout'
import {
  atomicLoadU64,
  atomicStoreU32,
  atomicStoreU64,
  compareExchangeU64,
  fillBytes,
  loadU32,
  storeU32,
  storeU64,
} from './bytes'
import { releaseRead } from '../read/table-get'
import { initialiseHash } from '../checksum/xxh3'
import { setThreadMark } from './thread'
import { allocateOwnPage, freeOwnPages, freePage } from './pages'

/**
 * Sets up the control block of a zeroed memory of `pages` pages. INVARIANT: once per memory, before any other call and
 * before another thread gets the memory.
 */
export function initialise(pages: u32, seedLow: u32, seedHigh: u32): void {
  if (!ASC_NO_ASSERT) assert(pages >= 2)
  initialiseHash()
  storeU64(CONTROL_SEED, (<u64>seedLow) | ((<u64>seedHigh) << 32))
  atomicStoreU32(CONTROL_PAGE_COUNT, pages)
  atomicStoreU32(CONTROL_FRESH_PAGE, 1)
  atomicStoreU32(CONTROL_FREE_PAGES, pages - 1)
  atomicStoreU32(CONTROL_EPOCH, 1)
  atomicStoreU64(CONTROL_NEXT_SEQNO, 1)
  atomicStoreU64(CONTROL_VISIBLE_SEQNO, 1)
}

/** Takes a slot for a thread. @returns its index, or SLOT_COUNT if there is none */
export function takeSlot(): u32 {
  while (true) {
    const taken = atomicLoadU64(CONTROL_SLOTS_TAKEN)
    const index = <u32>ctz<u64>(~taken)
    if (index >= SLOT_COUNT) return SLOT_COUNT
    if (compareExchangeU64(CONTROL_SLOTS_TAKEN, taken, taken | ((<u64>1) << index))) return index
  }
}

/** Gives a slot back with all pages that its thread had for itself. INVARIANT: that makes no more calls; what it had pinned in the cache is let go. */
export function giveSlot(index: u32): void {
  const slot = SLOTS + index * SLOT_BYTES
  atomicStoreU32(slot + SLOT_EPOCH, 0)
  releaseRead(slot)
  freeOwnPages(index)
  fillBytes(slot, 0, SLOT_BYTES)
  while (true) {
    const taken = atomicLoadU64(CONTROL_SLOTS_TAKEN)
    if (compareExchangeU64(CONTROL_SLOTS_TAKEN, taken, taken & ~((<u64>1) << index))) return
  }
}

/**
 * Gives slot `index` its input and merge pages; a slot that has them keeps them. INVARIANT: one thread owns a slot.
 * @returns the slot's address, or 0 without pages.
 */
export function attachSlot(index: u32): u32 {
  if (index >= SLOT_COUNT) return 0
  const slot = SLOTS + index * SLOT_BYTES
  setThreadMark(index)
  if (loadU32(slot + SLOT_INPUT) != 0) return slot
  const input = allocateOwnPage(index)
  if (input == 0) return 0
  const merge = allocateOwnPage(index)
  if (merge == 0) {
    freePage(input)
    return 0
  }
  storeU32(slot + SLOT_MERGE, merge)
  storeU32(slot + SLOT_INPUT, input)
  return slot
}
