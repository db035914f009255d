import {
  BOUND_AFTER,
  PAGE_BYTES,
  SLOT_COUNT_RESULT,
  SLOT_LENGTH,
  SLOT_PASSED,
  SLOT_POINTER,
  SLOT_POSITION,
  STATUS_DONE,
  STATUS_FULL,
  STATUS_NEED_BLOCK,
  STATUS_OK,
  TYPE_TOMBSTONE,
  TYPE_WEAK_TOMBSTONE,
  CHUNK_ENTRY_HEADER_BYTES,
} from '../memory/layout'
import { loadU32, loadU64, loadV128, storeU32, storeV128 } from '../memory/bytes'
import { loadPrefix } from '../key/compare'
import { trailerSeqno, trailerType } from '../key/internal-key'
import {
  CURSOR_HEAD,
  CURSOR_REST,
  CURSOR_REST_LENGTH,
  CURSOR_SHARED,
  CURSOR_TRAILER,
  CURSOR_VALUE,
} from '../table/block-entry'
import { blockKeyLength } from '../table/block-reader'
import { chunkEntryBytes, chunkValueLength, isExtent, writeChunkEntry } from './chunk'
import { fetchWaiting, sourceWait } from './merge'
import { heapPop, heapSettle, heapTop } from './merge-heap'
import { compareUserKeys, sameUserKey } from './merge-order'
import {
  CURRENT_KEPT,
  CURRENT_NONE,
  CURRENT_REFERENCED,
  MERGE_CHUNK,
  MERGE_CHUNK_COUNT,
  MERGE_CHUNK_LAST,
  MERGE_CHUNK_LENGTH,
  MERGE_CURRENT,
  MERGE_CURRENT_STATE,
  MERGE_END,
  MERGE_HAS_END,
  MERGE_HEAP_COUNT,
  MERGE_PASSED,
  MERGE_READ_SEQNO,
  MERGE_REVERSE,
  MERGE_WAITING,
  mergePage,
  NO_KEY,
  RUN_PHASE,
  SOURCE_MEMTABLE,
  SOURCE_PREFIX,
} from './merge-page'
import { PHASE_INDEX_NEXT, PHASE_ROOT_EDGE, PHASE_STANDS } from './merge-run'
import { sourceAdvance } from './merge-source'

/**
 * Running a merge: of every user key the newest version that S sees goes into the chunk, unless it is a tombstone.
 *
 * Forwards that version is the first visible one met, and the rest of the user key is skipped. Backwards the oldest version comes first:
 * the last visible one seen is held back until the user key changes.
 *
 * Entries are referenced where they lie. Before a block is asked for (the caller then replaces one), what is still needed of the user key
 * in progress is put behind the chunk's last entry.
 */
