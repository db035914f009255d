import { loadU32, loadU8, loadV128, storeU32, storeU64, storeV128 } from '../memory/bytes'
import {
  cursorFirst,
  cursorLast,
  cursorNext,
  cursorPrevious,
  cursorSeekGE,
  cursorSeekLT,
  nodeKey,
  nodeKeyLength,
  nodeTrailer,
  nodeValue,
  nodeValueLength,
} from '../memtable/cursor'
import {
  CURSOR_ENTRY,
  CURSOR_HEAD,
  CURSOR_REST,
  CURSOR_REST_LENGTH,
  CURSOR_SHARED,
  CURSOR_TRAILER,
  CURSOR_VALUE,
  CURSOR_VALUE_LENGTH,
} from '../table/block-entry'
import { blockFirst, blockLast, blockNext, blockOpen, blockPrevious } from '../table/block-reader'
import { blockSeekGE, blockSeekLT } from '../table/block-seek'
import { trailForget, trailLast, trailPrevious } from './block-trail'
import { NO_KEY, SOURCE_MEMTABLE, SOURCE_PREFIX, SOURCE_TRAIL } from './merge-page'

/**
 * Moving one source of a merge, a memtable or the data block a table source has. Each move returns whether the source stands at an
 * entry afterwards; then its slices, trailer and prefix are those of the entry.
 */

/** Positions a memtable source: forwards at the first entry ≥ (key, trailer), backwards at the last one below. */
export function sourceSeekMemtable(source: u32, reverse: bool, key: u32, keyLength: u32, trailer: u64): bool {
  const memtable = loadU32(source + SOURCE_MEMTABLE)
  storeU32(source + CURSOR_HEAD, 0)
  storeU32(source + CURSOR_SHARED, 0)
  if (keyLength == NO_KEY) return atNode(source, reverse ? cursorLast(memtable) : cursorFirst(memtable))
  return atNode(
    source,
    reverse
      ? cursorSeekLT(memtable, key, keyLength, trailer)
      : cursorSeekGE(memtable, key, keyLength, trailer),
  )
}

/** Positions a table source in a new block, as above; without a key at its first or last entry. */
export function sourceSeekBlock(
  source: u32,
  payload: u32,
  length: u32,
  reverse: bool,
  key: u32,
  keyLength: u32,
  trailer: u64,
): bool {
  blockOpen(source, payload, length)
  const trail = loadU32(source + SOURCE_TRAIL)
  if (trail != 0) trailForget(trail)
  let found: bool
  if (keyLength != NO_KEY) {
    found = reverse
      ? blockSeekLT(source, key, keyLength, trailer)
      : blockSeekGE(source, key, keyLength, trailer)
  } else if (reverse) {
    found = trail != 0 ? trailLast(source, trail) : blockLast(source)
  } else {
    found = blockFirst(source)
  }
  if (found) cachePrefix(source)
  return found
}

/** Moves to the next entry in the direction of the merge. INVARIANT: the source stands at an entry. */
// @ts-ignore: decorator
@inline
export function sourceAdvance(source: u32, reverse: bool): bool {
  const memtable = loadU32(source + SOURCE_MEMTABLE)
  if (memtable != 0) {
    const node = loadU32(source + CURSOR_ENTRY)
    if (reverse) return atNode(source, cursorPrevious(memtable, node))
    const next = cursorNext(node)
    if (!atNode(source, next)) return false
    touchAhead(next)
    return true
  }
  let found: bool
  if (reverse) {
    const trail = loadU32(source + SOURCE_TRAIL)
    found = trail != 0 ? trailPrevious(source, trail) : blockPrevious(source)
  } else {
    found = blockNext(source)
  }
  if (found) cachePrefix(source)
  return found
}

/**
 * Has the cache lines on their way that are needed soon: entries that follow one another lie anywhere in the arenas.
 * Reads up to one byte behind the value: the arena's slack follows.
 * NOTE: nothing uses what is loaded, so nothing waits for it; where there is no entry or no value it is address 0.
 */
// @ts-ignore: decorator
@inline
function touchAhead(node: u32): void {
  const value = nodeValue(node)
  loadU8(value)
  loadU8(value + min<u32>(nodeValueLength(node), 64))
  loadU8(cursorNext(node))
}

// @ts-ignore: decorator
@inline
function atNode(source: u32, node: u32): bool {
  storeU32(source + CURSOR_ENTRY, node)
  if (node == 0) return false
  const key = nodeKey(node)
  const keyLength = nodeKeyLength(node)
  storeU32(source + CURSOR_REST, key)
  storeU32(source + CURSOR_REST_LENGTH, keyLength)
  storeU64(source + CURSOR_TRAILER, nodeTrailer(node))
  storeU32(source + CURSOR_VALUE, nodeValue(node))
  storeU32(source + CURSOR_VALUE_LENGTH, nodeValueLength(node))
  // NOTE: 16 bytes can be read at any key of a memtable, the rest of its node and the arena's slack follow.
  storeV128(source + SOURCE_PREFIX, padded(loadV128(key), keyLength))
  return true
}

// ── prefix ───────────────────────────────────────────────────────────────────────────────────────────────

/** Sets the prefix of a table source. Reads up to 16 bytes past its slices: the payload's trailer follows. */
// @ts-ignore: decorator
@inline
function cachePrefix(source: u32): void {
  const shared = loadU32(source + CURSOR_SHARED)
  const length = shared + loadU32(source + CURSOR_REST_LENGTH)
  let prefix = loadV128(loadU32(source + CURSOR_REST))
  if (shared > 0) {
    const head = loadV128(loadU32(source + CURSOR_HEAD))
    // Moves the rest up by `shared` bytes (swizzle gives 0 for what is out of range) and puts the head before it.
    const lanes = byteNumbers()
    const first = i8x16.splat(<i8>min<u32>(shared, 16))
    prefix = v128.bitselect(head, i8x16.swizzle(prefix, i8x16.sub(lanes, first)), i8x16.lt_u(lanes, first))
  }
  storeV128(source + SOURCE_PREFIX, padded(prefix, length))
}

/** The first `length` bytes of a word of 16, zeros behind. */
// @ts-ignore: decorator
@inline
function padded(word: v128, length: u32): v128 {
  return v128.and(word, i8x16.lt_u(byteNumbers(), i8x16.splat(<i8>min<u32>(length, 16))))
}

// @ts-ignore: decorator
@inline
function byteNumbers(): v128 {
  return i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}
