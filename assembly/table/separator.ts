import { commonPrefix } from '../key/compare'
import { loadU8 } from '../memory/bytes'

/**
 * A shortest user key s with last ≤ s < next, for user keys last < next. It is always a beginning of `last` with a new
 * last byte. @returns length << 8 | last byte of s.
 *
 *   last      ≤ s     < next
 *   abc         abc     abcd      a prefix of next is its own separator
 *   abcxyz      abd     abf       one above, at the first byte that differs
 *   abcxyz      abd     abde      next's byte, which a longer next allows
 *   abcxyz      abcy    abd       no room at that byte: the first later byte that can be raised
 */
export function separator(last: u32, lastLength: u32, next: u32, nextLength: u32): u32 {
  if (lastLength == 0) return 0
  let length = commonPrefix(last, next, min(lastLength, nextLength)) + 1
  // Up to here: `last` is a prefix of next, or ends where they differ.
  if (length >= lastLength) return (lastLength << 8) | loadU8(last + (lastLength - 1))
  let byte = loadU8(last + (length - 1)) + 1
  if (byte < loadU8(next + (length - 1)) || length < nextLength) return (length << 8) | byte
  while (length < lastLength - 1) {
    byte = loadU8(last + length) + 1
    length++
    if (byte < 256) return (length << 8) | byte
  }
  return (lastLength << 8) | loadU8(last + (lastLength - 1))
}
