import { commonPrefix, equalBytes } from '../key/compare'
import { loadU32, loadU64 } from '../memory/bytes'
import {
  CURSOR_BASE_SEQNO,
  CURSOR_INTERVAL_ENTRIES,
  CURSOR_NEXT,
  CURSOR_REST,
  CURSOR_RESTARTS,
  CURSOR_REST_LENGTH,
  CURSOR_SHARED,
  CURSOR_TRAILER,
  MORE_LENGTHS,
  decodeEntry,
  decodeLongEntry,
  varintLength,
  varintValue,
} from './block-entry'
import { fetchInterval, moveToHead } from './block-reader'

/**
 * Moves to the newest version of a user key with a trailer ≤ `trailer` in one restart interval, all versions of the key being in this one.
 * The cursor then stands there, except for CURSOR_POSITION: it can be read, not moved.
 *
 * Of most entries nothing is compared but `shared`, the longest common prefix with the head: an entry with that key has the same as the
 * key. From the first one that shares less on, all are above the key.
 * @returns whether there is one.
 */
export function blockFind(cursor: u32, interval: u32, key: u32, keyLength: u32, trailer: u64): bool {
  fetchInterval(cursor, interval)
  moveToHead(cursor, interval)
  const head = loadU32(cursor + CURSOR_REST)
  const headLength = loadU32(cursor + CURSOR_REST_LENGTH)
  const common = inline.always(commonPrefix(head, key, min(headLength, keyLength)))
  if (common == keyLength && common == headLength && loadU64(cursor + CURSOR_TRAILER) <= trailer) return true
  const wanted = keyLength - common
  const baseSeqno = loadU64(cursor + CURSOR_BASE_SEQNO)
  const restarts = loadU32(cursor + CURSOR_RESTARTS)
  let next = loadU32(cursor + CURSOR_NEXT)
  for (let left = loadU32(cursor + CURSOR_INTERVAL_ENTRIES) - 1; left > 0 && next != restarts; left--) {
    const entry = next
    const word = loadU32(entry)
    let shared = (word >>> 8) & 255
    let rest: u32
    let restLength: u32
    let entryTrailer: u64
    if (word & MORE_LENGTHS) {
      decodeLongEntry(cursor, entry)
      shared = loadU32(cursor + CURSOR_SHARED)
      rest = loadU32(cursor + CURSOR_REST)
      restLength = loadU32(cursor + CURSOR_REST_LENGTH)
      entryTrailer = loadU64(cursor + CURSOR_TRAILER)
      next = loadU32(cursor + CURSOR_NEXT)
    } else {
      const seqnoWord = loadU64(entry + 4)
      const seqnoLength = varintLength(seqnoWord)
      rest = entry + 4 + seqnoLength
      restLength = (word >>> 16) & 255
      entryTrailer = ((baseSeqno + varintValue(seqnoWord, seqnoLength)) << 8) | (word & 255)
      next = rest + restLength + (word >>> 24)
    }
    if (shared < common) return false
    if (
      shared == common &&
      restLength == wanted &&
      inline.always(equalBytes(rest, key + common, wanted)) &&
      entryTrailer <= trailer
    ) {
      decodeEntry(cursor, entry)
      return true
    }
  }
  return false
}
