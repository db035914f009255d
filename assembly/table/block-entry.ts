import { loadU32, loadU64, loadU8, storeU32, storeU64 } from '../memory/bytes'

/**
 * A cursor over the entries of a data or index block's payload. Nothing is copied: a user key is two slices,
 * the first `shared` bytes of its restart head's key and `rest` bytes of its own.
 *
 * INVARIANT: the payload passed checkBlock, so offsets and lengths are followed without checks. A header may be read by
 * whole words, up to 8 bytes past the bytes wanted: the payload's trailer (32 B) lies behind every entry.
 *
 * The cursor is a record of BLOCK_CURSOR_BYTES (8-byte aligned) that the caller keeps anywhere:
 */
/** u32: the entry it stands at; 0 if at none. The fields marked * are valid only at an entry. */
export const CURSOR_ENTRY: u32 = 0
/** u32 *: where the entry ends and the next one begins (or the restart array). */
export const CURSOR_NEXT: u32 = 4
/** u32 *: slice (pointer, length) of the key's first part, in the restart head. */
export const CURSOR_HEAD: u32 = 8
export const CURSOR_SHARED: u32 = 12
/** u32 *: slice of the key's second part, in the entry itself. */
export const CURSOR_REST: u32 = 16
export const CURSOR_REST_LENGTH: u32 = 20
/** u32 *: slice of the value part. */
export const CURSOR_VALUE: u32 = 24
export const CURSOR_VALUE_LENGTH: u32 = 28
/** u64 *: seqno << 8 | type byte. */
export const CURSOR_TRAILER: u32 = 32
/** u32 *: number of the restart interval, and of the entry in it. */
export const CURSOR_INTERVAL: u32 = 40
export const CURSOR_POSITION: u32 = 44
/** u64: base seqno. */
export const CURSOR_BASE_SEQNO: u32 = 48
/** u32: payload; end of the entries = restart array; number of restart intervals; entries in an interval. */
export const CURSOR_PAYLOAD: u32 = 56
export const CURSOR_RESTARTS: u32 = 60
export const CURSOR_INTERVALS: u32 = 64
export const CURSOR_INTERVAL_ENTRIES: u32 = 68
/** u32: log2 of a restart offset's size; number of entries. */
export const CURSOR_RESTART_SHIFT: u32 = 72
export const CURSOR_ENTRIES: u32 = 76
export const BLOCK_CURSOR_BYTES: u32 = 80

/** Set in a byte of a header word if a varint goes on behind it. */
const MORE: u64 = 0x8080808080808080
/** The same for the three lengths of a header whose first byte is the type. */
export const MORE_LENGTHS: u32 = 0x80808000

/** Bytes of the varint (of at most 8) that `word` begins with. */
// @ts-ignore: decorator
@inline
export function varintLength(word: u64): u32 {
  return <u32>(ctz<u64>(~word & MORE) >>> 3) + 1
}

/** Value of the varint of `length` ≤ 8 bytes that `word` begins with: squeezes out every eighth bit. */
// @ts-ignore: decorator
@inline
export function varintValue(word: u64, length: u32): u64 {
  const unused: u64 = <u64>(8 - length) * 8
  let x = (word << unused) >>> unused
  x = (x & 0x007f007f007f007f) | ((x & 0x7f007f007f007f00) >>> 1)
  x = (x & 0x00003fff00003fff) | ((x & 0x3fff00003fff0000) >>> 2)
  return (x & 0x000000000fffffff) | ((x & 0x0fffffff00000000) >>> 4)
}

/** Decodes the entry at p; CURSOR_HEAD, CURSOR_INTERVAL and CURSOR_POSITION are the caller's. */
// @ts-ignore: decorator
@inline
export function decodeEntry(cursor: u32, p: u32): void {
  const word = loadU32(p)
  if (word & MORE_LENGTHS) {
    decodeLongEntry(cursor, p)
    return
  }
  storeEntry(cursor, p, word, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24, p + 4)
}

/** As decodeEntry, for lengths of any size and not inlined. */
export function decodeLongEntry(cursor: u32, p: u32): void {
  let at = p + 1
  let word = loadU64(at)
  let length = varintLength(word)
  const shared = <u32>varintValue(word, length)
  at += length
  word = loadU64(at)
  length = varintLength(word)
  const restLength = <u32>varintValue(word, length)
  at += length
  word = loadU64(at)
  length = varintLength(word)
  storeEntry(cursor, p, loadU8(p), shared, restLength, <u32>varintValue(word, length), at + length)
}

/** `at`: the entry's seqno. The type byte is the low byte of `type`. */
// @ts-ignore: decorator
@inline
function storeEntry(
  cursor: u32,
  p: u32,
  type: u32,
  shared: u32,
  restLength: u32,
  valueLength: u32,
  at: u32,
): void {
  const word = loadU64(at)
  const length = varintLength(word)
  const seqno = loadU64(cursor + CURSOR_BASE_SEQNO) + varintValue(word, length)
  const rest = at + length
  storeU32(cursor + CURSOR_ENTRY, p)
  storeU32(cursor + CURSOR_SHARED, shared)
  storeU32(cursor + CURSOR_REST, rest)
  storeU32(cursor + CURSOR_REST_LENGTH, restLength)
  storeU32(cursor + CURSOR_VALUE, rest + restLength)
  storeU32(cursor + CURSOR_VALUE_LENGTH, valueLength)
  storeU32(cursor + CURSOR_NEXT, rest + restLength + valueLength)
  storeU64(cursor + CURSOR_TRAILER, (seqno << 8) | (type & 255))
}

/** Where the entry at p ends. */
// @ts-ignore: decorator
@inline
export function entryEnd(p: u32): u32 {
  const word = loadU32(p)
  if (word & MORE_LENGTHS) return longEntryEnd(p)
  return p + 4 + varintLength(loadU64(p + 4)) + ((word >>> 16) & 255) + (word >>> 24)
}

function longEntryEnd(p: u32): u32 {
  let at = p + 1 + varintLength(loadU64(p + 1))
  let word = loadU64(at)
  let length = varintLength(word)
  const rest = <u32>varintValue(word, length)
  at += length
  word = loadU64(at)
  length = varintLength(word)
  at += length
  return at + varintLength(loadU64(at)) + rest + <u32>varintValue(word, length)
}
