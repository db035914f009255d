import {
  CONTROL_FREE_HEAD,
  CONTROL_FREE_PAGES,
  CONTROL_FRESH_PAGE,
  CONTROL_PAGE_COUNT,
  CONTROL_PAID_PAGES,
  PAGE_BYTES,
  PAGE_OWNERS,
  PAGE_SHIFT,
} from './layout'
import {
  atomicAddU32,
  atomicLoadU32,
  atomicLoadU64,
  compareExchangeU32,
  compareExchangeU64,
  fillBytes,
  loadU32,
  loadU64,
  loadU8,
  storeU8,
  storeU32,
  storeU64,
} from './bytes'

/**
 * The page pool: a free list, last in first out so that pages are warm, over a mark that only rises. Lock-free: any
 * thread may allocate and free at any time.
 *
 *   free page: u32 index of the next free page (0 at the end) | old content
 *   list head: u64 tag << 32 | index; every pop changes the tag, so a head that was seen before is another one (ABA)
 */
const FREE_NEXT: u32 = 0
const FREE_INDEX_MASK: u64 = 0xffffffff
const FREE_TAG_ONE: u64 = 0x100000000

/** What debug builds write over a page that is freed; the words before SHRED_FROM are the list's. */
const SHRED_FROM: u32 = 8
const SHRED_BYTE: u32 = 0xde
const SHRED_WORD: u64 = 0xdededededededede

/** A page (content undefined), or 0 if there is none. */
export function allocatePage(): u32 {
  return takePages(1, 0) ? popPage() : 0
}

/** A page that goes with the thread that has slot `index`, whatever becomes of it; else as allocatePage. */
export function allocateOwnPage(index: u32): u32 {
  const page = allocatePage()
  if (page != 0) storeU8(PAGE_OWNERS + (page >>> PAGE_SHIFT), <u8>(index + 1))
  return page
}

/** Frees the pages that a thread has for itself. INVARIANT: it makes no more calls. */
export function freeOwnPages(index: u32): void {
  const end = atomicLoadU32(CONTROL_FRESH_PAGE)
  for (let i: u32 = 1; i < end; i++) {
    if (loadU8(PAGE_OWNERS + i) == <u8>(index + 1)) freePage(i << PAGE_SHIFT)
  }
}

/**
 * A page of those that were paid for the write group in progress, or else any. INVARIANT: the caller holds the journal lock, or nobody else has the memory.
 */
export function allocateGroupPage(): u32 {
  const paid = loadU32(CONTROL_PAID_PAGES)
  if (paid == 0) return allocatePage()
  storeU32(CONTROL_PAID_PAGES, paid - 1)
  return popPage()
}

/**
 * Sees to it that so many pages are paid for the write groups that come: nobody else gets them. At least `left` stay free.
 * INVARIANT: as allocateGroupPage. @returns false if there are not enough; nothing is changed then
 */
export function payPages(count: u32, left: u32): bool {
  const paid = loadU32(CONTROL_PAID_PAGES)
  if (paid >= count) return true
  if (!takePages(count - paid, left)) return false
  storeU32(CONTROL_PAID_PAGES, count)
  return true
}

/** Gives back what was paid beyond `count` pages. INVARIANT: as allocateGroupPage. */
export function repayPages(count: u32): void {
  const paid = loadU32(CONTROL_PAID_PAGES)
  if (paid <= count) return
  storeU32(CONTROL_PAID_PAGES, count)
  atomicAddU32(CONTROL_FREE_PAGES, paid - count)
}

/** Takes pages off the count if at least `left` stay. */
// @ts-ignore: decorator
@inline
function takePages(count: u32, left: u32): bool {
  while (true) {
    const free = atomicLoadU32(CONTROL_FREE_PAGES)
    if (free < count + left) return false
    if (compareExchangeU32(CONTROL_FREE_PAGES, free, free - count)) return true
  }
}

/**
 * A page that was taken off the count.
 * ORDER: freePage links a page before it counts it, so there is one for whoever took it off.
 */
function popPage(): u32 {
  while (true) {
    const head = atomicLoadU64(CONTROL_FREE_HEAD)
    const index = <u32>(head & FREE_INDEX_MASK)
    if (index == 0) {
      const fresh = atomicLoadU32(CONTROL_FRESH_PAGE)
      if (fresh >= atomicLoadU32(CONTROL_PAGE_COUNT)) continue
      if (compareExchangeU32(CONTROL_FRESH_PAGE, fresh, fresh + 1)) return fresh << PAGE_SHIFT
      continue
    }
    const page = index << PAGE_SHIFT
    // NOTE: another thread may own this page by now; then the word is anything and the exchange fails.
    const next = atomicLoadU32(page + FREE_NEXT)
    if (
      compareExchangeU64(CONTROL_FREE_HEAD, head, ((head & ~FREE_INDEX_MASK) + FREE_TAG_ONE) | (<u64>next))
    ) {
      if (!ASC_NO_ASSERT) {
        assert(isShredded(page))
        // So that freeing it twice is noticed.
        storeU64(page + SHRED_FROM, 0)
      }
      return page
    }
  }
}

/** Gives a page back. INVARIANT: it was allocated, and nobody has a pointer into it any more. */
export function freePage(page: u32): void {
  if (!ASC_NO_ASSERT) {
    assert(page != 0 && (page & (PAGE_BYTES - 1)) == 0)
    assert(page >>> PAGE_SHIFT < atomicLoadU32(CONTROL_FRESH_PAGE))
    assert(!isShredded(page))
    fillBytes(page, SHRED_BYTE, PAGE_BYTES)
  }
  // ORDER: before the page is in the list: it is the next owner's from then on.
  storeU8(PAGE_OWNERS + (page >>> PAGE_SHIFT), 0)
  while (true) {
    const head = atomicLoadU64(CONTROL_FREE_HEAD)
    storeU32(page + FREE_NEXT, <u32>(head & FREE_INDEX_MASK))
    const replacement = (head & ~FREE_INDEX_MASK) | (<u64>(page >>> PAGE_SHIFT))
    if (compareExchangeU64(CONTROL_FREE_HEAD, head, replacement)) break
  }
  atomicAddU32(CONTROL_FREE_PAGES, 1)
}

/** Pages that can be allocated now. */
// @ts-ignore: decorator
@inline
export function freePages(): u32 {
  return atomicLoadU32(CONTROL_FREE_PAGES)
}

/** Pages that are paid for the write groups that come. */
// @ts-ignore: decorator
@inline
export function paidPages(): u32 {
  return loadU32(CONTROL_PAID_PAGES)
}

/** The page a pointer lies in. */
// @ts-ignore: decorator
@inline
export function pageOf(p: u32): u32 {
  return p & ~(PAGE_BYTES - 1)
}

/** Whether a page was freed and nobody wrote to it since (debug builds). Reads the page. */
function isShredded(page: u32): bool {
  for (let i: u32 = SHRED_FROM; i < PAGE_BYTES; i += 8) {
    if (loadU64(page + i) != SHRED_WORD) return false
  }
  return true
}
