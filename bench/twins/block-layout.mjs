/** Offsets in the trailer of a block's payload (docs/table-format.md). */
export const TRAILER_BYTES = 32
export const TRAILER_BASE_SEQNO = 0
export const TRAILER_ENTRIES = 8
export const TRAILER_RESTARTS = 12
export const TRAILER_RESTART_ARRAY = 16
export const TRAILER_HASH_INDEX = 20
export const TRAILER_HASH_BUCKETS = 24
export const TRAILER_INTERVAL = 28
export const BUCKET_COLLISION = 254
export const BUCKET_EMPTY = 255
export const TWO_32 = 4294967296

/** The bucket, below `buckets`, of a key with that word of its hash. */
export function bucketOf(word, buckets) {
  return Math.floor(((word >>> 0) * buckets) / TWO_32)
}
