import { fillBytes, loadF64, loadU32, loadU64, storeF64, storeU32, storeU64 } from '../memory/bytes'
import {
  BLOCK_FILTER,
  BUILDER_FILTER_LINES,
  BUILDER_FILTER_OFFSET,
  BUILDER_FILTER_PROBES,
  FILTER_BLOCK_LINES,
  FILTER_LINE_BYTES,
  PAGE_BYTES,
} from '../memory/layout'
import { allocatePage, freePages } from '../memory/pages'
import {
  BUILDER_BITS_PER_KEY,
  BUILDER_FILTER_BLOCKS,
  BUILDER_HASHES,
  BUILDER_HASH_NEXT,
  BUILDER_HASH_PAGE,
  BUILDER_HASH_PAGES,
  BUILDER_LAST_HASH,
  HASH_PAGE_FIRST,
  HASH_PAGE_PREVIOUS,
  freeHashes,
  outputBlock,
  outputPayload,
} from './builder-state'
import { filterAdd, filterLine } from './filter'
import { filterProbes } from './filter-probes'

/**
 * The filter of a table that is being built: the hash of every user key is remembered until their number is known, which the number of
 * lines follows from.
 *
 *   page of hashes: u32 page filled before it, 0 at the end | u32 unused | u64 × 16,383
 */

/** Pages of hashes a builder takes at most: 524,256 user keys. */
const HASH_PAGES_MAX: u32 = 32
/**
 * Pages of these that a flush always finds (FLUSH_PAGES in src/engine/room.ts): they are free again before the next table's builder is
 * made, which takes five. What else a flush needs is left free.
 */
const HASH_PAGES_RESERVED: u32 = 4
const FLUSH_LEFT_PAGES: u32 = 2
/** Beyond them it leaves free what writes leave free. */
const LEFT_PAGES: u32 = 24

/** Whether the table gets a filter. */
// @ts-ignore: decorator
@inline
export function hasFilter(builder: u32): bool {
  return loadF64(builder + BUILDER_BITS_PER_KEY) != 0
}

/**
 * Makes room for the hash of the user key that comes next. A table that gets not even a first page has no filter.
 * @returns false if the table must end before this user key.
 */
export function reserveHash(builder: u32, hash: u64): bool {
  if (isLastHash(builder, hash)) return true
  // At the end of a page, or without one.
  if ((loadU32(builder + BUILDER_HASH_NEXT) & (PAGE_BYTES - 1)) != 0) return true
  const pages = loadU32(builder + BUILDER_HASH_PAGES)
  const left = pages < HASH_PAGES_RESERVED ? FLUSH_LEFT_PAGES : LEFT_PAGES
  const page = pages < HASH_PAGES_MAX && freePages() > left ? allocatePage() : 0
  if (page == 0) {
    if (pages != 0) return false
    storeF64(builder + BUILDER_BITS_PER_KEY, 0)
    return true
  }
  storeU32(page + HASH_PAGE_PREVIOUS, loadU32(builder + BUILDER_HASH_PAGE))
  storeU32(builder + BUILDER_HASH_PAGE, page)
  storeU32(builder + BUILDER_HASH_NEXT, page + HASH_PAGE_FIRST)
  storeU32(builder + BUILDER_HASH_PAGES, pages + 1)
  return true
}

/** Remembers the hash of a user key, once for all its versions. INVARIANT: reserveHash made room for it. */
export function rememberHash(builder: u32, hash: u64): void {
  if (isLastHash(builder, hash)) return
  const at = loadU32(builder + BUILDER_HASH_NEXT)
  storeU64(at, hash)
  storeU32(builder + BUILDER_HASH_NEXT, at + 8)
  storeU32(builder + BUILDER_HASHES, loadU32(builder + BUILDER_HASHES) + 1)
  storeU64(builder + BUILDER_LAST_HASH, hash)
}

/** Two user keys with one hash are one key to a filter. */
// @ts-ignore: decorator
@inline
function isLastHash(builder: u32, hash: u64): bool {
  return loadU64(builder + BUILDER_LAST_HASH) == hash && loadU32(builder + BUILDER_HASHES) != 0
}

/** Writes the filter blocks and gives the hashes back. @returns false without room in the output: to be called again. */
export function finishFilter(builder: u32): bool {
  const hashes = loadU32(builder + BUILDER_HASHES)
  if (hashes == 0) return true
  const bitsPerKey = loadF64(builder + BUILDER_BITS_PER_KEY)
  const lines = <u32>ceil<f64>((<f64>hashes * bitsPerKey) / (8 * FILTER_LINE_BYTES))
  const probes = filterProbes(bitsPerKey)
  storeU32(builder + BUILDER_FILTER_LINES, lines)
  storeU32(builder + BUILDER_FILTER_PROBES, probes)
  let number = loadU32(builder + BUILDER_FILTER_BLOCKS)
  for (let first = number * FILTER_BLOCK_LINES; first < lines; first += FILTER_BLOCK_LINES) {
    const length = min(lines - first, FILTER_BLOCK_LINES) * FILTER_LINE_BYTES
    const payload = outputPayload(builder, length)
    if (payload == 0) return false
    fillBytes(payload, 0, length)
    addHashes(builder, payload, first, lines, probes)
    const offset = outputBlock(builder, BLOCK_FILTER, length)
    if (number == 0) storeF64(builder + BUILDER_FILTER_OFFSET, <f64>offset)
    storeU32(builder + BUILDER_FILTER_BLOCKS, ++number)
  }
  freeHashes(builder)
  return true
}

/** Adds all keys to the filter block at `payload` whose lines are in it; `first`: its first line. */
function addHashes(builder: u32, payload: u32, first: u32, lines: u32, probes: u32): void {
  let page = loadU32(builder + BUILDER_HASH_PAGE)
  let end = loadU32(builder + BUILDER_HASH_NEXT)
  while (page != 0) {
    for (let at = page + HASH_PAGE_FIRST; at < end; at += 8) {
      const hash = loadU64(at)
      const line = filterLine(hash, lines) - first
      if (line < FILTER_BLOCK_LINES) filterAdd(payload + line * FILTER_LINE_BYTES, hash, probes)
    }
    page = loadU32(page + HASH_PAGE_PREVIOUS)
    end = page + PAGE_BYTES
  }
}