export function mergeFill(
  slot: u32,
  chunk: u32,
  capacity: u32,
  limit: u32,
  keysOnly: u32,
  endKey: u32,
  endLength: u32,
  endBound: u32,
): u32 {
  const page = mergePage(slot)
  if (!ASC_NO_ASSERT) assert((chunk & 3) == 0 && capacity <= PAGE_BYTES)
  if (loadU32(page + MERGE_CHUNK) == 0) {
    storeU32(page + MERGE_CHUNK, chunk)
    storeU32(page + MERGE_CHUNK_LENGTH, 0)
    storeU32(page + MERGE_CHUNK_COUNT, 0)
    storeU32(page + MERGE_CHUNK_LAST, 0)
    storeU32(page + MERGE_PASSED, 0)
  }
  if (!ASC_NO_ASSERT) assert(loadU32(page + MERGE_CHUNK) == chunk)
  const hasEnd = endLength != NO_KEY
  storeU32(page + MERGE_HAS_END, hasEnd ? 1 : 0)
  if (hasEnd) {
    storeU32(page + MERGE_END + CURSOR_HEAD, 0)
    storeU32(page + MERGE_END + CURSOR_SHARED, 0)
    storeU32(page + MERGE_END + CURSOR_REST, endKey)
    storeU32(page + MERGE_END + CURSOR_REST_LENGTH, endLength)
    storeV128(page + MERGE_END + SOURCE_PREFIX, loadPrefix(endKey, endLength))
  }

  let status = STATUS_FULL
  if (limit > 0) {
    status =
      loadU32(page + MERGE_REVERSE) != 0
        ? fillBackwards(slot, page, chunk, capacity, limit, keysOnly != 0, hasEnd, endBound != BOUND_AFTER)
        : fillForwards(slot, page, chunk, capacity, limit, keysOnly != 0, hasEnd, endBound == BOUND_AFTER)
  }
  // NOTE: then the slot's results name the block.
  if (status == STATUS_NEED_BLOCK) return status
  storeU32(slot + SLOT_LENGTH, loadU32(page + MERGE_CHUNK_LENGTH))
  storeU32(slot + SLOT_COUNT_RESULT, loadU32(page + MERGE_CHUNK_COUNT))
  storeU32(slot + SLOT_POSITION, loadU32(page + MERGE_CHUNK_LAST))
  storeU32(slot + SLOT_PASSED, loadU32(page + MERGE_PASSED))
  storeU32(page + MERGE_CHUNK, 0)
  // NOTE: the chunk is the caller's now. A key kept in it is one the merge has left behind: what comes next is another key,
  // or the chunk would not have ended here.
  if (loadU32(page + MERGE_CURRENT_STATE) == CURRENT_KEPT) storeU32(page + MERGE_CURRENT_STATE, CURRENT_NONE)
  return status
}

/** KernelExports.mergeCut. */
export function mergeCut(slot: u32): u32 {
  const page = mergePage(slot)
  const count = loadU32(page + MERGE_CHUNK_COUNT)
  if (count == 0) return 0
  storeU32(slot + SLOT_COUNT_RESULT, count)
  storeU32(slot + SLOT_POSITION, loadU32(page + MERGE_CHUNK_LAST))
  storeU32(slot + SLOT_PASSED, loadU32(page + MERGE_PASSED))
  return count
}

/** KernelExports.mergeKey. */
export function mergeKey(slot: u32): bool {
  const page = mergePage(slot)
  const state = loadU32(page + MERGE_CURRENT_STATE)
  if (state == CURRENT_NONE) return false
  // NOTE: without entries in the chunk there is room.
  if (state == CURRENT_REFERENCED) keepCurrent(page, loadU32(page + MERGE_CHUNK), 0, 0)
  storeU32(slot + SLOT_POINTER, loadU32(page + MERGE_CURRENT + CURSOR_REST))
  storeU32(slot + SLOT_LENGTH, loadU32(page + MERGE_CURRENT + CURSOR_REST_LENGTH))
  return true
}

