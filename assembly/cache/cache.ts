import {
  CACHE_FLOOR_PAGES,
  CACHE_LIMIT_PAGES,
  CACHE_MAX_SHARDS,
  CACHE_PAGES,
  CACHE_SHARDS,
  CACHE_SHARD_COUNT,
  CONTROL_CACHE,
  PAGE_BYTES,
  SHARD_BLOCKS,
  SHARD_BYTES,
  SHARD_RETURNS,
  SLOT_CACHE_HITS,
  SLOT_CACHE_MISSES,
  SLOT_FETCHED,
  TABLE_ORDINAL,
} from '../memory/layout'
import { atomicLoadU32, copyBytes, loadU32, loadU64, storeU32, storeU64 } from '../memory/bytes'
import { bucketOf, createTables, hashOf, isGhost } from './buckets'
import {
  frameBytes,
  frameCreate,
  frameFetch,
  frameNext,
  frameOffset,
  frameOrdinal,
  framePayload,
  framePin,
  frameTouch,
} from './cache-page'
import { QUEUE_MAIN, QUEUE_SMALL, shardLock, shardReserve, shardShrink, shardUnlock } from './shard'

/**
 * The block cache: payloads of checked blocks, shared by all keyspaces and threads, named by (table ordinal, offset). What is found
 * is pinned and stays in place until it is let go.
 */
export { frameLength, framePayload, frameUnpin } from './cache-page'

/** A shard has at least so many pages, so that its small queue is small. */
const SHARD_MIN_PAGES: u32 = 16
/** Blocks a page holds, about. */
const BLOCKS_PER_PAGE: u32 = 30

/** KernelExports.cacheCreate. */
export function cacheCreate(limitPages: u32, floorPages: u32): bool {
  let shards: u32 = 1
  while (shards < CACHE_MAX_SHARDS && floorPages >= shards * 2 * SHARD_MIN_PAGES) shards <<= 1
  storeU32(CONTROL_CACHE + CACHE_LIMIT_PAGES, limitPages)
  storeU32(CONTROL_CACHE + CACHE_FLOOR_PAGES, floorPages)
  storeU32(CONTROL_CACHE + CACHE_SHARD_COUNT, shards)
  return createTables(limitPages * BLOCKS_PER_PAGE)
}

/**
 * Finds a block and pins it. `touch`: the block is wanted for itself, not because a scan comes through again.
 * @returns its frame, or 0.
 */
export function cacheFind(slot: u32, table: u32, offset: u64, kind: u32, touch: bool): u32 {
  const ordinal = loadU32(table + TABLE_ORDINAL)
  const hash = hashOf(ordinal, offset)
  const shard = shardOf(hash)
  shardLock(shard)
  const first = loadU32(bucketOf(hash))
  fetchBlockEnd(slot, first)
  const frame = search(first, ordinal, offset)
  let fetched: bool = false
  if (frame != 0) {
    framePin(frame)
    fetched = frameFetch(frame)
    if (touch && !fetched) frameTouch(frame)
  }
  shardUnlock(shard)
  // NOTE: the fetch was counted when it missed.
  if (fetched) return frame
  const counter = slot + (frame != 0 ? SLOT_CACHE_HITS : SLOT_CACHE_MISSES) + 8 * kind
  storeU64(counter, loadU64(counter) + 1)
  return frame
}

/** Whether a block is there. It is no use of it, and nobody counts it. */
export function cacheHolds(table: u32, offset: u64): bool {
  const ordinal = loadU32(table + TABLE_ORDINAL)
  const hash = hashOf(ordinal, offset)
  const shard = shardOf(hash)
  shardLock(shard)
  const frame = search(loadU32(bucketOf(hash)), ordinal, offset)
  shardUnlock(shard)
  return frame != 0
}

/**
 * Adds a block with the payload at [payload, + length), length ≤ BLOCK_MAX_CACHED_PAYLOAD, and pins it; another thread may have been
 * faster. @returns its frame, or 0 if there is no page for it.
 */
export function cacheInsert(table: u32, offset: u64, kind: u32, payload: u32, length: u32): u32 {
  const ordinal = loadU32(table + TABLE_ORDINAL)
  const hash = hashOf(ordinal, offset)
  const shard = shardOf(hash)
  shardLock(shard)
  const bucket = bucketOf(hash)
  let frame = search(loadU32(bucket), ordinal, offset)
  if (frame == 0) {
    const returns = isGhost(hash)
    const room = shardReserve(shard, returns ? QUEUE_MAIN : QUEUE_SMALL, frameBytes(length))
    if (room != 0) {
      frame = frameCreate(room, loadU32(bucket), ordinal, offset, kind, length)
      copyBytes(framePayload(frame), payload, length)
      storeU32(bucket, frame)
      storeU32(shard + SHARD_BLOCKS, loadU32(shard + SHARD_BLOCKS) + 1)
      if (returns) storeU32(shard + SHARD_RETURNS, loadU32(shard + SHARD_RETURNS) + 1)
    }
  }
  if (frame != 0) framePin(frame)
  shardUnlock(shard)
  return frame
}

/** KernelExports.cacheShrink. */
export function cacheShrink(count: u32): u32 {
  const shards = loadU32(CONTROL_CACHE + CACHE_SHARD_COUNT)
  let freed: u32 = 0
  // Round after round, so that all shards shrink alike.
  for (let idle: u32 = 0, i: u32 = 0; freed < count && idle < shards; i = (i + 1) & (shards - 1)) {
    if (atomicLoadU32(CONTROL_CACHE + CACHE_PAGES) <= loadU32(CONTROL_CACHE + CACHE_FLOOR_PAGES)) break
    const shard = CONTROL_CACHE + CACHE_SHARDS + i * SHARD_BYTES
    shardLock(shard)
    const done = shardShrink(shard)
    shardUnlock(shard)
    if (done) {
      freed++
      idle = 0
    } else {
      idle++
    }
  }
  return freed
}

/**
 * Has the processor fetch the end of a block, where its restart array and hash index are, together with its header instead of after it.
 * `frame`: most likely the block's, or 0. INVARIANT: its shard is locked.
 */
// @ts-ignore: decorator
@inline
function fetchBlockEnd(slot: u32, frame: u32): void {
  if (frame == 0) return
  const page = frame & ~(PAGE_BYTES - 1)
  storeU32(slot + SLOT_FETCHED, loadU32(max(frame - 64, page)) + loadU32(max(frame - 128, page)))
}

/** The frame of a block in the chain of a bucket from `frame` on, or 0. INVARIANT: its shard is locked. */
// @ts-ignore: decorator
@inline
function search(frame: u32, ordinal: u32, offset: u64): u32 {
  while (frame != 0 && (frameOffset(frame) != offset || frameOrdinal(frame) != ordinal))
    frame = frameNext(frame)
  return frame
}

// @ts-ignore: decorator
@inline
function shardOf(hash: u64): u32 {
  return (
    CONTROL_CACHE +
    CACHE_SHARDS +
    ((<u32>hash) & (loadU32(CONTROL_CACHE + CACHE_SHARD_COUNT) - 1)) * SHARD_BYTES
  )
}
