import { copyBytes, loadU16, loadU8, loadV128, storeU16, storeU8, storeV128 } from '../memory/bytes'
import { LENGTH_BITS, LENGTH_BYTE_MORE, LENGTH_MORE, MATCH_MIN_BYTES } from './lz4-layout'

/** Input that the fast path may read: a word of literals; the offset ends with it at the latest. */
const FAST_INPUT_BYTES: u32 = 16
/** Output that the fast path may write: at most 14 literals, behind them 18 bytes of a match. */
const FAST_OUTPUT_BYTES: u32 = 32

/** No block of `length` bytes makes more than this: a byte of a length stands for 255, tokens for a little. INVARIANT: length < 2^24. */
// @ts-ignore: decorator
@inline
export function lz4MaxBytes(length: u32): u32 {
  return 255 * length + 64
}

/**
 * Decompresses [from, from + length), in the LZ4 block format, to [to, to + rawLength); the two do not overlap. Hostile bytes:
 * nothing else is read or written, whatever they are.
 * @returns whether the input was used up and made exactly rawLength bytes; if not, what [to, to + rawLength) holds is undefined.
 */
export function lz4Decompress(from: u32, length: u32, to: u32, rawLength: u32): bool {
  const end = from + length
  const outEnd = to + rawLength
  let p = from
  let out = to
  while (p < end) {
    const token = loadU8(p++)
    let literals = token >>> LENGTH_BITS
    let count = token & LENGTH_MORE
    // Short literals and a short match are copied as whole words beyond their ends, where these lie well inside.
    if (literals < LENGTH_MORE && end - p >= FAST_INPUT_BYTES && outEnd - out >= FAST_OUTPUT_BYTES) {
      storeV128(out, loadV128(p))
      p += literals
      out += literals
      const near = loadU16(p)
      if (count < LENGTH_MORE && near >= 16) {
        if (near > out - to) return false
        storeV128(out, loadV128(out - near))
        storeU16(out + 16, loadU16(out + 16 - near))
        p += 2
        out += count + MATCH_MIN_BYTES
        continue
      }
    } else {
      if (literals == LENGTH_MORE) {
        for (let more: u32 = LENGTH_BYTE_MORE; more == LENGTH_BYTE_MORE; literals += more) {
          // NOTE: compared in each round, so that no sum gets near 2^32.
          if (p == end || literals > rawLength) return false
          more = loadU8(p++)
        }
      }
      if (literals > end - p || literals > outEnd - out) return false
      copyBytes(out, p, literals)
      p += literals
      out += literals
      if (p == end) return out == outEnd
      if (end - p < 2) return false
    }
    const offset = loadU16(p)
    p += 2
    if (count == LENGTH_MORE) {
      for (let more: u32 = LENGTH_BYTE_MORE; more == LENGTH_BYTE_MORE; count += more) {
        if (p == end || count > rawLength) return false
        more = loadU8(p++)
      }
    }
    count += MATCH_MIN_BYTES
    if (offset == 0 || offset > out - to || count > outEnd - out) return false
    copyMatch(out, offset, count, outEnd)
    out += count
  }
  return false
}

/**
 * Copies [out − offset, + count) to [out, + count) byte after byte, as it were: a match may reach into its own copy. Nothing from
 * `outEnd` on is written.
 */
// @ts-ignore: decorator
@inline
function copyMatch(out: u32, offset: u32, count: u32, outEnd: u32): void {
  const matchEnd = out + count
  // From here on no whole word begins.
  const wordsEnd = outEnd - out < 16 ? out : min(matchEnd, outEnd - 15)
  let match = out - offset
  if (offset == 1) {
    const word = i8x16.splat(<i8>loadU8(match))
    for (; out < wordsEnd; out += 16) storeV128(out, word)
  } else {
    // A match shorter than a word: each copy doubles what there is of it.
    for (let distance = offset; distance < 16 && out < wordsEnd; distance += distance) {
      storeV128(out, loadV128(match))
      out += distance
    }
    for (; out < wordsEnd; out += 16) {
      storeV128(out, loadV128(match))
      match += 16
    }
  }
  for (; out < matchEnd; out++) storeU8(out, loadU8(out - offset))
}
