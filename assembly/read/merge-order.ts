import { loadU32, loadU64, loadU8, loadV128 } from '../memory/bytes'
import { compareBytes } from '../key/compare'
import { blockKeyLength } from '../table/block-reader'
import { CURSOR_HEAD, CURSOR_REST, CURSOR_SHARED, CURSOR_TRAILER } from '../table/block-entry'
import { SOURCE_PREFIX } from './merge-page'

/**
 * Order of the keys of two source records. A key is two slices, [head, +shared) and [rest, +rest length); its first 16 bytes are
 * cached in the record, zeros behind a shorter key, so most comparisons read no key.
 */
const PREFIX_BYTES: u32 = 16

/** Order of two user keys: below 0, 0 or above 0. */
// @ts-ignore: decorator
@inline
export function compareUserKeys(a: u32, b: u32): i32 {
  const differ = i8x16.bitmask(i8x16.ne(loadV128(a + SOURCE_PREFIX), loadV128(b + SOURCE_PREFIX)))
  if (differ != 0) {
    const i = ctz<u32>(differ)
    return <i32>loadU8(a + SOURCE_PREFIX + i) - <i32>loadU8(b + SOURCE_PREFIX + i)
  }
  return compareLong(a, b)
}

/** Order of two internal keys: user key ascending, trailer descending. Below 0 or above 0: internal keys are unique. */
// @ts-ignore: decorator
@inline
export function compareSources(a: u32, b: u32): i32 {
  const order = compareUserKeys(a, b)
  if (order != 0) return order
  return loadU64(a + CURSOR_TRAILER) > loadU64(b + CURSOR_TRAILER) ? -1 : 1
}

/** Whether two user keys are the same. */
// @ts-ignore: decorator
@inline
export function sameUserKey(a: u32, b: u32): bool {
  return (
    !v128.any_true(v128.xor(loadV128(a + SOURCE_PREFIX), loadV128(b + SOURCE_PREFIX))) &&
    blockKeyLength(a) == blockKeyLength(b) &&
    (blockKeyLength(a) <= PREFIX_BYTES || compareRests(a, b, blockKeyLength(a)) == 0)
  )
}

/** compareUserKeys of keys whose prefixes are equal. */
function compareLong(a: u32, b: u32): i32 {
  const aLength = blockKeyLength(a)
  const bLength = blockKeyLength(b)
  const common = min(aLength, bLength)
  if (common > PREFIX_BYTES) {
    const order = compareRests(a, b, common)
    if (order != 0) return order
  }
  // A byte beyond the shorter key is 0 in both prefixes, or lies behind them.
  return aLength < bLength ? -1 : aLength > bLength ? 1 : 0
}

/** Compares the first `length` > 16 bytes of two user keys whose prefixes are equal, slice by slice. */
function compareRests(a: u32, b: u32, length: u32): i32 {
  const aHead = loadU32(a + CURSOR_HEAD)
  const bHead = loadU32(b + CURSOR_HEAD)
  const aShared = loadU32(a + CURSOR_SHARED)
  const bShared = loadU32(b + CURSOR_SHARED)
  let at = PREFIX_BYTES
  // Neighbours in a block share their head.
  if (aHead == bHead) at = max(at, min(aShared, bShared))
  while (at < length) {
    let run = length - at
    let p: u32
    let q: u32
    if (at < aShared) {
      p = aHead + at
      run = min(run, aShared - at)
    } else {
      p = loadU32(a + CURSOR_REST) + (at - aShared)
    }
    if (at < bShared) {
      q = bHead + at
      run = min(run, bShared - at)
    } else {
      q = loadU32(b + CURSOR_REST) + (at - bShared)
    }
    const order = compareBytes(p, run, q, run)
    if (order != 0) return order
    at += run
  }
  return 0
}
