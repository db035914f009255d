import {
  BLOCK_FILTER,
  BLOCK_INDEX,
  BLOCK_ROOT_INDEX,
  FILTER_BLOCK_LINES,
  FILTER_LINE_BYTES,
  SLOT_BLOCK_CURSOR,
  SLOT_LENGTH,
  SLOT_POINTER,
  STATUS_NO_PAGES,
  STATUS_OK,
  TABLE_CHECKED,
  TABLE_FENCES,
  TABLE_FILTERS,
  TABLE_FILTER_LINES,
  TABLE_FILTER_OFFSET,
  TABLE_ROOT,
  TABLE_ROOT_LENGTH,
} from '../memory/layout'
import {
  atomicLoadU32,
  compareExchangeU32,
  copyBytes,
  loadF64,
  loadU32,
  loadU8,
  storeU32,
  storeU8,
} from '../memory/bytes'
import { allocateRecord, freeRecord } from '../memory/records'
import { FRAME_BYTES } from '../table/block-frame'
import { openFrame } from '../table/block-check'
import { fenceChildAt, fencesBytes, fencesCreate, fencesFree } from '../table/fences'
import { cacheInsert, frameUnpin } from './cache'

/**
 * KernelExports.loadBlock: checks the block of a table that lies at [block, block + size) as it was read from the file, and puts it where
 * reads find it, decompressed in the page `target` if it is compressed: with `keep` root index and filter into a record of the table's own, all else into the cache. With `keep`
 * fences of index blocks are made, too. SLOT_LENGTH: the bytes that are kept.
 */
export function loadBlock(
  slot: u32,
  table: u32,
  block: u32,
  size: u32,
  kind: u32,
  offset: f64,
  keep: u32,
  target: u32,
): u32 {
  const walked = wasWalked(table, size, <u64>offset)
  const status = openFrame(slot, block, size, kind, table, offset, target, !walked)
  if (status != STATUS_OK) return status
  if (!walked) noteWalked(table, size, <u64>offset)
  const payload = loadU32(slot + SLOT_POINTER)
  const length = loadU32(slot + SLOT_LENGTH)
  storeU32(slot + SLOT_LENGTH, 0)
  if (keep != 0) {
    if (kind != BLOCK_INDEX) return keepBlock(slot, table, kind, <u64>offset, payload, length)
    const fences = atomicLoadU32(table + TABLE_FENCES)
    const word = fences == 0 ? 0 : fenceChildAt(fences, <u64>offset)
    if (word != 0) storeU32(slot + SLOT_LENGTH, keepFences(slot, word, payload, length, false))
  }
  const frame = cacheInsert(table, <u64>offset, kind, payload, length)
  if (frame == 0) return STATUS_NO_PAGES
  frameUnpin(frame)
  return STATUS_OK
}

/** Keeps a root index or a filter block where the table's record says. */
function keepBlock(slot: u32, table: u32, kind: u32, offset: u64, payload: u32, length: u32): u32 {
  const isRoot = kind == BLOCK_ROOT_INDEX
  if (!ASC_NO_ASSERT) assert(isRoot || kind == BLOCK_FILTER)
  const bytes = isRoot ? length + ROOT_SLACK : length
  const copy = allocateRecord(bytes)
  if (copy == 0) return STATUS_NO_PAGES
  copyBytes(copy, payload, length)
  // NOTE: whoever loads it knows the same length.
  if (isRoot) storeU32(table + TABLE_ROOT_LENGTH, length)
  const word = isRoot ? table + TABLE_ROOT : loadU32(table + TABLE_FILTERS) + 4 * filterBlockAt(table, offset)
  let kept: u32 = 0
  if (compareExchangeU32(word, 0, copy)) kept = bytes
  else freeRecord(copy, bytes)
  if (isRoot) kept += keepFences(slot, table + TABLE_FENCES, payload, length, true)
  storeU32(slot + SLOT_LENGTH, kept)
  return STATUS_OK
}

