import { CHAIN_CAPACITY, CHAIN_LENGTH, CHAIN_NEXT, CHAIN_SIBLING } from './layout'
import { loadU32, storeU32, storeU64 } from './bytes'
import { allocateGroupPage, freePage, freePages, paidPages } from './pages'

/** Page chains: values too large to lie inside a memtable's arena (the page is drawn in layout.ts). */

/** Number of pages of a chain for `length` bytes; at least one. */
export function chainPages(length: u32): u32 {
  return length == 0 ? 1 : (length - 1) / CHAIN_CAPACITY + 1
}

/** Sum of the data lengths of a chain's pages. */
export function chainBytes(firstPage: u32): u32 {
  let length: u32 = 0
  for (let page = firstPage; page != 0; page = loadU32(page + CHAIN_NEXT))
    length += loadU32(page + CHAIN_LENGTH)
  return length
}

/**
 * A chain for `length` bytes with its links and lengths set and its data undefined: every page full but the last.
 * @returns its first page, or 0 if there are not enough pages; then none is kept.
 */
export function allocateChain(length: u32): u32 {
  let missing = chainPages(length)
  // A hopeless request does not drain the pool first.
  if (missing > freePages() + paidPages()) return 0
  let chain: u32 = 0
  let pageLength = length - (missing - 1) * CHAIN_CAPACITY
  while (missing > 0) {
    const page = allocateGroupPage()
    if (page == 0) {
      freeChain(chain)
      return 0
    }
    storeU32(page + CHAIN_NEXT, chain)
    storeU32(page + CHAIN_LENGTH, pageLength)
    storeU64(page + CHAIN_SIBLING, 0)
    chain = page
    pageLength = CHAIN_CAPACITY
    missing--
  }
  return chain
}

/** Frees all pages of a chain; 0 is an empty one. INVARIANT: nobody reads it any more. */
export function freeChain(firstPage: u32): void {
  while (firstPage != 0) {
    const next = loadU32(firstPage + CHAIN_NEXT)
    freePage(firstPage)
    firstPage = next
  }
}
