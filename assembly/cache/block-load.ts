import {
  BLOCK_FILTER,
  BLOCK_ROOT_INDEX,
  FILTER_BLOCK_LINES,
  FILTER_LINE_BYTES,
  SLOT_LENGTH,
  SLOT_POINTER,
  STATUS_NO_PAGES,
  STATUS_OK,
  TABLE_CHECKED,
  TABLE_FILTERS,
  TABLE_FILTER_LINES,
  TABLE_FILTER_OFFSET,
  TABLE_ROOT,
  TABLE_ROOT_LENGTH,
} from '../memory/layout'
import { compareExchangeU32, copyBytes, loadF64, loadU32, loadU8, storeU32, storeU8 } from '../memory/bytes'
import { allocateRecord, freeRecord } from '../memory/records'
import { FRAME_BYTES } from '../table/block-frame'
import { openFrame } from '../table/block-check'
import { cacheInsert, frameUnpin } from './cache'

/**
 * KernelExports.loadBlock: checks the block of a table that lies at [block, block + size) as it was read from the file, and puts it where
 * reads find it, decompressed in the page `target` if it is compressed: with `keep` into a record of the table's own (root index and filter only), else into the cache.
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
  if (keep != 0) {
    const copy = allocateRecord(kind == BLOCK_ROOT_INDEX ? length + ROOT_SLACK : length)
    if (copy == 0) return STATUS_NO_PAGES
    copyBytes(copy, payload, length)
    if (kind == BLOCK_ROOT_INDEX) {
      // NOTE: whoever loads it knows the same length.
      storeU32(table + TABLE_ROOT_LENGTH, length)
      if (!compareExchangeU32(table + TABLE_ROOT, 0, copy)) freeRecord(copy, length + ROOT_SLACK)
    } else {
      if (!ASC_NO_ASSERT) assert(kind == BLOCK_FILTER)
      const word = loadU32(table + TABLE_FILTERS) + 4 * filterBlockAt(table, <u64>offset)
      if (!compareExchangeU32(word, 0, copy)) freeRecord(copy, length)
    }
    return STATUS_OK
  }
  const frame = cacheInsert(table, <u64>offset, kind, payload, length)
  if (frame == 0) return STATUS_NO_PAGES
  frameUnpin(frame)
  return STATUS_OK
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
