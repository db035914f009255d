import {
  CONTROL_TABLE_ORDINAL,
  FILTER_BLOCK_LINES,
  PAGE_BYTES,
  TABLE_BYTES,
  TABLE_CHECKED,
  TABLE_CHECKED_BYTES,
  TABLE_DESCRIPTOR,
  TABLE_FILE_ID,
  TABLE_FILTERS,
  TABLE_FILTER_LINES,
  TABLE_FILTER_OFFSET,
  TABLE_FILTER_PROBES,
  TABLE_INLINE_KEYS,
  TABLE_LARGEST,
  TABLE_LARGEST_LENGTH,
  TABLE_LOWEST_SEQNO,
  TABLE_ORDINAL,
  TABLE_ROOT_OFFSET,
  TABLE_ROOT_SIZE,
  TABLE_SIZE,
  TABLE_SMALLEST,
  TABLE_SMALLEST_LENGTH,
} from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { TableInfo } from '../version/version.ts'
import type { TableFilter } from './table-file.ts'

/** What a table says of its own blocks (footer and properties). */
export interface TableLayout {
  readonly rootOffset: number
  readonly rootSize: number
  readonly filter: TableFilter | undefined
  /** Of the whole file. */
  readonly sizeBytes: number
  /** By which threads know the open file. */
  readonly descriptor: number
}

/** A table record without content, 0 but for its ordinal, and the salt that the caller puts at its start. @throws NO_MEMORY */
export function createTableRecord(kernel: Kernel): number {
  const record = kernel.record(TABLE_BYTES)
  kernel.u32[(record + TABLE_ORDINAL) >>> 2] = Atomics.add(kernel.u32, CONTROL_TABLE_ORDINAL >>> 2, 1)
  return record
}

/** Fills in the record (assembly/memory/layout.ts) of a table whose file was checked or written. @throws NO_MEMORY */
export function fillTableRecord(kernel: Kernel, record: number, info: TableInfo, layout: TableLayout): void {
  const { view, u8, u32 } = kernel
  view.setFloat64(record + TABLE_ROOT_OFFSET, layout.rootOffset, true)
  view.setFloat64(record + TABLE_FILE_ID, info.id, true)
  view.setFloat64(record + TABLE_SIZE, layout.sizeBytes, true)
  view.setInt32(record + TABLE_DESCRIPTOR, layout.descriptor, true)
  u32[(record + TABLE_ROOT_SIZE) >>> 2] = layout.rootSize
  view.setBigUint64(record + TABLE_LOWEST_SEQNO, BigInt(info.lowestSeqno), true)
  if (layout.filter !== undefined) {
    const { offset, lines, probes } = layout.filter
    const blocks = Math.ceil(lines / FILTER_BLOCK_LINES)
    u32[(record + TABLE_FILTERS) >>> 2] = kernel.record(4 * blocks)
    view.setFloat64(record + TABLE_FILTER_OFFSET, offset, true)
    u32[(record + TABLE_FILTER_LINES) >>> 2] = lines
    u32[(record + TABLE_FILTER_PROBES) >>> 2] = probes
  }
  const bitmapBytes = walkedBytes(layout.sizeBytes)
  if (bitmapBytes > 0) {
    u32[(record + TABLE_CHECKED) >>> 2] = kernel.record(bitmapBytes)
    u32[(record + TABLE_CHECKED_BYTES) >>> 2] = bitmapBytes
  }
  let inline = record + TABLE_INLINE_KEYS
  for (const [pointer, length, key] of [
    [TABLE_SMALLEST, TABLE_SMALLEST_LENGTH, info.smallestKey],
    [TABLE_LARGEST, TABLE_LARGEST_LENGTH, info.largestKey],
  ] as const) {
    const fits = key.byteLength <= record + TABLE_BYTES - inline
    const at = fits ? inline : kernel.record(key.byteLength)
    if (fits) inline += key.byteLength
    u8.set(key, at)
    u32[(record + pointer) >>> 2] = at
    u32[(record + length) >>> 2] = key.byteLength
  }
}

/** Bytes of the bitmap of walked blocks: a bit for each 4 KiB. A file for which that is more than a page has none. */
function walkedBytes(sizeBytes: number): number {
  const bytes = Math.ceil(sizeBytes / 4096 / 8)
  return bytes > PAGE_BYTES ? 0 : bytes
}

/** Frees a record and all it names. INVARIANT: no SuperVersion and no running call names it. */
export function freeTableRecord(kernel: Kernel, record: number): void {
  const { exports, u32 } = kernel
  exports.releaseTable(record)
  for (const [pointer, length] of [
    [TABLE_SMALLEST, TABLE_SMALLEST_LENGTH],
    [TABLE_LARGEST, TABLE_LARGEST_LENGTH],
  ] as const) {
    const at = u32[(record + pointer) >>> 2] as number
    const isInline = at >= record && at <= record + TABLE_BYTES
    if (at !== 0 && !isInline) exports.freeRecord(at, u32[(record + length) >>> 2] as number)
  }
  const bitmap = u32[(record + TABLE_CHECKED) >>> 2] as number
  if (bitmap !== 0) exports.freeRecord(bitmap, u32[(record + TABLE_CHECKED_BYTES) >>> 2] as number)
  const filters = u32[(record + TABLE_FILTERS) >>> 2] as number
  const lines = u32[(record + TABLE_FILTER_LINES) >>> 2] as number
  if (filters !== 0) exports.freeRecord(filters, 4 * Math.ceil(lines / FILTER_BLOCK_LINES))
  exports.freeRecord(record, TABLE_BYTES)
}
