import { commonPrefix, compareBytes, equalBytes, loadShort } from '../key/compare'
import {
  atomicLoadU32,
  copyBytes,
  loadBigEndianU64,
  loadU32,
  loadU64,
  storeU32,
  storeU64,
} from '../memory/bytes'
import { PAGE_BYTES, TABLE_FENCES } from '../memory/layout'
import { allocateRecord, freeRecord } from '../memory/records'
import {
  CURSOR_ENTRIES,
  CURSOR_HEAD,
  CURSOR_REST,
  CURSOR_REST_LENGTH,
  CURSOR_SHARED,
  CURSOR_VALUE,
  CURSOR_VALUE_LENGTH,
} from './block-entry'
import { blockFirst, blockLast, blockNext, blockOpen } from './block-reader'
import { handleBlockSize, handleOffset } from './index-handle'

/**
 * Fences: what a point read needs of an index block, where it can be had with few cache misses. Each separator is 8 bytes, those behind what
 * all separators of the block begin with, as a number.
 *
 *   u32 separators | u32 length of the prefix | u64 word × separators | u64 handle × separators (offset << 18 | size) | prefix, padded to 4
 *   | u32 fences of the index block that each names, 0 as long as it has none × separators (of a root index only)
 *
 * INVARIANT: a word is above another only if its key is; two keys with the same word may be in any order. So of a key whose
 * word is a fence's they cannot say where it belongs (nor of versions of a key), and the index block is asked.
 */
const FENCES_PREFIX_LENGTH: u32 = 4
const FENCES_WORDS: u32 = 8
const HANDLE_SIZE_BITS: u64 = 18
const OFFSET_LIMIT: u64 = 1 << 46

/** Instead of the number of a separator. */
export const FENCE_UNSURE: u32 = 0xffffffff

/**
 * Makes fences of an index block with the given payload, which passed checkBlock. `cursor`: to work with; `isRoot`: with room for those of its index blocks.
 * @returns a record, or 0: it would be too long, or there is no page
 */
export function fencesCreate(cursor: u32, payload: u32, length: u32, isRoot: bool): u32 {
  blockOpen(cursor, payload, length)
  const count = loadU32(cursor + CURSOR_ENTRIES)
  blockFirst(cursor)
  const first = loadU32(cursor + CURSOR_REST)
  const firstLength = loadU32(cursor + CURSOR_REST_LENGTH)
  blockLast(cursor)
  const shared = loadU32(cursor + CURSOR_SHARED)
  let prefix = commonPrefix(first, loadU32(cursor + CURSOR_HEAD), min(firstLength, shared))
  if (prefix == shared)
    prefix += commonPrefix(
      first + shared,
      loadU32(cursor + CURSOR_REST),
      min(firstLength - shared, loadU32(cursor + CURSOR_REST_LENGTH)),
    )
  const bytes = bytesOf(count, prefix, isRoot)
  if (bytes > PAGE_BYTES) return 0
  const fences = allocateRecord(bytes)
  if (fences == 0) return 0
  storeU32(fences, count)
  storeU32(fences + FENCES_PREFIX_LENGTH, prefix)
  copyBytes(prefixOf(fences, count), first, prefix)
  blockFirst(cursor)
  let word = fences + FENCES_WORDS
  for (let i: u32 = 0; i < count; i++) {
    putWord(word, cursor, prefix)
    const value = loadU32(cursor + CURSOR_VALUE)
    const valueLength = loadU32(cursor + CURSOR_VALUE_LENGTH)
    const offset = handleOffset(value, valueLength)
    if (offset >= OFFSET_LIMIT) {
      freeRecord(fences, bytes)
      return 0
    }
    storeU64(word + 8 * count, (offset << HANDLE_SIZE_BITS) | handleBlockSize(value, valueLength))
    word += 8
    blockNext(cursor)
  }
  return fences
}

/** Frees fences, with those of the index blocks. INVARIANT: nobody reads them any more. */
export function fencesFree(fences: u32, isRoot: bool): void {
  const count = loadU32(fences)
  for (let i: u32 = 0; isRoot && i < count; i++) {
    const child = loadU32(fenceChild(fences, i))
    if (child != 0) fencesFree(child, false)
  }
  freeRecord(fences, fencesBytes(fences, isRoot))
}

/** Bytes of the record. */
export function fencesBytes(fences: u32, isRoot: bool): u32 {
  return bytesOf(loadU32(fences), loadU32(fences + FENCES_PREFIX_LENGTH), isRoot)
}

