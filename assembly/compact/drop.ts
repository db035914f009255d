import { trailerType } from '../key/internal-key'
import { loadU32 } from '../memory/bytes'
import { TYPE_EXTENT, TYPE_TOMBSTONE, TYPE_VALUE, TYPE_WEAK_TOMBSTONE } from '../memory/layout'
import { CURSOR_REST, CURSOR_REST_LENGTH } from '../table/block-entry'
import { mayHold } from './older'
import {
  currentEntry,
  STREAM_HAS_NEWER,
  STREAM_NEWER_STRIPE,
  STREAM_OLDER,
  STREAM_TOMBSTONE_STRIPE,
} from './stream-page'
import { isBelowBarrier, isSeenByAll } from './stripes'

/**
 * What a flush or a compaction may drop (docs/compaction.md). Entries of a user key come newest first; everything is said about one of them,
 * in its stripe, and the one before it.
 */

// @ts-ignore: decorator
@inline
export function isTombstone(trailer: u64): bool {
  const type = trailerType(trailer)
  return type == TYPE_TOMBSTONE || type == TYPE_WEAK_TOMBSTONE
}

// @ts-ignore: decorator
@inline
export function isWeak(trailer: u64): bool {
  return trailerType(trailer) == TYPE_WEAK_TOMBSTONE
}

/**
 * An older version of a key goes iff no member s of the set has older < s ≤ newer, and newer < B: then both lie in one stripe below B.
 * INVARIANT: STREAM_NEWER_STRIPE is that of the version just above, kept or not.
 */
// @ts-ignore: decorator
@inline
export function isHidden(stream: u32, stripe: u32): bool {
  return (
    loadU32(stream + STREAM_HAS_NEWER) != 0 &&
    loadU32(stream + STREAM_NEWER_STRIPE) == stripe &&
    isBelowBarrier(stream, stripe)
  )
}

/**
 * A tombstone goes when every read sees it and nothing below it is left to hide: below the oldest member, and no older table may hold
 * the key. Its user key is the current one.
 */
export function isTombstoneDone(stream: u32, stripe: u32): bool {
  if (!isSeenByAll(stream, stripe)) return false
  const entry = currentEntry(stream)
  return !mayHold(
    loadU32(stream + STREAM_OLDER),
    loadU32(entry + CURSOR_REST),
    loadU32(entry + CURSOR_REST_LENGTH),
  )
}

/**
 * Whether an entry goes.
 *
 * NOTE: a tombstone below a newer version is hidden like a value, but does not go for that: it keeps what lies in older tables dead, if the
 * version above it is one day annihilated by a weak tombstone. It goes if a tombstone of the same stripe was kept, which does the same.
 */
export function isDropped(stream: u32, trailer: u64, stripe: u32): bool {
  if (!isTombstone(trailer)) return isHidden(stream, stripe)
  if (isHidden(stream, stripe) && loadU32(stream + STREAM_TOMBSTONE_STRIPE) == stripe) return true
  return isTombstoneDone(stream, stripe)
}

/** Whether a weak tombstone and the entry just below it, in these stripes, go together. */
export function annihilate(stream: u32, weakStripe: u32, trailer: u64, stripe: u32): bool {
  const type = trailerType(trailer)
  return (type == TYPE_VALUE || type == TYPE_EXTENT) && weakStripe == stripe && isBelowBarrier(stream, stripe)
}

/** Whether the entry just below a weak tombstone is another one that this one stands for: nothing lies between them. */
export function repeatsWeak(stream: u32, weakStripe: u32, trailer: u64, stripe: u32): bool {
  return isWeak(trailer) && weakStripe == stripe && isBelowBarrier(stream, stripe)
}
