import { loadU16, loadU32, loadU64, loadU8, loadV128 } from '../memory/bytes'

/**
 * The order of keys: unsigned bytes, a prefix before what it is a prefix of. Functions read exactly the bytes they are
 * given: a tail shorter than a word is read as the last whole word, whose other bytes were compared before.
 */

/** Order of the first bytes in which two different little-endian words differ: below 0 if x's is smaller. */
// @ts-ignore: decorator
@inline
export function compareWords(x: u64, y: u64): i32 {
  const shift = ctz<u64>(x ^ y) & 56
  return <i32>((x >>> shift) & 255) - <i32>((y >>> shift) & 255)
}

/** How many leading bytes [a, a + limit) and [b, b + limit) have in common. */
export function commonPrefix(a: u32, b: u32, limit: u32): u32 {
  let i: u32 = 0
  while (limit - i >= 16) {
    const mask = i8x16.bitmask(i8x16.ne(loadV128(a + i), loadV128(b + i)))
    if (mask != 0) return i + ctz<u32>(mask)
    i += 16
  }
  if (limit - i >= 8) {
    const differ = loadU64(a + i) ^ loadU64(b + i)
    if (differ != 0) return i + <u32>(ctz<u64>(differ) >>> 3)
    i += 8
  }
  while (i < limit && loadU8(a + i) == loadU8(b + i)) i++
  return i
}

/** Compares [a, a + aLength) with [b, b + bLength). @returns below 0, 0 or above 0. */
export function compareBytes(a: u32, aLength: u32, b: u32, bLength: u32): i32 {
  const length = min(aLength, bLength)
  if (length >= 8) {
    let i: u32 = 0
    while (length - i >= 16) {
      const mask = i8x16.bitmask(i8x16.ne(loadV128(a + i), loadV128(b + i)))
      if (mask != 0) {
        i += ctz<u32>(mask)
        return <i32>loadU8(a + i) - <i32>loadU8(b + i)
      }
      i += 16
    }
    if (length - i >= 8) {
      const x = loadU64(a + i)
      const y = loadU64(b + i)
      if (x != y) return compareWords(x, y)
    }
    const x = loadU64(a + (length - 8))
    const y = loadU64(b + (length - 8))
    if (x != y) return compareWords(x, y)
  } else {
    const x = loadShort(a, length)
    const y = loadShort(b, length)
    if (x != y) return compareWords(x, y)
  }
  return aLength < bLength ? -1 : aLength > bLength ? 1 : 0
}

/** Whether [a, a + length) and [b, b + length) are the same bytes. */
export function equalBytes(a: u32, b: u32, length: u32): bool {
  if (length >= 16) {
    const last = length - 16
    for (let i: u32 = 0; i < last; i += 16) {
      if (v128.any_true(v128.xor(loadV128(a + i), loadV128(b + i)))) return false
    }
    return !v128.any_true(v128.xor(loadV128(a + last), loadV128(b + last)))
  }
  if (length >= 8) {
    return loadU64(a) == loadU64(b) && loadU64(a + (length - 8)) == loadU64(b + (length - 8))
  }
  return loadShort(a, length) == loadShort(b, length)
}

/**
 * Order of two internal keys: user key ascending, then trailer (seqno << 8 | type byte) descending.
 * @returns below 0, 0 or above 0.
 */
// @ts-ignore: decorator
@inline
export function compareInternal(
  a: u32,
  aLength: u32,
  aTrailer: u64,
  b: u32,
  bLength: u32,
  bTrailer: u64,
): i32 {
  const order = compareBytes(a, aLength, b, bLength)
  if (order != 0) return order
  return aTrailer > bTrailer ? -1 : aTrailer < bTrailer ? 1 : 0
}

/** The `length` ≤ 7 bytes at p as a little-endian word, zeros above. Reads exactly these bytes. */
// @ts-ignore: decorator
@inline
export function loadShort(p: u32, length: u32): u64 {
  if (length >= 4) {
    const last: u64 = loadU32(p + (length - 4))
    const shift: u64 = (length - 4) << 3
    return (last << shift) | loadU32(p)
  }
  if (length >= 2) {
    return <u64>(loadU16(p) | (loadU16(p + (length - 2)) << ((length - 2) << 3)))
  }
  return length == 0 ? 0 : <u64>loadU8(p)
}

/**
 * The first 16 bytes of [p, p + length), zeros behind a shorter key: the word of a key that a search compares first.
 * Reads nothing at or past p + length.
 */
export function loadPrefix(p: u32, length: u32): v128 {
  if (length >= 16) return loadV128(p)
  let low: u64
  let high: u64 = 0
  if (length >= 8) {
    low = loadU64(p)
    if (length > 8) high = loadU64(p + (length - 8)) >>> ((<u64>(16 - length)) << 3)
  } else {
    low = loadShort(p, length)
  }
  return i64x2.replace_lane(i64x2.splat(low), 1, high)
}
