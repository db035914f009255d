import { compareBytes, equalBytes } from '../key/compare'
import { copyBytes, loadU16, loadU32, loadU64, loadU8, storeU32, storeU64 } from '../memory/bytes'
import {
  CURSOR_BASE_SEQNO,
  CURSOR_ENTRIES,
  CURSOR_ENTRY,
  CURSOR_HEAD,
  CURSOR_INTERVAL,
  CURSOR_INTERVALS,
  CURSOR_INTERVAL_ENTRIES,
  CURSOR_NEXT,
  CURSOR_PAYLOAD,
  CURSOR_POSITION,
  CURSOR_REST,
  CURSOR_RESTARTS,
  CURSOR_RESTART_SHIFT,
  CURSOR_REST_LENGTH,
  CURSOR_SHARED,
  decodeEntry,
  entryEnd,
} from './block-entry'
import {
  BLOCK_PAYLOAD_TRAILER,
  FLAG_WIDE_RESTARTS,
  TRAILER_BASE_SEQNO,
  TRAILER_ENTRIES,
  TRAILER_FLAGS,
  TRAILER_INTERVAL,
  TRAILER_RESTARTS,
  TRAILER_RESTART_ARRAY,
} from './block-layout'

/**
 * Moves a block cursor (the record: block-entry.ts) and reads the key it stands at. Seeking: block-seek.ts.
 */

/** Sets `cursor` to the block with the given payload, at no entry. */
export function blockOpen(cursor: u32, payload: u32, length: u32): void {
  const trailer = payload + (length - BLOCK_PAYLOAD_TRAILER)
  storeU32(cursor + CURSOR_ENTRY, 0)
  storeU64(cursor + CURSOR_BASE_SEQNO, loadU64(trailer + TRAILER_BASE_SEQNO))
  storeU32(cursor + CURSOR_PAYLOAD, payload)
  storeU32(cursor + CURSOR_RESTARTS, payload + loadU32(trailer + TRAILER_RESTART_ARRAY))
  storeU32(cursor + CURSOR_INTERVALS, loadU32(trailer + TRAILER_RESTARTS))
  storeU32(cursor + CURSOR_INTERVAL_ENTRIES, loadU8(trailer + TRAILER_INTERVAL))
  storeU32(cursor + CURSOR_RESTART_SHIFT, 1 + (loadU8(trailer + TRAILER_FLAGS) & FLAG_WIDE_RESTARTS))
  storeU32(cursor + CURSOR_ENTRIES, loadU32(trailer + TRAILER_ENTRIES))
}

// ── moving: each returns whether the cursor stands at an entry ───────────────────────────────────────────

export function blockFirst(cursor: u32): bool {
  moveToHead(cursor, 0)
  return true
}

export function blockLast(cursor: u32): bool {
  moveToIntervalEnd(cursor, loadU32(cursor + CURSOR_INTERVALS) - 1)
  return true
}

/** INVARIANT: stands at an entry. */
export function blockNext(cursor: u32): bool {
  const entry = loadU32(cursor + CURSOR_NEXT)
  if (entry == loadU32(cursor + CURSOR_RESTARTS)) {
    storeU32(cursor + CURSOR_ENTRY, 0)
    return false
  }
  const position = loadU32(cursor + CURSOR_POSITION) + 1
  if (position == loadU32(cursor + CURSOR_INTERVAL_ENTRIES)) {
    storeU32(cursor + CURSOR_INTERVAL, loadU32(cursor + CURSOR_INTERVAL) + 1)
    storeU32(cursor + CURSOR_POSITION, 0)
    decodeEntry(cursor, entry)
    storeU32(cursor + CURSOR_HEAD, loadU32(cursor + CURSOR_REST))
  } else {
    storeU32(cursor + CURSOR_POSITION, position)
    decodeEntry(cursor, entry)
  }
  return true
}

/** INVARIANT: stands at an entry. */
export function blockPrevious(cursor: u32): bool {
  const interval = loadU32(cursor + CURSOR_INTERVAL)
  const entry = loadU32(cursor + CURSOR_ENTRY)
  if (loadU32(cursor + CURSOR_POSITION) != 0) {
    moveBefore(cursor, interval, entry)
    return true
  }
  if (interval != 0) {
    moveBefore(cursor, interval - 1, entry)
    return true
  }
  storeU32(cursor + CURSOR_ENTRY, 0)
  return false
}

// ── at an entry ──────────────────────────────────────────────────────────────────────────────────────────

/** Number of the entry in its block, from 0. */
// @ts-ignore: decorator
@inline
export function blockOrdinal(cursor: u32): u32 {
  return (
    loadU32(cursor + CURSOR_INTERVAL) * loadU32(cursor + CURSOR_INTERVAL_ENTRIES) +
    loadU32(cursor + CURSOR_POSITION)
  )
}

// @ts-ignore: decorator
@inline
export function blockKeyLength(cursor: u32): u32 {
  return loadU32(cursor + CURSOR_SHARED) + loadU32(cursor + CURSOR_REST_LENGTH)
}

