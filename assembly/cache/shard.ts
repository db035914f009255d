import {
  CACHE_LIMIT_PAGES,
  CACHE_PAGES,
  CACHE_SHARD_COUNT,
  CONTROL_CACHE,
  CONTROL_POISON,
  SHARD_BLOCKS,
  SHARD_EVICTIONS,
  SHARD_LOCK,
} from '../memory/layout'
import {
  atomicAddU32,
  atomicLoadU32,
  atomicStoreU32,
  compareExchangeU32,
  loadU32,
  moveBytes,
  storeU32,
} from '../memory/bytes'
import { allocatePage, freePage, freePages } from '../memory/pages'
import { threadMark } from '../memory/thread'
import { bucketOf, ghostAdd, hashOf } from './buckets'
import {
  PAGE_FRAMES,
  frameFrequency,
  frameIn,
  frameLink,
  frameNext,
  frameOffset,
  frameOrdinal,
  frameRoom,
  frameSize,
  isPageEmpty,
  isPagePinned,
  pageEnd,
  pageNext,
  pageReserve,
  pageReset,
  setFrameFrequency,
  setPageEnd,
  setPageNext,
} from './cache-page'

/**
 * A shard of the block cache: two queues of pages, after S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction",
 * SOSP 2023), with pages in the place of single blocks.
 *
 *   new blocks → small queue (a tenth of the pages) → read again meanwhile? → main queue → read again meanwhile? stays, one use less
 *                                                   ↘ dropped, remembered as a ghost: a block that comes back soon goes to main at once
 *
 * A scan passes through the small queue and leaves the main one alone.
 *
 *   shard: u32 lock, slot index + 1 of who holds it | u32 oldest, u32 newest page of the small queue | the same of the main queue | u32 pages of the small, of the
 *          main queue | u32 zero | statistics (layout.ts)
 */
/** Queues, as offsets: u32 oldest page, u32 newest page, which takes the frames. */
export const QUEUE_SMALL: u32 = 4
export const QUEUE_MAIN: u32 = 12
const QUEUE_NEWEST: u32 = 4
/** u32: pages of a queue, at half the queue's offset from here. */
const SHARD_SMALL_PAGES: u32 = 20
const SHARD_MAIN_PAGES: u32 = 24

/** A page for each queue: with fewer, what one queue takes empties the other, and a read whose index is in one and whose data is in the other never has both. */
const SHARD_PAGES_MIN: u32 = 2
/** One page in so many is the small queue's. */
const SMALL_SHARE: u32 = 10
/** Pages of the main queue that are looked through for uses before the next one is dropped as it is. */
const RECLAIM_TRIES: u32 = 8
/** Free pages of the database that the cache leaves alone. */
const LEFT_FREE_PAGES: u32 = 16

// ── lock ─────────────────────────────────────────────────────────────────────────────────────────────────

/** So many looks at a lock that is taken, then one at the poison. */
const SPINS: u32 = 65536

// @ts-ignore: decorator
@inline
export function shardLock(shard: u32): void {
  if (!compareExchangeU32(shard + SHARD_LOCK, 0, threadMark)) shardLockSlowly(shard)
}

/** NOTE: spins: whoever holds it copies a page at most. Of one that died in it the monitor poisons, and whoever waits traps, as the cache may be half changed. */
function shardLockSlowly(shard: u32): void {
  for (let spins: u32 = 1; !compareExchangeU32(shard + SHARD_LOCK, 0, threadMark); spins++) {
    if (spins % SPINS == 0 && atomicLoadU32(CONTROL_POISON) != 0) unreachable()
  }
}

// @ts-ignore: decorator
@inline
export function shardUnlock(shard: u32): void {
  atomicStoreU32(shard + SHARD_LOCK, 0)
}

// ── queues (all below: the shard is locked) ──────────────────────────────────────────────────────────────

function pagesWord(shard: u32, queue: u32): u32 {
  return shard + (queue == QUEUE_SMALL ? SHARD_SMALL_PAGES : SHARD_MAIN_PAGES)
}

function append(shard: u32, queue: u32, page: u32): void {
  const at = shard + queue
  const newest = loadU32(at + QUEUE_NEWEST)
  setPageNext(page, 0)
  if (newest == 0) storeU32(at, page)
  else setPageNext(newest, page)
  storeU32(at + QUEUE_NEWEST, page)
  const count = pagesWord(shard, queue)
  storeU32(count, loadU32(count) + 1)
}

/** Takes the oldest page that is not pinned out of a queue; 0 if there is none. */
function takeOldest(shard: u32, queue: u32): u32 {
  const count = pagesWord(shard, queue)
  for (let left = loadU32(count); left > 0; left--) {
    const page = loadU32(shard + queue)
    const next = pageNext(page)
    storeU32(shard + queue, next)
    if (next == 0) storeU32(shard + queue + QUEUE_NEWEST, 0)
    storeU32(count, loadU32(count) - 1)
    if (!isPagePinned(page)) return page
    append(shard, queue, page)
  }
  return 0
}

/** A room of `size` bytes in a queue, found or made; 0 if everything is pinned and no page is left. */
export function shardReserve(shard: u32, queue: u32, size: u32): u32 {
  const room = reserveInNewest(shard, queue, size)
  if (room != 0) return room
  const page = takePage(shard)
  // NOTE: without a page, making one may still have given the queue room.
  if (page == 0) return reserveInNewest(shard, queue, size)
  append(shard, queue, page)
  return pageReserve(page, size)
}

