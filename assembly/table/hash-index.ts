import { loadU32, loadU8, storeU8 } from '../memory/bytes'
import { BLOCK_PAYLOAD_TRAILER, TRAILER_HASH_BUCKETS, TRAILER_HASH_INDEX } from './block-layout'

/**
 * The hash index of a data block (docs/table-format.md): one byte for each bucket, which says where all versions of all user keys that fall into
 * the bucket are.
 *
 *   0 … 252 in that restart interval │ 254 in several intervals │ 255 there are none
 */
export const BUCKET_COLLISION: u32 = 254
export const BUCKET_EMPTY: u32 = 255
/** Restart intervals of a block with a hash index. */
export const HASH_INDEX_MAX_INTERVALS: u32 = 253
/** Buckets for each user key: no more than the room that an entry has while it is gathered (block-writer.ts). */
const BUCKETS_PER_KEY: u32 = 2

/**
 * The bits of a keyHash that choose the bucket: neither the uppermost, which choose a filter's line, nor the lowest, so that keys that
 * pass the filter by mistake do not meet in a bucket again.
 */
// @ts-ignore: decorator
@inline
export function bucketHash(hash: u64): u32 {
  return <u32>(hash >>> 16)
}

/** Number of buckets for so many user keys. */
// @ts-ignore: decorator
@inline
export function hashIndexBuckets(keys: u32): u32 {
  return keys * BUCKETS_PER_KEY
}

/** The bucket, below `buckets`, of a key with that bucketHash. */
// @ts-ignore: decorator
@inline
export function bucketOf(hash: u32, buckets: u32): u32 {
  return <u32>((<u64>hash * <u64>buckets) >>> 32)
}

/** Enters a version of a key into the index of `buckets` bytes, all BUCKET_EMPTY at first. */
export function hashIndexAdd(index: u32, buckets: u32, hash: u32, interval: u32): void {
  const at = index + bucketOf(hash, buckets)
  const found = loadU8(at)
  if (found == BUCKET_EMPTY) storeU8(at, interval)
  else if (found != interval) storeU8(at, BUCKET_COLLISION)
}

/** What the bucket of a key with that keyHash says; BUCKET_COLLISION if the block has no index. INVARIANT: the payload passed checkBlock. */
// @ts-ignore: decorator
@inline
export function hashIndexFind(payload: u32, length: u32, hash: u64): u32 {
  const trailer = payload + (length - BLOCK_PAYLOAD_TRAILER)
  const buckets = loadU32(trailer + TRAILER_HASH_BUCKETS)
  if (buckets == 0) return BUCKET_COLLISION
  return loadU8(payload + loadU32(trailer + TRAILER_HASH_INDEX) + bucketOf(bucketHash(hash), buckets))
}

/** Whether every bucket of an index names one of `intervals` restart intervals, a collision or nothing. */
export function checkBuckets(index: u32, buckets: u32, intervals: u32): bool {
  for (let i: u32 = 0; i < buckets; i++) {
    const bucket = loadU8(index + i)
    if (bucket >= intervals && bucket < BUCKET_COLLISION) return false
  }
  return true
}

/** Whether the bucket of a key with that keyHash leads to a version of it in that interval. */
// @ts-ignore: decorator
@inline
export function leadsTo(index: u32, buckets: u32, hash: u64, interval: u32): bool {
  const bucket = loadU8(index + bucketOf(bucketHash(hash), buckets))
  return bucket == interval || bucket == BUCKET_COLLISION
}
