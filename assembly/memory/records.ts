import { CONTROL_FREE_RECORDS, PAGE_BYTES } from './layout'
import { atomicLoadU32, atomicLoadU64, compareExchangeU64, fillBytes, storeU32 } from './bytes'
import { allocatePage, freePage } from './pages'

/**
 * Records: flat structures that live as long as a table or a Version, in size classes of 64, 256, 1,024, 4,096, 16,384, 32,768 and 65,536
 * bytes, each cut from pages that stay with their class; above that a record is a page. Lock-free, like the page pool.
 *
 *   free record: u32 next free record (0 at the end) | old content
 *   list head:   u64 tag << 32 | pointer, one for each class; every pop changes the tag (ABA)
 */
const FREE_NEXT: u32 = 0
const FREE_POINTER_MASK: u64 = 0xffffffff
const FREE_TAG_ONE: u64 = 0x100000000
/** Classes that share pages. */
const CLASSES: u32 = 7

/** Size of the records that serve a request of `bytes` ≤ PAGE_BYTES. */
function classBytes(bytes: u32): u32 {
  if (bytes <= 64) return 64
  if (bytes <= 256) return 256
  if (bytes <= 1024) return 1024
  if (bytes <= 4096) return 4096
  if (bytes <= 16384) return 16384
  if (bytes <= 32768) return 32768
  return bytes <= 65536 ? 65536 : PAGE_BYTES
}

/** Address of the list head of a class below PAGE_BYTES: 0 for 64, … 4 for 16,384, then 5 and 6. */
function listOf(size: u32): u32 {
  const number: u32 = size <= 16384 ? (25 - clz<u32>(size)) >>> 1 : size == 32768 ? 5 : 6
  if (!ASC_NO_ASSERT) assert(number < CLASSES)
  return CONTROL_FREE_RECORDS + 8 * number
}

/** A zeroed record of at least `bytes` ≤ PAGE_BYTES, aligned to 64; 0 if a page was needed and there is none. */
export function allocateRecord(bytes: u32): u32 {
  if (!ASC_NO_ASSERT) assert(bytes <= PAGE_BYTES)
  const size = classBytes(bytes)
  if (size == PAGE_BYTES) {
    const page = allocatePage()
    if (page != 0) fillBytes(page, 0, PAGE_BYTES)
    return page
  }
  const list = listOf(size)
  while (true) {
    const head = atomicLoadU64(list)
    const record = <u32>(head & FREE_POINTER_MASK)
    if (record == 0) return cutPage(list, size)
    // NOTE: another thread may own this record by now; then the word is anything and the exchange fails.
    const next = atomicLoadU32(record + FREE_NEXT)
    if (compareExchangeU64(list, head, ((head & ~FREE_POINTER_MASK) + FREE_TAG_ONE) | (<u64>next))) {
      fillBytes(record, 0, size)
      return record
    }
  }
}

/** Gives a record back. INVARIANT: it was allocated for as many `bytes`, and nobody has a pointer to it any more. */
export function freeRecord(record: u32, bytes: u32): void {
  const size = classBytes(bytes)
  if (!ASC_NO_ASSERT) assert(record != 0 && (record & (size - 1)) == 0)
  if (size == PAGE_BYTES) freePage(record)
  else pushRecords(listOf(size), record, record)
}

/** Makes a page into records, keeps the first and puts the others on their list. @returns the first, or 0 without a page. */
function cutPage(list: u32, size: u32): u32 {
  const page = allocatePage()
  if (page == 0) return 0
  fillBytes(page, 0, PAGE_BYTES)
  const last = page + (PAGE_BYTES - size)
  for (let record = page + size; record < last; record += size) storeU32(record + FREE_NEXT, record + size)
  pushRecords(list, page + size, last)
  return page
}

/** Puts records that are linked from `first` to `last` on a list. */
function pushRecords(list: u32, first: u32, last: u32): void {
  while (true) {
    const head = atomicLoadU64(list)
    storeU32(last + FREE_NEXT, <u32>(head & FREE_POINTER_MASK))
    if (compareExchangeU64(list, head, (head & ~FREE_POINTER_MASK) | (<u64>first))) return
  }
}
