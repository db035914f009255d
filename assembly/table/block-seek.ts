import { commonPrefix, compareBytes } from '../key/compare'
import { loadU32, loadU64, storeU32 } from '../memory/bytes'
import {
  CURSOR_BASE_SEQNO,
  CURSOR_ENTRIES,
  CURSOR_ENTRY,
  CURSOR_INTERVALS,
  CURSOR_INTERVAL_ENTRIES,
  CURSOR_NEXT,
  CURSOR_POSITION,
  CURSOR_REST,
  CURSOR_RESTARTS,
  CURSOR_REST_LENGTH,
  CURSOR_SHARED,
  CURSOR_TRAILER,
  MORE_LENGTHS,
  decodeLongEntry,
  varintLength,
  varintValue,
} from './block-entry'
import { blockFirst, blockNext, fetchHeads, moveToHead, restartHead } from './block-reader'

/** Finds entries in a block by key: each function returns whether the cursor then stands at an entry. */

/** Moves to the first entry ≥ (key, trailer): a greater user key, or the same with a trailer ≤ `trailer`. */
export function blockSeekGE(cursor: u32, key: u32, keyLength: u32, trailer: u64): bool {
  if (blockSeekLT(cursor, key, keyLength, trailer)) return blockNext(cursor)
  return blockFirst(cursor)
}

/** Moves to the last entry < (key, trailer): a smaller user key, or the same with a trailer > `trailer`. */
export function blockSeekLT(cursor: u32, key: u32, keyLength: u32, trailer: u64): bool {
  const below = headsBelow(cursor, key, keyLength, trailer)
  if (below == 0) {
    storeU32(cursor + CURSOR_ENTRY, 0)
    return false
  }
  moveToHead(cursor, below - 1)
  scanInterval(cursor, key, keyLength, trailer)
  return true
}

/** How many restart heads are < (key, trailer). */
// @ts-ignore: decorator
@inline
export function headsBelow(cursor: u32, key: u32, keyLength: u32, trailer: u64): u32 {
  fetchHeads(cursor)
  let low: u32 = 0
  let high = loadU32(cursor + CURSOR_INTERVALS)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isHeadBelow(cursor, restartHead(cursor, middle), key, keyLength, trailer)) low = middle + 1
    else high = middle
  }
  return low
}

/** Moves to the entry with that ordinal in the block. */
export function blockSeekOrdinal(cursor: u32, ordinal: u32): bool {
  if (ordinal >= loadU32(cursor + CURSOR_ENTRIES)) {
    storeU32(cursor + CURSOR_ENTRY, 0)
    return false
  }
  const each = loadU32(cursor + CURSOR_INTERVAL_ENTRIES)
  moveToHead(cursor, ordinal / each)
  for (let left = ordinal % each; left > 0; left--) blockNext(cursor)
  return true
}

/** Whether the restart head at p is < (key, trailer). */
// @ts-ignore: decorator
@inline
function isHeadBelow(cursor: u32, p: u32, key: u32, keyLength: u32, trailer: u64): bool {
  // A head shares nothing: its second byte is 0.
  const word = loadU32(p)
  let at = p + 4
  let rest = (word >>> 16) & 255
  if (word & MORE_LENGTHS) {
    const long = loadU64(p + 2)
    const length = varintLength(long)
    rest = <u32>varintValue(long, length)
    at = p + 2 + length
    at += varintLength(loadU64(at))
  }
  const seqnoWord = loadU64(at)
  const seqnoLength = varintLength(seqnoWord)
  const order = inline.always(compareBytes(at + seqnoLength, rest, key, keyLength))
  if (order != 0) return order < 0
  const seqno = loadU64(cursor + CURSOR_BASE_SEQNO) + varintValue(seqnoWord, seqnoLength)
  return ((seqno << 8) | (word & 255)) > trailer
}

/**
 * Moves from an interval's head, which is < (key, trailer), to the interval's last entry that is.
 *
 * `shared` is the longest common prefix of an entry and the head, `common` that of the target and the head. An entry that
 * shares more with the head than the target does is below the target, one that shares less is above it: of most entries
 * no key byte is read.
 */
function scanInterval(cursor: u32, key: u32, keyLength: u32, trailer: u64): void {
  const head = loadU32(cursor + CURSOR_REST)
  const common = inline.always(commonPrefix(head, key, min(loadU32(cursor + CURSOR_REST_LENGTH), keyLength)))
  const baseSeqno = loadU64(cursor + CURSOR_BASE_SEQNO)
  const restarts = loadU32(cursor + CURSOR_RESTARTS)
  const each = loadU32(cursor + CURSOR_INTERVAL_ENTRIES)
  let below = loadU32(cursor + CURSOR_ENTRY)
  let next = loadU32(cursor + CURSOR_NEXT)
  let position: u32 = 1
  while (position < each && next != restarts) {
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
    if (shared < common) break
    if (shared == common) {
      const order = inline.always(compareBytes(rest, restLength, key + common, keyLength - common))
      if (order > 0 || (order == 0 && entryTrailer <= trailer)) break
    }
    below = entry
    position++
  }
  storeU32(cursor + CURSOR_POSITION, position - 1)
  decodeLongEntry(cursor, below)
}