function fillForwards(
  slot: u32,
  page: u32,
  chunk: u32,
  capacity: u32,
  limit: u32,
  keysOnly: bool,
  hasEnd: bool,
  endIncluded: bool,
): u32 {
  const current = page + MERGE_CURRENT
  const readSeqno = loadU64(page + MERGE_READ_SEQNO)
  let length = loadU32(page + MERGE_CHUNK_LENGTH)
  let count = loadU32(page + MERGE_CHUNK_COUNT)
  let status = STATUS_DONE
  // Entries passed in this call before the chunk had one.
  let passed: u32 = 0
  for (;;) {
    if (loadU32(page + MERGE_WAITING) != 0) {
      status = keepKey(page, chunk, length) ? fetchWaiting(slot, page, false) : STATUS_FULL
      if (status != STATUS_OK) break
      status = STATUS_DONE
    }
    if (loadU32(page + MERGE_HEAP_COUNT) == 0) break
    const top = heapTop(page)
    if (loadU32(page + MERGE_CURRENT_STATE) == CURRENT_NONE || !sameUserKey(top, current)) {
      if (hasEnd) {
        const order = compareUserKeys(top, page + MERGE_END)
        if (order > 0 || (order == 0 && !endIncluded)) break
      }
      if (takeAhead(page, top)) continue
      const trailer = loadU64(top + CURSOR_TRAILER)
      if (trailerSeqno(trailer) < readSeqno) {
        if (isTombstone(trailer)) {
          takeCurrent(page, top)
        } else {
          const valueLength = keysOnly ? 0 : chunkValueLength(top)
          const size = chunkEntryBytes(top, valueLength)
          if (length + size > capacity && count > 0) {
            status = STATUS_FULL
            break
          }
          takeCurrent(page, top)
          writeChunkEntry(chunk + length, chunk, top, valueLength)
          storeU32(page + MERGE_CHUNK_LAST, length)
          length += size
          count++
          // NOTE: the source still stands at this entry; the next call skips it as a version of the current key.
          if (count == limit || (!keysOnly && isExtent(top))) {
            status = STATUS_FULL
            break
          }
        }
      }
    } else if (takeAhead(page, top)) {
      continue
    }
    if (count == 0) passed++
    advance(page, top, false)
  }
  storeU32(page + MERGE_PASSED, loadU32(page + MERGE_PASSED) + passed)
  storeU32(page + MERGE_CHUNK_LENGTH, length)
  storeU32(page + MERGE_CHUNK_COUNT, count)
  return status
}

function fillBackwards(
  slot: u32,
  page: u32,
  chunk: u32,
  capacity: u32,
  limit: u32,
  keysOnly: bool,
  hasEnd: bool,
  endIncluded: bool,
): u32 {
  const current = page + MERGE_CURRENT
  const readSeqno = loadU64(page + MERGE_READ_SEQNO)
  let length = loadU32(page + MERGE_CHUNK_LENGTH)
  let count = loadU32(page + MERGE_CHUNK_COUNT)
  let status = STATUS_DONE
  for (;;) {
    if (loadU32(page + MERGE_WAITING) != 0) {
      status = keepEntry(page, chunk, length, capacity, keysOnly)
        ? fetchWaiting(slot, page, true)
        : STATUS_FULL
      if (status != STATUS_OK) break
      status = STATUS_DONE
    }
    const top = loadU32(page + MERGE_HEAP_COUNT) == 0 ? 0 : heapTop(page)
    let state = loadU32(page + MERGE_CURRENT_STATE)
    if (state != CURRENT_NONE && (top == 0 || !sameUserKey(top, current))) {
      // The user key is complete.
      if (!isTombstone(loadU64(current + CURSOR_TRAILER))) {
        const valueLength = keysOnly ? 0 : chunkValueLength(current)
        const size = chunkEntryBytes(current, valueLength)
        if (state != CURRENT_KEPT) {
          if (length + size > capacity && count > 0) {
            status = STATUS_FULL
            break
          }
          writeChunkEntry(chunk + length, chunk, current, valueLength)
        }
        storeU32(page + MERGE_CHUNK_LAST, length)
        length += size
        count++
        storeU32(page + MERGE_CURRENT_STATE, CURRENT_NONE)
        if (count == limit || (!keysOnly && isExtent(current))) {
          status = STATUS_FULL
          break
        }
      }
      state = CURRENT_NONE
      storeU32(page + MERGE_CURRENT_STATE, CURRENT_NONE)
    }
    if (top == 0) break
    if (hasEnd && state == CURRENT_NONE) {
      const order = compareUserKeys(top, page + MERGE_END)
      if (order < 0 || (order == 0 && !endIncluded)) break
    }
    if (takeAhead(page, top)) continue
    if (trailerSeqno(loadU64(top + CURSOR_TRAILER)) < readSeqno) takeCurrent(page, top)
    advance(page, top, true)
  }
  storeU32(page + MERGE_CHUNK_LENGTH, length)
  storeU32(page + MERGE_CHUNK_COUNT, count)
  return status
}

