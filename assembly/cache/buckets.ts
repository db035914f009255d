import { CACHE_PINS, CACHE_TABLES, CONTROL_CACHE, CONTROL_SEED, PAGE_BYTES } from '../memory/layout'
import { fillBytes, loadU32, loadU64, storeU32 } from '../memory/bytes'
import { allocatePage } from '../memory/pages'
import { allocateRecord } from '../memory/records'

/**
 * Where a block is in the cache: a hash table of chains, and beside it the ghosts.
 *
 *   tables: u32 mask of the buckets | u32 mask of the ghosts | 8 zero | u32 × 32 bucket pages | u32 × 32 ghost pages
 *   bucket: u32 first frame of its chain, 0 at the end
 *   ghost:  u32 upper half of the hash of a block dropped from a small queue, in the place of the hash's lower half; the next one
 *           there overwrites it, so ghosts fade
 *
 * A bucket and its chain belong to the shard that the lowest bits of the bucket's number name.
 */
const TABLES_BUCKET_MASK: u32 = 0
const TABLES_GHOST_MASK: u32 = 4
const TABLES_BUCKETS: u32 = 16
/** A power of two. */
const TABLES_MAX_PAGES: u32 = 32
const TABLES_GHOSTS: u32 = TABLES_BUCKETS + 4 * TABLES_MAX_PAGES
const TABLES_BYTES: u32 = TABLES_GHOSTS + 4 * TABLES_MAX_PAGES

const PAGE_WORDS_SHIFT: u32 = 15
const PAGE_WORDS: u32 = PAGE_BYTES / 4

/** Sets up tables for about `blocks` blocks, and the counters of pins. @returns false without pages (those taken stay taken: the database cannot open). */
export function createTables(blocks: u32): bool {
  const tables = allocateRecord(TABLES_BYTES)
  if (tables == 0) return false
  let pages: u32 = 1
  while (pages < TABLES_MAX_PAGES && pages * PAGE_WORDS < blocks) pages <<= 1
  const ghostPages = max<u32>(1, pages >>> 1)
  storeU32(tables + TABLES_BUCKET_MASK, pages * PAGE_WORDS - 1)
  storeU32(tables + TABLES_GHOST_MASK, ghostPages * PAGE_WORDS - 1)
  for (let i: u32 = 0; i < pages + ghostPages; i++) {
    const page = allocatePage()
    if (page == 0) return false
    fillBytes(page, 0, PAGE_BYTES)
    storeU32(tables + (i < pages ? TABLES_BUCKETS + 4 * i : TABLES_GHOSTS + 4 * (i - pages)), page)
  }
  const pins = allocatePage()
  if (pins == 0) return false
  fillBytes(pins, 0, PAGE_BYTES)
  storeU32(CONTROL_CACHE + CACHE_PINS, pins)
  storeU32(CONTROL_CACHE + CACHE_TABLES, tables)
  return true
}

/** The hash of a block's name, another one in each database: who chooses sizes of values has a say in offsets. */
// @ts-ignore: decorator
@inline
export function hashOf(ordinal: u32, offset: u64): u64 {
  const name = offset ^ ((<u64>ordinal) << 40) ^ (<u64>(ordinal >>> 8))
  let x = (name ^ loadU64(CONTROL_SEED)) * 0x9e3779b97f4a7c15
  x ^= x >>> 32
  x *= 0xd6e8feb86659fd93
  return x ^ (x >>> 32)
}

/** Address of the bucket's word. */
// @ts-ignore: decorator
@inline
export function bucketOf(hash: u64): u32 {
  const tables = loadU32(CONTROL_CACHE + CACHE_TABLES)
  const bucket = (<u32>hash) & loadU32(tables + TABLES_BUCKET_MASK)
  return (
    loadU32(tables + TABLES_BUCKETS + 4 * (bucket >>> PAGE_WORDS_SHIFT)) + 4 * (bucket & (PAGE_WORDS - 1))
  )
}

/** Remembers a block that was dropped. */
export function ghostAdd(hash: u64): void {
  storeU32(ghostOf(hash), <u32>(hash >>> 32))
}

/** Whether a block was dropped not long ago (or one with much the same hash). */
export function isGhost(hash: u64): bool {
  return loadU32(ghostOf(hash)) == <u32>(hash >>> 32)
}

function ghostOf(hash: u64): u32 {
  const tables = loadU32(CONTROL_CACHE + CACHE_TABLES)
  const ghost = (<u32>hash) & loadU32(tables + TABLES_GHOST_MASK)
  return loadU32(tables + TABLES_GHOSTS + 4 * (ghost >>> PAGE_WORDS_SHIFT)) + 4 * (ghost & (PAGE_WORDS - 1))
}
