import { createBytes } from './bytes.mjs'

const HASH_BITS = 13
const SHORT_HASH_BITS = 12
const SHORT_BYTES = 8192
/** Halves of the factor of 64 bits that spreads the five bytes that are hashed. */
const HASH_FACTOR = 889523592379
const FACTOR_LOW = HASH_FACTOR | 0
const FACTOR_HIGH = Math.floor(HASH_FACTOR / 2 ** 32)
const LAST_LITERALS = 5
const MATCH_START_LIMIT = 12
const SKIP_BITS = 6
const LENGTH_BITS = 4
const LENGTH_MORE = 15
const LENGTH_BYTE_MORE = 255
const MATCH_MIN_BYTES = 4
const OFFSET_MAX = 65535

/** What the first of five bytes adds to the upper half of their product with the factor: as a table, since it has only 256 values. */
const FIRST_BYTE = Int32Array.from(
  { length: 256 },
  (_, byte) => Math.floor((byte * (FACTOR_LOW >>> 0)) / 256) + Math.imul(byte << 24, FACTOR_HIGH),
)

/** Twins of assembly/table/lz4-compress.ts and lz4-decompress.ts: byte for byte the same output. */
export function createCompression(memory) {
  const { i32, u8, view } = memory
  const { copyBytes } = createBytes(memory)

  function bucketOf(scratch, p, shift) {
    const upper = (Math.imul(view.getInt32(p + 1, true), FACTOR_LOW) + FIRST_BYTE[u8[p]]) | 0
    return scratch + ((upper >>> shift) << 1)
  }

  function matchEnd(p, match, limit) {
    while (limit - p >= 4) {
      const difference = view.getInt32(p, true) ^ view.getInt32(match, true)
      if (difference !== 0) return p + ((31 - Math.clz32(difference & -difference)) >>> 3)
      p += 4
      match += 4
    }
    while (p < limit && u8[p] === u8[match]) {
      p++
      match++
    }
    return p
  }

  function moreBytes(length) {
    return length < LENGTH_MORE ? 0 : Math.floor((length - LENGTH_MORE) / LENGTH_BYTE_MORE) + 1
  }

  function putMore(out, length) {
    if (length < LENGTH_MORE) return out
    let rest = length - LENGTH_MORE
    while (rest >= LENGTH_BYTE_MORE) {
      u8[out++] = LENGTH_BYTE_MORE
      rest -= LENGTH_BYTE_MORE
    }
    u8[out] = rest
    return out + 1
  }

  /** @returns where the next sequence goes, or 0 if this one does not fit */
  function putSequence(out, outEnd, literal, literals, offset, length) {
    const code = length - MATCH_MIN_BYTES
    if (outEnd - out < 3 + moreBytes(literals) + literals + moreBytes(code)) return 0
    u8[out] = (Math.min(literals, LENGTH_MORE) << LENGTH_BITS) | Math.min(code, LENGTH_MORE)
    out = putMore(out + 1, literals)
    copyBytes(out, literal, literals)
    out += literals
    view.setInt16(out, offset, true)
    return putMore(out + 2, code)
  }

  function compress(from, length, to, capacity, scratch) {
    const end = from + length
    const outEnd = to + capacity
    let out = to
    let anchor = from
    if (length > MATCH_START_LIMIT) {
      const bits = length <= SHORT_BYTES ? SHORT_HASH_BITS : HASH_BITS
      const shift = 32 - bits
      u8.fill(0, scratch, scratch + (2 << bits))
      const startLimit = end - MATCH_START_LIMIT
      const matchLimit = end - LAST_LITERALS
      let p = from + 1
      let searched = 1 << SKIP_BITS
      while (p <= startLimit) {
        const bucket = bucketOf(scratch, p, shift)
        const distance = (p - from - view.getUint16(bucket, true)) & OFFSET_MAX
        view.setInt16(bucket, p - from, true)
        let match = p - distance
        if (view.getInt32(match, true) !== view.getInt32(p, true) || distance === 0) {
          p += searched++ >>> SKIP_BITS
          continue
        }
        let start = p
        p = matchEnd(p + MATCH_MIN_BYTES, match + MATCH_MIN_BYTES, matchLimit)
        while (start > anchor && match > from && u8[start - 1] === u8[match - 1]) {
          start--
          match--
        }
        out = putSequence(out, outEnd, anchor, start - anchor, start - match, p - start)
        if (out === 0) return 0
        anchor = p
        searched = 1 << SKIP_BITS
        if (p <= startLimit) view.setInt16(bucketOf(scratch, p - 2, shift), p - 2 - from, true)
      }
    }
    const literals = end - anchor
    if (outEnd - out < 1 + moreBytes(literals) + literals) return 0
    u8[out] = Math.min(literals, LENGTH_MORE) << LENGTH_BITS
    out = putMore(out + 1, literals)
    copyBytes(out, anchor, literals)
    return out + literals - to
  }

  /** Byte after byte, as it were: a match may reach into its own copy. */
  function copyMatch(out, offset, count) {
    const end = out + count
    if (offset >= 4)
      for (; out + 4 <= end; out += 4) view.setInt32(out, view.getInt32(out - offset, true), true)
    for (; out < end; out++) u8[out] = u8[out - offset]
  }

  /** @returns whether the input is well formed and made exactly rawLength bytes */
  function decompress(from, length, to, rawLength) {
    const end = from + length
    const outEnd = to + rawLength
    let p = from
    let out = to
    while (p < end) {
      const token = u8[p++]
      let literals = token >>> LENGTH_BITS
      let count = token & LENGTH_MORE
      if (literals === LENGTH_MORE) {
        for (let more = LENGTH_BYTE_MORE; more === LENGTH_BYTE_MORE; literals += more) {
          if (p === end || literals > rawLength) return false
          more = u8[p++]
        }
      }
      if (literals > end - p || literals > outEnd - out) return false
      copyBytes(out, p, literals)
      p += literals
      out += literals
      if (p === end) return out === outEnd
      if (end - p < 2) return false
      const offset = view.getUint16(p, true)
      p += 2
      if (count === LENGTH_MORE) {
        for (let more = LENGTH_BYTE_MORE; more === LENGTH_BYTE_MORE; count += more) {
          if (p === end || count > rawLength) return false
          more = u8[p++]
        }
      }
      count += MATCH_MIN_BYTES
      if (offset === 0 || offset > out - to || count > outEnd - out) return false
      copyMatch(out, offset, count)
      out += count
    }
    return false
  }

  function compressBlocks(directory, count, to, room, lengths, scratch) {
    let sum = 0
    for (let i = 0; i < count; i++) {
      const at = (directory >>> 2) + 2 * i
      const length = compress(i32[at], i32[at + 1], to + i * room, room, scratch)
      i32[(lengths >>> 2) + i] = length
      sum += length
    }
    return sum
  }

  function decompressBlocks(directory, count, from, room, lengths, to) {
    let sound = 0
    for (let i = 0; i < count; i++) {
      const rawLength = i32[(directory >>> 2) + 2 * i + 1]
      const length = i32[(lengths >>> 2) + i]
      sound += decompress(from + i * room, length, to + i * room, rawLength) ? 1 : 0
    }
    return sound
  }

  return { compressBlocks, decompressBlocks }
}