/** The number of the first separator above a key, if the fences can tell; else FENCE_UNSURE. */
export function fencesFind(fences: u32, key: u32, keyLength: u32): u32 {
  const count = loadU32(fences)
  const prefix = loadU32(fences + FENCES_PREFIX_LENGTH)
  if (prefix != 0) {
    const at = prefixOf(fences, count)
    if (keyLength < prefix || !equalBytes(at, key, prefix))
      return compareBytes(at, prefix, key, min(keyLength, prefix)) > 0 ? 0 : FENCE_UNSURE
  }
  const rest = keyLength - prefix
  const word = rest >= 8 ? loadBigEndianU64(key + prefix) : bswap<u64>(loadShort(key + prefix, rest))
  const words = fences + FENCES_WORDS
  let base = words
  // NOTE: without branches, which would mostly be guessed wrong.
  for (let left = count; left > 1;) {
    const half = left >>> 1
    base += select<u32>(half << 3, 0, loadU64(base + (half << 3) - 8) < word)
    left -= half
  }
  let found = loadU64(base)
  if (found < word) {
    base += 8
    if (base == words + 8 * count) return FENCE_UNSURE
    found = loadU64(base)
  }
  return found == word ? FENCE_UNSURE : (base - words) >>> 3
}

/** The handle of the data block of a table that may have a key, 0 if fences cannot tell. Reads the key. */
export function fencedHandle(table: u32, key: u32, keyLength: u32): u64 {
  // ORDER: pairs with keepFences, twice.
  const root = atomicLoadU32(table + TABLE_FENCES)
  if (root == 0) return 0
  const number = fencesFind(root, key, keyLength)
  if (number == FENCE_UNSURE) return 0
  const fences = atomicLoadU32(fenceChild(root, number))
  if (fences == 0) return 0
  const found = fencesFind(fences, key, keyLength)
  return found == FENCE_UNSURE ? 0 : fenceHandle(fences, found)
}

/** Offset of the block that a handle names. */
// @ts-ignore: decorator
@inline
export function handleBlockOffset(handle: u64): u64 {
  return handle >>> HANDLE_SIZE_BITS
}

/** Its size. */
// @ts-ignore: decorator
@inline
export function handleBytes(handle: u64): u32 {
  return <u32>(handle & ((1 << HANDLE_SIZE_BITS) - 1))
}

/** Of a root index: the word for the fences of an index block. */
// @ts-ignore: decorator
@inline
export function fenceChild(fences: u32, number: u32): u32 {
  const count = loadU32(fences)
  return prefixOf(fences, count) + padded(loadU32(fences + FENCES_PREFIX_LENGTH)) + 4 * number
}

/** Of a root index: the same for the index block with that offset; 0 if there is none. */
export function fenceChildAt(fences: u32, offset: u64): u32 {
  const count = loadU32(fences)
  for (let i: u32 = 0; i < count; i++)
    if (handleBlockOffset(fenceHandle(fences, i)) == offset) return fenceChild(fences, i)
  return 0
}

/** What a separator names. */
// @ts-ignore: decorator
@inline
export function fenceHandle(fences: u32, number: u32): u64 {
  return loadU64(fences + FENCES_WORDS + 8 * (loadU32(fences) + number))
}

// @ts-ignore: decorator
@inline
function bytesOf(count: u32, prefix: u32, isRoot: bool): u32 {
  return prefixOf(0, count) + padded(prefix) + (isRoot ? 4 * count : 0)
}

// @ts-ignore: decorator
@inline
function prefixOf(fences: u32, count: u32): u32 {
  return fences + FENCES_WORDS + 16 * count
}

// @ts-ignore: decorator
@inline
function padded(length: u32): u32 {
  return (length + 3) & ~3
}

/** Writes the word of the key the cursor stands at: its bytes from `from` on, zeros behind a shorter one. */
function putWord(to: u32, cursor: u32, from: u32): void {
  const shared = loadU32(cursor + CURSOR_SHARED)
  const rest = loadU32(cursor + CURSOR_REST)
  const restLength = loadU32(cursor + CURSOR_REST_LENGTH)
  storeU64(to, 0)
  let bytes: u32 = 0
  if (from < shared) {
    bytes = min(8, shared - from)
    copyBytes(to, loadU32(cursor + CURSOR_HEAD) + from, bytes)
  }
  const skipped = from > shared ? from - shared : 0
  copyBytes(to + bytes, rest + skipped, min(8 - bytes, restLength - skipped))
  storeU64(to, loadBigEndianU64(to))
}
