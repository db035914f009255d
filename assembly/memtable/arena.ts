import { PAGE_BYTES } from '../memory/layout'
import { loadU32, storeU32 } from '../memory/bytes'
import { allocateGroupPage, freePage, pageOf } from '../memory/pages'

/**
 * An arena: bump allocation over a chain of pages that are freed together.
 *
 *   page:   u32 previous page (0 in the first) | 12 unused | allocations … | slack (16 B)
 *   cursor: u32 where the next allocation starts, anywhere in the current page; 0 before the first page
 *
 * The slack keeps the cursor inside its page (so that the cursor tells the page) and lets a whole 16-byte word be read from
 * any allocated byte.
 *
 * INVARIANT: one thread at a time allocates from an arena; a memtable's belong to the holder of the journal mutex. NOTE: so its words are plain:
 * an exclusive access waits for all stores before it, which miss the cache where memory is written for the first time.
 */
const ARENA_PREVIOUS: u32 = 0
export const ARENA_DATA: u32 = 16
export const ARENA_SLACK: u32 = 16
/** The largest allocation. */
export const ARENA_MAX_BYTES: u32 = PAGE_BYTES - ARENA_DATA - ARENA_SLACK

/**
 * Allocates from the arena whose cursor word is at `cursor`; adds the bytes of a new page to the word at `total`.
 * `bytes` ≤ ARENA_MAX_BYTES, a multiple of the alignment the caller wants (a power of 2 up to 16).
 * @returns memory with undefined content, or 0 if a page was needed and there is none.
 */
// @ts-ignore: decorator
@inline
export function arenaAllocate(cursor: u32, total: u32, bytes: u32): u32 {
  const at = loadU32(cursor)
  const used = at & (PAGE_BYTES - 1)
  if (at == 0 || bytes > PAGE_BYTES - ARENA_SLACK - used) return allocateInNewPage(cursor, total, bytes)
  storeU32(cursor, at + bytes)
  return at
}

function allocateInNewPage(cursor: u32, total: u32, bytes: u32): u32 {
  if (!ASC_NO_ASSERT) assert(bytes <= ARENA_MAX_BYTES)
  const page = allocateGroupPage()
  if (page == 0) return 0
  arenaBeginPage(page, pageOf(loadU32(cursor)))
  storeU32(cursor, page + ARENA_DATA + bytes)
  storeU32(total, loadU32(total) + PAGE_BYTES)
  return page + ARENA_DATA
}

/** Writes the header of an arena page: its allocations start at page + ARENA_DATA. */
export function arenaBeginPage(page: u32, previous: u32): void {
  storeU32(page + ARENA_PREVIOUS, previous)
}

/** Frees all pages of the arena whose cursor stands at `at` (0: none). INVARIANT: nobody uses them any more. */
export function arenaFree(at: u32): void {
  let page = pageOf(at)
  while (page != 0) {
    const previous = loadU32(page + ARENA_PREVIOUS)
    freePage(page)
    page = previous
  }
}
