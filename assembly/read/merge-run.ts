import {
  BLOCK_DATA,
  BLOCK_INDEX,
  SLOT_BLOCK_CURSOR,
  STATUS_ABSENT,
  STATUS_DONE,
  STATUS_OK,
  TABLE_FENCES,
  TABLE_LARGEST,
  TABLE_LARGEST_LENGTH,
  TABLE_SMALLEST,
  TABLE_SMALLEST_LENGTH,
} from '../memory/layout'
import { atomicLoadU32, loadU32, loadU64, storeU32, storeU64, storeV128 } from '../memory/bytes'
import { cacheFind, frameLength, framePayload, frameUnpin } from '../cache/cache'
import { loadPrefix } from '../key/compare'
import { TRAILER_AFTER, TRAILER_BEFORE } from '../key/internal-key'
import {
  CURSOR_ENTRIES,
  CURSOR_HEAD,
  CURSOR_REST,
  CURSOR_REST_LENGTH,
  CURSOR_SHARED,
  CURSOR_TRAILER,
} from '../table/block-entry'
import { blockOrdinal } from '../table/block-reader'
import { blockSeekGE, blockSeekOrdinal } from '../table/block-seek'
import {
  FENCE_UNSURE,
  fenceChild,
  fenceHandle,
  fencesFind,
  handleBlockOffset,
  handleBytes,
} from '../table/fences'
import {
  MERGE_BEGIN_KEY,
  MERGE_BEGIN_LENGTH,
  MERGE_BEGIN_TRAILER,
  MERGE_CONTINUES,
  MERGE_END,
  MERGE_HAS_END,
  NO_KEY,
  RUN_DATA_OFFSET,
  RUN_DATA_SIZE,
  RUN_FRAME,
  RUN_INDEX_OFFSET,
  RUN_INDEX_ORDINAL,
  RUN_INDEX_SIZE,
  RUN_PHASE,
  RUN_ROOT_ORDINAL,
  RUN_TABLES,
  RUN_TABLE_COUNT,
  RUN_TABLE_NUMBER,
  SOURCE_PREFIX,
  SOURCE_TABLE,
} from './merge-page'
import { sourceSeekBlock } from './merge-source'
import { needBlock, openBlock, openRoot, releaseBlock } from './table-block'
import { cursorHandleOffset, cursorHandleSize } from './table-get'
import { compareLargest, compareSmallest } from './version-tables'

/**
 * A run (disjoint tables, ascending) as a source of a merge: root index → index block → data block, and on to the next one, in one direction.
 * What a source wants next is its phase; a block that is missing leaves the phase as it is, so the step is simply taken again.
 * A source pins the data block it stands in and nothing else.
 */
/** It stands at an entry. */
export const PHASE_STANDS: u32 = 0
/** It wants, of the table's root index, the entry at the bound of the merge, or the first (backwards: last) one; of an index block; a data block. */
export const PHASE_ROOT_SEEK: u32 = 1
export const PHASE_ROOT_EDGE: u32 = 2
const PHASE_INDEX_SEEK: u32 = 3
const PHASE_INDEX_EDGE: u32 = 4
const PHASE_DATA_SEEK: u32 = 5
const PHASE_DATA_EDGE: u32 = 6
/** Its data block is used up: it wants the next entry of its index block; of the root index. */
export const PHASE_INDEX_NEXT: u32 = 7
const PHASE_ROOT_NEXT: u32 = 8
/** It has no more. */
export const PHASE_DONE: u32 = 9
/** It has loaded nothing and stands, in the heap, before all that is in its table: at the smallest (backwards: largest) key. */
export const PHASE_AHEAD: u32 = 10

/**
 * Puts a source at an edge of the table it is in, where it stands in for whatever the table has: the first block is loaded
 * when the merge comes there, if it ever does.
 */
export function runAhead(source: u32, table: u32, reverse: bool): void {
  const key = loadU32(table + (reverse ? TABLE_LARGEST : TABLE_SMALLEST))
  const length = loadU32(table + (reverse ? TABLE_LARGEST_LENGTH : TABLE_SMALLEST_LENGTH))
  storeU32(source + CURSOR_HEAD, 0)
  storeU32(source + CURSOR_SHARED, 0)
  storeU32(source + CURSOR_REST, key)
  storeU32(source + CURSOR_REST_LENGTH, length)
  storeU64(source + CURSOR_TRAILER, reverse ? TRAILER_AFTER : TRAILER_BEFORE)
  storeV128(source + SOURCE_PREFIX, loadPrefix(key, length))
  storeU32(source + RUN_PHASE, PHASE_AHEAD)
}