function reserveInNewest(shard: u32, queue: u32, size: u32): u32 {
  const newest = loadU32(shard + queue + QUEUE_NEWEST)
  return newest == 0 ? 0 : pageReserve(newest, size)
}

/** Frees the page that would go next, with all its frames. @returns false if every page is pinned. */
export function shardShrink(shard: u32): bool {
  let page = takeOldest(shard, QUEUE_SMALL)
  if (page == 0) page = takeOldest(shard, QUEUE_MAIN)
  if (page == 0) return false
  for (let room = page + PAGE_FRAMES; room < pageEnd(page);) {
    const frame = frameIn(room)
    drop(shard, frame)
    room += frameSize(frame)
  }
  atomicAddU32(CONTROL_CACHE + CACHE_PAGES, -1)
  freePage(page)
  return true
}

// ── making pages empty ───────────────────────────────────────────────────────────────────────────────────

/** An empty page in no queue; 0 if everything is pinned and there is none to take. */
function takePage(shard: u32): u32 {
  const share = loadU32(CONTROL_CACHE + CACHE_LIMIT_PAGES) / loadU32(CONTROL_CACHE + CACHE_SHARD_COUNT)
  const limit = max<u32>(share, SHARD_PAGES_MIN)
  // NOTE: what a read took beyond the limit, while all was pinned, is given back here.
  while (
    loadU32(shard + SHARD_SMALL_PAGES) + loadU32(shard + SHARD_MAIN_PAGES) > limit &&
    shardShrink(shard)
  );
  const small = loadU32(shard + SHARD_SMALL_PAGES)
  const main = loadU32(shard + SHARD_MAIN_PAGES)
  if (small + main < limit && freePages() > LEFT_FREE_PAGES) {
    const page = poolPage()
    if (page != 0) return page
  }
  let page: u32 = 0
  if (small > 1 && small * SMALL_SHARE > small + main) page = reclaimSmall(shard)
  if (page == 0) page = reclaimMain(shard)
  if (page == 0) page = reclaimSmall(shard)
  // NOTE: all are pinned: the read in progress may exceed the limit, as long as there are pages at all.
  return page != 0 ? page : poolPage()
}

function poolPage(): u32 {
  const page = allocatePage()
  if (page == 0) return 0
  atomicAddU32(CONTROL_CACHE + CACHE_PAGES, 1)
  pageReset(page)
  return page
}

/**
 * Empties a page of the small queue. What was used meanwhile moves to the main queue, if need be with its page; then the next page is
 * emptied.
 */
function reclaimSmall(shard: u32): u32 {
  while (true) {
    const page = takeOldest(shard, QUEUE_SMALL)
    if (page == 0) return 0
    sift(shard, page, true, false)
    if (isPageEmpty(page)) return page
    append(shard, QUEUE_MAIN, page)
  }
}

/** Empties a page of the main queue. What was used since it was last looked at stays, with one use less. */
function reclaimMain(shard: u32): u32 {
  let tries: u32 = 0
  while (true) {
    const page = takeOldest(shard, QUEUE_MAIN)
    if (page == 0) return 0
    sift(shard, page, false, tries >= RECLAIM_TRIES)
    if (isPageEmpty(page)) return page
    append(shard, QUEUE_MAIN, page)
    tries++
  }
}

/**
 * Drops the frames of a page, which is in no queue, that were not used, or all of them. The others go to the main queue's newest page as long as
 * that has room, and then close together in their own.
 */
function sift(shard: u32, page: u32, isSmall: bool, dropsAll: bool): void {
  const end = pageEnd(page)
  let kept = page + PAGE_FRAMES
  let room = kept
  while (room < end) {
    const frame = frameIn(room)
    const size = frameSize(frame)
    const frequency = frameFrequency(frame)
    if (frequency == 0 || dropsAll) {
      if (isSmall) ghostAdd(hashOf(frameOrdinal(frame), frameOffset(frame)))
      drop(shard, frame)
    } else {
      let to = reserveInNewest(shard, QUEUE_MAIN, size)
      if (to == 0) {
        to = kept
        kept += size
      }
      // NOTE: before it moves: its header may be overwritten by its own bytes.
      setFrameFrequency(frame, isSmall ? 0 : frequency - 1)
      if (to != room) move(frame, to)
    }
    room += size
  }
  setPageEnd(page, kept)
}

/** Takes a frame out of its bucket. */
function drop(shard: u32, frame: u32): void {
  storeU32(linkTo(frame), frameNext(frame))
  storeU32(shard + SHARD_BLOCKS, loadU32(shard + SHARD_BLOCKS) - 1)
  storeU32(shard + SHARD_EVICTIONS, loadU32(shard + SHARD_EVICTIONS) + 1)
}

/** Moves a frame to a room, which may overlap its own from below. */
function move(frame: u32, to: u32): void {
  const room = frameRoom(frame)
  storeU32(linkTo(frame), frame - room + to)
  moveBytes(to, room, frameSize(frame))
}

/** The word of the bucket or of another frame that names a frame. */
function linkTo(frame: u32): u32 {
  let link = bucketOf(hashOf(frameOrdinal(frame), frameOffset(frame)))
  while (loadU32(link) != frame) link = frameLink(loadU32(link))
  return link
}
