import { loadU32, loadU64 } from '../memory/bytes'
import { STREAM_MEMBERS } from '../memory/layout'
import { STREAM_MEMBER_COUNT } from './stream-page'

/**
 * The set that decides what may be dropped: the live snapshots below B and, last, B itself, ascending. It divides the seqnos into stripes: no read
 * can tell two entries of one stripe apart, except in the uppermost one, from B on, where snapshots may be that came too late for the set.
 */

/** Number of the stripe that a seqno lies in, which is the number of members s ≤ seqno. */
export function stripeOf(stream: u32, seqno: u64): u32 {
  let low: u32 = 0
  let high = loadU32(stream + STREAM_MEMBER_COUNT)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (loadU64(stream + STREAM_MEMBERS + 8 * middle) <= seqno) low = middle + 1
    else high = middle
  }
  return low
}

/** Whether a stripe lies below B. */
// @ts-ignore: decorator
@inline
export function isBelowBarrier(stream: u32, stripe: u32): bool {
  return stripe < loadU32(stream + STREAM_MEMBER_COUNT)
}

/** Whether all reads from now on see an entry in that stripe, or a newer one of its key. */
// @ts-ignore: decorator
@inline
export function isSeenByAll(stream: u32, stripe: u32): bool {
  return stripe == 0 && loadU32(stream + STREAM_MEMBER_COUNT) != 0
}