/** Has the top fetched if it only stands in for what its table has. @returns whether it did: then the top may be another one */
// @ts-ignore: decorator
@inline
function takeAhead(page: u32, top: u32): bool {
  if (loadU32(top + RUN_PHASE) == PHASE_STANDS) return false
  heapPop(page)
  sourceWait(page, top, PHASE_ROOT_EDGE)
  return true
}

/** Moves the top to its next entry. */
// @ts-ignore: decorator
@inline
function advance(page: u32, top: u32, reverse: bool): void {
  if (sourceAdvance(top, reverse)) {
    heapSettle(page, reverse)
  } else {
    heapPop(page)
    if (loadU32(top + SOURCE_MEMTABLE) == 0) sourceWait(page, top, PHASE_INDEX_NEXT)
  }
}

// @ts-ignore: decorator
@inline
function isTombstone(trailer: u64): bool {
  const type = trailerType(trailer)
  return type == TYPE_TOMBSTONE || type == TYPE_WEAK_TOMBSTONE
}

// ── the user key in progress ─────────────────────────────────────────────────────────────────────────────

/** Makes a source's entry the current one: its slices, trailer, prefix, memtable and number. */
// @ts-ignore: decorator
@inline
function takeCurrent(page: u32, source: u32): void {
  const current = page + MERGE_CURRENT
  storeV128(current + CURSOR_HEAD, loadV128(source + CURSOR_HEAD))
  storeV128(current + CURSOR_VALUE, loadV128(source + CURSOR_VALUE))
  storeV128(current + SOURCE_PREFIX, loadV128(source + SOURCE_PREFIX))
  storeV128(current + SOURCE_MEMTABLE, loadV128(source + SOURCE_MEMTABLE))
  storeU32(page + MERGE_CURRENT_STATE, CURRENT_REFERENCED)
}

/** Whether blocks may be replaced as far as the current entry is concerned. */
// @ts-ignore: decorator
@inline
function isCurrentSafe(page: u32): bool {
  return (
    loadU32(page + MERGE_CURRENT_STATE) != CURRENT_REFERENCED ||
    loadU32(page + MERGE_CURRENT + SOURCE_MEMTABLE) != 0
  )
}

/**
 * Forwards: puts the current user key, if a block holds it, behind the chunk's entries.
 * @returns false if the page has no room: then the chunk is not empty and must be handed out first.
 */
function keepKey(page: u32, chunk: u32, length: u32): bool {
  if (isCurrentSafe(page)) return true
  const size = chunkEntryBytes(page + MERGE_CURRENT, 0)
  if (length + size > PAGE_BYTES) return false
  keepCurrent(page, chunk, length, 0)
  return true
}

/**
 * Backwards: puts the current entry, if a block holds it, behind the chunk's entries, where it is left when it proves the newest.
 * @returns false if there is no room: then the chunk is not empty and must be handed out first.
 */
function keepEntry(page: u32, chunk: u32, length: u32, capacity: u32, keysOnly: bool): bool {
  if (isCurrentSafe(page)) return true
  const current = page + MERGE_CURRENT
  const valueLength = keysOnly ? 0 : chunkValueLength(current)
  if (length > 0 && length + chunkEntryBytes(current, valueLength) > capacity) return false
  keepCurrent(page, chunk, length, valueLength)
  return true
}

function keepCurrent(page: u32, chunk: u32, length: u32, valueLength: u32): void {
  const current = page + MERGE_CURRENT
  const keyLength = blockKeyLength(current)
  writeChunkEntry(chunk + length, chunk, current, valueLength)
  storeU32(current + CURSOR_HEAD, 0)
  storeU32(current + CURSOR_SHARED, 0)
  storeU32(current + CURSOR_REST, chunk + length + CHUNK_ENTRY_HEADER_BYTES)
  storeU32(current + CURSOR_REST_LENGTH, keyLength)
  storeU32(page + MERGE_CURRENT_STATE, CURRENT_KEPT)
}
