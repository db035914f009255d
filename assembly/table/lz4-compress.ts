import {
  copyBytes,
  fillBytes,
  loadU16,
  loadU32,
  loadU64,
  loadU8,
  loadV128,
  storeU16,
  storeU8,
  storeV128,
} from '../memory/bytes'
import { BLOCK_MAX_BYTES } from '../memory/layout'
import { LENGTH_BITS, LENGTH_BYTE_MORE, LENGTH_MORE, MATCH_MIN_BYTES, OFFSET_MAX } from './lz4-layout'

/** Bytes of lz4Compress's scratch: a hash table of u16, the positions (modulo 2^16) at which the hashed bytes were seen last. */
export const LZ4_SCRATCH_BYTES: u32 = 16384
const HASH_BITS: u32 = 13
/** Short inputs use less of it, because it is cleared for each. */
const SHORT_HASH_BITS: u32 = 12
const SHORT_BYTES: u32 = 8192
/** A prime that spreads the 5 bytes that are hashed. */
const HASH_FACTOR: u64 = 889523592379

/** Decoders rely on it that the last bytes are literals and that no match begins close to the end. */
const LAST_LITERALS: u32 = 5
const MATCH_START_LIMIT: u32 = 12
/** After 2^6 places without a match the search goes by steps of 2, after another 2^6 of 3, and so on. */
const SKIP_BITS: u32 = 6

/**
 * Compresses [from, from + length), length ≤ BLOCK_MAX_BYTES, to [to, to + capacity) in the LZ4 block format. The two and the scratch
 * (LZ4_SCRATCH_BYTES, content undefined) do not overlap; nothing outside of them is read or written. The same input has always
 * the same output.
 * @returns the bytes written, or 0 if they do not fit: then what [to, to + capacity) holds is undefined.
 */
export function lz4Compress(from: u32, length: u32, to: u32, capacity: u32, scratch: u32): u32 {
  if (!ASC_NO_ASSERT) assert(length <= BLOCK_MAX_BYTES)
  const end = from + length
  const outEnd = to + capacity
  let out = to
  let anchor = from
  if (length > MATCH_START_LIMIT) {
    const isShort = length <= SHORT_BYTES
    const shift: u64 = 64 - (isShort ? SHORT_HASH_BITS : HASH_BITS)
    fillBytes(scratch, 0, 2 << (isShort ? SHORT_HASH_BITS : HASH_BITS))
    const startLimit = end - MATCH_START_LIMIT
    const matchLimit = end - LAST_LITERALS
    let p = from + 1
    let searched: u32 = 1 << SKIP_BITS
    while (p <= startLimit) {
      const bucket = bucketOf(scratch, p, shift)
      const distance = (p - from - loadU16(bucket)) & OFFSET_MAX
      storeU16(bucket, p - from)
      let match = p - distance
      // NOTE: every bucket names a place in the input at or before p, an empty one its start or one 2^16 further, and any place before p is
      // as good as another if its bytes are the same. So one comparison decides, which a processor mostly predicts.
      if (loadU32(match) != loadU32(p) || distance == 0) {
        p += searched++ >>> SKIP_BITS
        continue
      }
      const known = p + MATCH_MIN_BYTES
      let start = p
      p = matchEnd(known, match + MATCH_MIN_BYTES, matchLimit)
      while (start > anchor && match > from && loadU8(start - 1) == loadU8(match - 1)) {
        start--
        match--
      }
      out = putSequence(out, outEnd, anchor, start - anchor, start - match, p - start, end)
      if (out == 0) return 0
      anchor = p
      searched = 1 << SKIP_BITS
      if (p <= startLimit) storeU16(bucketOf(scratch, p - 2, shift), p - 2 - from)
    }
  }
  const literals = end - anchor
  if (outEnd - out < 1 + moreBytes(literals) + literals) return 0
  storeU8(out, min(literals, LENGTH_MORE) << LENGTH_BITS)
  out = putMore(out + 1, literals)
  copyBytes(out, anchor, literals)
  return out + literals - to
}

/** The hash bucket of the 5 bytes at p, of which 8 can be read. */
// @ts-ignore: decorator
@inline
function bucketOf(scratch: u32, p: u32, shift: u64): u32 {
  return scratch + ((<u32>(((loadU64(p) << 24) * HASH_FACTOR) >>> shift)) << 1)
}

/** The first place from p to `limit` whose byte is not that at `match` and further on. Nothing at or behind `limit` is read. */
// @ts-ignore: decorator
@inline
function matchEnd(p: u32, match: u32, limit: u32): u32 {
  while (limit - p >= 8) {
    const difference = loadU64(p) ^ loadU64(match)
    if (difference != 0) return p + ((<u32>ctz(difference)) >>> 3)
    p += 8
    match += 8
  }
  while (p < limit && loadU8(p) == loadU8(match)) {
    p++
    match++
  }
  return p
}

/**
 * Writes the literals at [literal, + literals), of an input that ends at `end`, and a match.
 * @returns where the next sequence goes, or 0 if this one does not fit.
 */
// @ts-ignore: decorator
@inline
function putSequence(
  out: u32,
  outEnd: u32,
  literal: u32,
  literals: u32,
  offset: u32,
  length: u32,
  end: u32,
): u32 {
  const code = length - MATCH_MIN_BYTES
  const token = (min(literals, LENGTH_MORE) << LENGTH_BITS) | min(code, LENGTH_MORE)
  const room = outEnd - out
  // NOTE: literals are mostly few: one copy of a word beyond their end, where there is room for it.
  if (literals < LENGTH_MORE && room >= 17 && end - literal >= 16) {
    storeU8(out, token)
    storeV128(out + 1, loadV128(literal))
    out += 1 + literals
    if (outEnd - out < 2 + moreBytes(code)) return 0
  } else {
    if (room < 3 + moreBytes(literals) + literals + moreBytes(code)) return 0
    storeU8(out, token)
    out = putMore(out + 1, literals)
    copyBytes(out, literal, literals)
    out += literals
  }
  storeU16(out, offset)
  return putMore(out + 2, code)
}

/** Bytes of a length beyond the token. */
// @ts-ignore: decorator
@inline
function moreBytes(length: u32): u32 {
  return length < LENGTH_MORE ? 0 : (length - LENGTH_MORE) / LENGTH_BYTE_MORE + 1
}

/** Writes them. */
// @ts-ignore: decorator
@inline
function putMore(out: u32, length: u32): u32 {
  if (length < LENGTH_MORE) return out
  let rest = length - LENGTH_MORE
  while (rest >= LENGTH_BYTE_MORE) {
    storeU8(out++, LENGTH_BYTE_MORE)
    rest -= LENGTH_BYTE_MORE
  }
  storeU8(out, rest)
  return out + 1
}