/** Copies the user key to `to`, blockKeyLength bytes. */
export function blockCopyKey(cursor: u32, to: u32): void {
  const shared = loadU32(cursor + CURSOR_SHARED)
  copyBytes(to, loadU32(cursor + CURSOR_HEAD), shared)
  copyBytes(to + shared, loadU32(cursor + CURSOR_REST), loadU32(cursor + CURSOR_REST_LENGTH))
}

/** Order of the entry's user key against a key: below 0, 0 or above 0. */
export function blockCompareKey(cursor: u32, key: u32, keyLength: u32): i32 {
  const head = loadU32(cursor + CURSOR_HEAD)
  const shared = loadU32(cursor + CURSOR_SHARED)
  return compareSplit(
    head,
    shared,
    loadU32(cursor + CURSOR_REST),
    loadU32(cursor + CURSOR_REST_LENGTH),
    key,
    keyLength,
  )
}

/** Order of the user key [head, head + shared) ++ [rest, rest + restLength) against a key: below 0, 0 or above 0. */
// @ts-ignore: decorator
@inline
export function compareSplit(
  head: u32,
  shared: u32,
  rest: u32,
  restLength: u32,
  key: u32,
  keyLength: u32,
): i32 {
  if (shared > 0) {
    const order = compareBytes(head, shared, key, min(shared, keyLength))
    if (order != 0) return order
  }
  return compareBytes(rest, restLength, key + shared, keyLength - shared)
}

/** Whether the entry's user key is that key. */
export function blockKeyEquals(cursor: u32, key: u32, keyLength: u32): bool {
  const shared = loadU32(cursor + CURSOR_SHARED)
  const restLength = loadU32(cursor + CURSOR_REST_LENGTH)
  return (
    keyLength == shared + restLength &&
    equalBytes(loadU32(cursor + CURSOR_REST), key + shared, restLength) &&
    equalBytes(loadU32(cursor + CURSOR_HEAD), key, shared)
  )
}

// ── intervals ────────────────────────────────────────────────────────────────────────────────────────────

/** The entry at which an interval begins. */
// @ts-ignore: decorator
@inline
export function restartHead(cursor: u32, interval: u32): u32 {
  const restarts = loadU32(cursor + CURSOR_RESTARTS)
  const offset =
    loadU32(cursor + CURSOR_RESTART_SHIFT) == 1
      ? loadU16(restarts + (interval << 1))
      : loadU32(restarts + (interval << 2))
  return loadU32(cursor + CURSOR_PAYLOAD) + offset
}

/** Bytes of entries that are fetched at once. NOTE: a processor fetches two lines together. */
const FETCHED_BYTES: u32 = 512
const FETCH_STEP: u32 = 128
/** The heads of blocks with at most so many intervals are fetched at once. */
const FETCHED_HEADS: u32 = 16

/**
 * Has the processor fetch the entries of an interval together. NOTE: each says where the next one is, so it would fetch them one after the other.
 * INVARIANT: the cursor is moved next; what is loaded is left where it overwrites it.
 */
// @ts-ignore: decorator
@inline
export function fetchInterval(cursor: u32, interval: u32): void {
  const restarts = loadU32(cursor + CURSOR_RESTARTS)
  const head = restartHead(cursor, interval)
  let fetched: u32 = 0
  for (let at = FETCH_STEP; at < FETCHED_BYTES; at += FETCH_STEP) fetched += loadU32(min(head + at, restarts))
  storeU32(cursor + CURSOR_ENTRY, fetched)
}

/** The same for the heads of all intervals, if those are few. NOTE: a search looks at one in two, three or four of them, and at none before the last one has come. */
// @ts-ignore: decorator
@inline
export function fetchHeads(cursor: u32): void {
  const intervals = loadU32(cursor + CURSOR_INTERVALS)
  if (intervals > FETCHED_HEADS) return
  let fetched: u32 = 0
  for (let i: u32 = 0; i < intervals; i++) fetched += loadU32(restartHead(cursor, i))
  storeU32(cursor + CURSOR_ENTRY, fetched)
}

export function moveToHead(cursor: u32, interval: u32): void {
  storeU32(cursor + CURSOR_INTERVAL, interval)
  storeU32(cursor + CURSOR_POSITION, 0)
  decodeEntry(cursor, restartHead(cursor, interval))
  storeU32(cursor + CURSOR_HEAD, loadU32(cursor + CURSOR_REST))
}

/** Moves to the last entry of an interval. */
function moveToIntervalEnd(cursor: u32, interval: u32): void {
  const isLast = interval + 1 == loadU32(cursor + CURSOR_INTERVALS)
  moveBefore(cursor, interval, isLast ? loadU32(cursor + CURSOR_RESTARTS) : restartHead(cursor, interval + 1))
}

/** Moves to the entry of an interval that ends at `end`: headers are skipped from the head on, none is kept. */
function moveBefore(cursor: u32, interval: u32, end: u32): void {
  moveToHead(cursor, interval)
  let entry = loadU32(cursor + CURSOR_ENTRY)
  let next = loadU32(cursor + CURSOR_NEXT)
  if (next == end) return
  let position: u32 = 0
  while (next != end) {
    entry = next
    next = entryEnd(entry)
    position++
  }
  storeU32(cursor + CURSOR_POSITION, position)
  decodeEntry(cursor, entry)
}