/** Takes a source that waits to its next entry. @returns OK, DONE or NEED_BLOCK */
export function runFetch(slot: u32, page: u32, source: u32, reverse: bool): u32 {
  while (true) {
    // Backwards the number wraps below 0 at the end.
    const number = loadU32(source + RUN_TABLE_NUMBER)
    if (number >= loadU32(source + RUN_TABLE_COUNT)) return finish(source)
    const table = loadU32(loadU32(source + RUN_TABLES) + 4 * number)
    storeU32(source + SOURCE_TABLE, table)
    const phase = loadU32(source + RUN_PHASE)
    let status: u32
    if (phase == PHASE_DATA_SEEK || phase == PHASE_DATA_EDGE) {
      status = enterData(slot, page, source, table, reverse, phase == PHASE_DATA_SEEK)
      if (status == STATUS_OK) return STATUS_OK
    } else if (phase == PHASE_INDEX_SEEK || phase == PHASE_INDEX_EDGE || phase == PHASE_INDEX_NEXT) {
      status = stepFences(source, table, reverse, phase)
        ? STATUS_OK
        : stepIndex(slot, page, source, table, reverse, phase)
    } else {
      if (phase != PHASE_ROOT_NEXT && isBehindEnd(page, table, reverse)) return finish(source)
      status =
        phase == PHASE_ROOT_SEEK && seekFences(page, source, table)
          ? STATUS_OK
          : stepRoot(slot, page, source, table, reverse, phase)
    }
    if (status != STATUS_OK && status != STATUS_ABSENT) return status
  }
}

function finish(source: u32): u32 {
  runRelease(source)
  storeU32(source + RUN_PHASE, PHASE_DONE)
  return STATUS_DONE
}

/** Lets go of the data block. */
export function runRelease(source: u32): void {
  const frame = loadU32(source + RUN_FRAME)
  if (frame != 0) frameUnpin(frame)
  storeU32(source + RUN_FRAME, 0)
}

/** Whether all keys of a table lie beyond the end of the merge. */
function isBehindEnd(page: u32, table: u32, reverse: bool): bool {
  if (loadU32(page + MERGE_HAS_END) == 0) return false
  const end = loadU32(page + MERGE_END + CURSOR_REST)
  const endLength = loadU32(page + MERGE_END + CURSOR_REST_LENGTH)
  return reverse ? compareLargest(table, end, endLength) < 0 : compareSmallest(table, end, endLength) > 0
}

/** Chooses an entry of the root index, which names an index block. */
function stepRoot(slot: u32, page: u32, source: u32, table: u32, reverse: bool, phase: u32): u32 {
  const cursor = slot + SLOT_BLOCK_CURSOR
  const status = openRoot(slot, cursor, table)
  if (status != STATUS_OK) return status
  if (
    choose(
      page,
      source,
      cursor,
      reverse,
      phase == PHASE_ROOT_SEEK,
      phase == PHASE_ROOT_NEXT,
      RUN_ROOT_ORDINAL,
    )
  ) {
    storeU64(source + RUN_INDEX_OFFSET, cursorHandleOffset(cursor))
    storeU32(source + RUN_INDEX_SIZE, cursorHandleSize(cursor))
    storeU32(source + RUN_PHASE, phase == PHASE_ROOT_SEEK ? PHASE_INDEX_SEEK : PHASE_INDEX_EDGE)
  } else if (phase == PHASE_ROOT_SEEK && reverse) {
    // The bound lies behind the table's last key.
    storeU32(source + RUN_PHASE, PHASE_ROOT_EDGE)
  } else {
    storeU32(source + RUN_TABLE_NUMBER, loadU32(source + RUN_TABLE_NUMBER) + (reverse ? -1 : 1))
    storeU32(source + RUN_PHASE, PHASE_ROOT_EDGE)
  }
  releaseBlock(slot)
  return STATUS_OK
}

/** stepRoot's seek by the table's fences, and stepIndex's if they can tell. @returns false if there are none, or they cannot */
function seekFences(page: u32, source: u32, table: u32): bool {
  const key = loadU32(page + MERGE_BEGIN_KEY)
  const keyLength = loadU32(page + MERGE_BEGIN_LENGTH)
  // ORDER: pairs with keepFences, as in fencedHandle.
  const root = atomicLoadU32(table + TABLE_FENCES)
  if (root == 0) return false
  const number = fencesFind(root, key, keyLength)
  if (number == FENCE_UNSURE) return false
  storeU32(source + RUN_ROOT_ORDINAL, number)
  const index = fenceHandle(root, number)
  storeU64(source + RUN_INDEX_OFFSET, handleBlockOffset(index))
  storeU32(source + RUN_INDEX_SIZE, handleBytes(index))
  const fences = atomicLoadU32(fenceChild(root, number))
  const found = fences == 0 ? FENCE_UNSURE : fencesFind(fences, key, keyLength)
  if (found == FENCE_UNSURE) storeU32(source + RUN_PHASE, PHASE_INDEX_SEEK)
  else chooseData(source, fences, found, PHASE_DATA_SEEK)
  return true
}