/** Makes fences of an index block for the word that is to name them. @returns the bytes that are kept: 0 if there are some already, or none could be made */
function keepFences(slot: u32, word: u32, payload: u32, length: u32, isRoot: bool): u32 {
  if (atomicLoadU32(word) != 0) return 0
  const fences = fencesCreate(slot + SLOT_BLOCK_CURSOR, payload, length, isRoot)
  if (fences == 0) return 0
  const bytes = fencesBytes(fences, isRoot)
  // ORDER: pairs with the loads of the word in fencedHandle, seekFences and stepFences: who sees it sees the fences.
  if (compareExchangeU32(word, 0, fences)) return bytes
  freeRecord(fences, bytes)
  return 0
}

/** Bytes of a kept root index beyond its payload: readers fetch whole words. A full filter block fills its record. */
const ROOT_SLACK: u32 = 16

// ── blocks that were walked ──────────────────────────────────────────────────────────────────────────────
// A bit for each 4 KiB of the file, set where a walked block begins. Of blocks of at least that size no two begin in the same piece;
// smaller ones are walked every time.

const PIECE_SHIFT: u64 = 12
const PIECE_BYTES: u32 = 4096

// @ts-ignore: decorator
@inline
function wasWalked(table: u32, size: u32, offset: u64): bool {
  const bits = loadU32(table + TABLE_CHECKED)
  if (bits == 0 || size < PIECE_BYTES) return false
  const piece = <u32>(offset >>> PIECE_SHIFT)
  return (loadU8(bits + (piece >>> 3)) & (1 << (piece & 7))) != 0
}

/** NOTE: two threads may lose each other's bit: then a block is walked once more. */
function noteWalked(table: u32, size: u32, offset: u64): void {
  const bits = loadU32(table + TABLE_CHECKED)
  if (bits == 0 || size < PIECE_BYTES) return
  const piece = <u32>(offset >>> PIECE_SHIFT)
  const at = bits + (piece >>> 3)
  storeU8(at, loadU8(at) | (1 << (piece & 7)))
}

// ── filter blocks: all but the last have FILTER_BLOCK_LINES lines, and they lie one behind the other ──────

// @ts-ignore: decorator
@inline
export function filterBlockOffset(table: u32, number: u32): u64 {
  return (
    <u64>loadF64(table + TABLE_FILTER_OFFSET) +
    <u64>number * (FILTER_BLOCK_LINES * FILTER_LINE_BYTES + FRAME_BYTES)
  )
}

export function filterBlockSize(table: u32, number: u32): u32 {
  const left = loadU32(table + TABLE_FILTER_LINES) - number * FILTER_BLOCK_LINES
  return min(left, FILTER_BLOCK_LINES) * FILTER_LINE_BYTES + FRAME_BYTES
}

function filterBlockAt(table: u32, offset: u64): u32 {
  return <u32>(
    ((offset - <u64>loadF64(table + TABLE_FILTER_OFFSET)) /
      (FILTER_BLOCK_LINES * FILTER_LINE_BYTES + FRAME_BYTES))
  )
}

/** KernelExports.releaseTable: frees what loadBlock kept for a table. INVARIANT: nobody reads the table any more. */
export function releaseTable(table: u32): void {
  const root = loadU32(table + TABLE_ROOT)
  if (root != 0) freeRecord(root, loadU32(table + TABLE_ROOT_LENGTH) + ROOT_SLACK)
  storeU32(table + TABLE_ROOT, 0)
  const fences = loadU32(table + TABLE_FENCES)
  if (fences != 0) fencesFree(fences, true)
  storeU32(table + TABLE_FENCES, 0)
  const filters = loadU32(table + TABLE_FILTERS)
  if (filters == 0) return
  const lines = loadU32(table + TABLE_FILTER_LINES)
  const blocks = (lines + FILTER_BLOCK_LINES - 1) / FILTER_BLOCK_LINES
  for (let i: u32 = 0; i < blocks; i++) {
    const kept = loadU32(filters + 4 * i)
    if (kept != 0) freeRecord(kept, filterBlockSize(table, i) - FRAME_BYTES)
    storeU32(filters + 4 * i, 0)
  }
}
