import { CONTROL_FREE_RECORD, PAGE_BYTES, RECORD_BYTES } from './layout'
import { atomicLoadU32, atomicLoadU64, compareExchangeU64, fillBytes, storeU32 } from './bytes'
import { allocatePage } from './pages'

/**
 * 64-byte records, cut from pages that stay records. Lock-free, like the page pool.
 *
 *   free record: u32 next free record (0 at the end) | old content
 *   list head:   u64 tag << 32 | pointer; every pop changes the tag (ABA)
 */
const FREE_NEXT: u32 = 0
const FREE_POINTER_MASK: u64 = 0xffffffff
const FREE_TAG_ONE: u64 = 0x100000000

/** A zeroed record, or 0 if a page was needed and there is none. */
export function allocateRecord(): u32 {
  while (true) {
    const head = atomicLoadU64(CONTROL_FREE_RECORD)
    const record = <u32>(head & FREE_POINTER_MASK)
    if (record == 0) return cutPage()
    // NOTE: another thread may own this record by now; then the word is anything and the exchange fails.
    const next = atomicLoadU32(record + FREE_NEXT)
    if (
      compareExchangeU64(
        CONTROL_FREE_RECORD,
        head,
        ((head & ~FREE_POINTER_MASK) + FREE_TAG_ONE) | (<u64>next),
      )
    ) {
      fillBytes(record, 0, RECORD_BYTES)
      return record
    }
  }
}

/** Gives a record back. INVARIANT: it was allocated, and nobody has a pointer to it any more. */
export function freeRecord(record: u32): void {
  if (!ASC_NO_ASSERT) assert(record != 0 && (record & (RECORD_BYTES - 1)) == 0)
  pushRecords(record, record)
}

/** Makes a page into records, keeps the first and puts the others on the free list. @returns the first, or 0 without a page. */
function cutPage(): u32 {
  const page = allocatePage()
  if (page == 0) return 0
  fillBytes(page, 0, PAGE_BYTES)
  const last = page + (PAGE_BYTES - RECORD_BYTES)
  for (let record = page + RECORD_BYTES; record < last; record += RECORD_BYTES) {
    storeU32(record + FREE_NEXT, record + RECORD_BYTES)
  }
  pushRecords(page + RECORD_BYTES, last)
  return page
}

/** Puts records that are linked from `first` to `last` on the free list. */
function pushRecords(first: u32, last: u32): void {
  while (true) {
    const head = atomicLoadU64(CONTROL_FREE_RECORD)
    storeU32(last + FREE_NEXT, <u32>(head & FREE_POINTER_MASK))
    if (compareExchangeU64(CONTROL_FREE_RECORD, head, (head & ~FREE_POINTER_MASK) | (<u64>first))) return
  }
}