/** stepIndex by the fences of the index block the source is in; it seeks in the block itself. @returns false if there are none */
function stepFences(source: u32, table: u32, reverse: bool, phase: u32): bool {
  if (phase == PHASE_INDEX_SEEK) return false
  const root = atomicLoadU32(table + TABLE_FENCES)
  if (root == 0) return false
  const fences = atomicLoadU32(fenceChild(root, loadU32(source + RUN_ROOT_ORDINAL)))
  if (fences == 0) return false
  const count = loadU32(fences)
  // Backwards the ordinal wraps below 0 at the end.
  let ordinal = reverse ? count - 1 : 0
  if (phase == PHASE_INDEX_NEXT) ordinal = loadU32(source + RUN_INDEX_ORDINAL) + (reverse ? -1 : 1)
  if (ordinal < count) chooseData(source, fences, ordinal, PHASE_DATA_EDGE)
  else storeU32(source + RUN_PHASE, PHASE_ROOT_NEXT)
  return true
}

function chooseData(source: u32, fences: u32, ordinal: u32, phase: u32): void {
  const handle = fenceHandle(fences, ordinal)
  storeU32(source + RUN_INDEX_ORDINAL, ordinal)
  storeU64(source + RUN_DATA_OFFSET, handleBlockOffset(handle))
  storeU32(source + RUN_DATA_SIZE, handleBytes(handle))
  storeU32(source + RUN_PHASE, phase)
}

/** Chooses an entry of the index block, which names a data block. */
function stepIndex(slot: u32, page: u32, source: u32, table: u32, reverse: bool, phase: u32): u32 {
  const cursor = slot + SLOT_BLOCK_CURSOR
  const offset = loadU64(source + RUN_INDEX_OFFSET)
  const status = openBlock(slot, cursor, table, offset, loadU32(source + RUN_INDEX_SIZE), BLOCK_INDEX)
  if (status != STATUS_OK) return status
  const seeks = phase == PHASE_INDEX_SEEK
  if (choose(page, source, cursor, reverse, seeks, phase == PHASE_INDEX_NEXT, RUN_INDEX_ORDINAL)) {
    storeU64(source + RUN_DATA_OFFSET, cursorHandleOffset(cursor))
    storeU32(source + RUN_DATA_SIZE, cursorHandleSize(cursor))
    storeU32(source + RUN_PHASE, seeks ? PHASE_DATA_SEEK : PHASE_DATA_EDGE)
  } else {
    storeU32(source + RUN_PHASE, seeks && reverse ? PHASE_INDEX_EDGE : PHASE_ROOT_NEXT)
  }
  releaseBlock(slot)
  return STATUS_OK
}

/** Moves `cursor` to the entry wanted and remembers its ordinal in the source's word at `ordinalWord`. @returns whether there is one */
function choose(
  page: u32,
  source: u32,
  cursor: u32,
  reverse: bool,
  seeks: bool,
  moves: bool,
  ordinalWord: u32,
): bool {
  let found: bool
  if (seeks) {
    found = blockSeekGE(
      cursor,
      loadU32(page + MERGE_BEGIN_KEY),
      loadU32(page + MERGE_BEGIN_LENGTH),
      separatorBound(loadU64(page + MERGE_BEGIN_TRAILER)),
    )
    if (found) storeU32(source + ordinalWord, blockOrdinal(cursor))
    return found
  }
  let ordinal = loadU32(source + ordinalWord)
  if (moves) ordinal += reverse ? -1 : 1
  else ordinal = reverse ? loadU32(cursor + CURSOR_ENTRIES) - 1 : 0
  storeU32(source + ordinalWord, ordinal)
  return blockSeekOrdinal(cursor, ordinal)
}

/**
 * The trailer with which an index is searched for an internal key. NOTE: a separator with seqno 0 stands behind all versions of its key, but is
 * stored with the trailer of a value, 1: a bound behind all versions must not pass over it.
 */
// @ts-ignore: decorator
@inline
export function separatorBound(trailer: u64): u64 {
  return trailer == 0 ? 1 : trailer
}

/** Goes into the data block. @returns OK at an entry, ABSENT (on to the next block) or NEED_BLOCK */
function enterData(slot: u32, page: u32, source: u32, table: u32, reverse: bool, seeks: bool): u32 {
  const offset = loadU64(source + RUN_DATA_OFFSET)
  // NOTE: a scan comes back to the block where its last chunk ended: that is no use of it.
  const touch = !seeks || loadU32(page + MERGE_CONTINUES) == 0
  const frame = cacheFind(slot, table, offset, BLOCK_DATA, touch)
  if (frame == 0) return needBlock(slot, table, offset, loadU32(source + RUN_DATA_SIZE), BLOCK_DATA)
  runRelease(source)
  storeU32(source + RUN_FRAME, frame)
  const found = sourceSeekBlock(
    source,
    framePayload(frame),
    frameLength(frame),
    reverse,
    loadU32(page + MERGE_BEGIN_KEY),
    seeks ? loadU32(page + MERGE_BEGIN_LENGTH) : NO_KEY,
    loadU64(page + MERGE_BEGIN_TRAILER),
  )
  storeU32(source + RUN_PHASE, found ? PHASE_STANDS : PHASE_INDEX_NEXT)
  return found ? STATUS_OK : STATUS_ABSENT
}
