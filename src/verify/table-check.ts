import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_FILTER,
  BLOCK_INDEX,
  PAGE_BYTES,
  SLOT_CHECKSUM,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_POINTER,
  SLOT_TYPE,
  STATUS_ABSENT,
  STATUS_DONE,
  STATUS_FOUND,
  STATUS_LARGE,
  STATUS_MALFORMED,
  STATUS_NEED_BLOCK,
  STATUS_OK,
  STREAM_HIDDEN,
  STREAM_HIGHEST_SEQNO,
  STREAM_LOWEST_SEQNO,
  STREAM_TOMBSTONES,
} from '../../assembly/memory/layout.ts'
import { extentSizes } from '../engine/large-value.ts'
import type { Engine } from '../engine/engine.ts'
import { corrupt } from '../errors.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { BlockLoader } from '../table/block-loader.ts'
import { EntryStream } from '../table/entry-stream.ts'
import { blockProblem, type TableFile } from '../table/table-file.ts'
import { TableScan } from '../table/table-scan.ts'
import { noteProblem, type VerifyReport } from './report.ts'

const ENTRIES_AT_ONCE = 1000

/**
 * Checks one table: all its bytes against the manifest's checksum, every block, the order of its entries, and that index, filter, extents and counts agree
 * with them. Yields between steps of a millisecond or two, after which other things may have been done with the kernel.
 */
export function* checkTable(engine: Engine, table: TableFile, report: VerifyReport): Generator<void> {
  report.files++
  report.tables++
  report.bytes += table.info.sizeBytes
  const blocks: Blocks = { data: [], extents: new Map() }
  for (const check of [checkBytes, checkBlocks, checkEntries, checkIndex]) {
    try {
      yield* check(engine, table, report, blocks)
    } catch (error) {
      noteProblem(report, error)
      // NOTE: what is built on blocks that cannot be read would say the same again and again.
      if (check !== checkBytes) return
    }
  }
}

/** Where the blocks of a table lie. */
interface Blocks {
  readonly data: { readonly offset: number; readonly sizeBytes: number }[]
  /** Size and length of the payload of each extent, by its offset. */
  readonly extents: Map<number, { readonly sizeBytes: number; readonly length: number }>
}

function* checkBytes(engine: Engine, { info, file }: TableFile): Generator<void> {
  const { kernel } = engine
  const { exports, slot, u8 } = kernel
  const page = kernel.page()
  try {
    if (file.size() !== info.sizeBytes) {
      throw corrupt(file.name, 0, `it is ${file.size()} bytes long instead of ${info.sizeBytes}`)
    }
    // NOTE: the state of the hash may not lie in the slot, where others have theirs between two steps.
    const state = kernel.record(HASH_BYTES)
    try {
      exports.hashBegin(state)
      for (let at = 0; at < info.sizeBytes; at += PAGE_BYTES) {
        const length = Math.min(PAGE_BYTES, info.sizeBytes - at)
        if (file.read(u8.subarray(page, page + length), at) < length)
          throw corrupt(file.name, at, 'it cannot be read to its end')
        exports.hashUpdate(state, page, length)
        yield
      }
      exports.hashFinish(state, slot + SLOT_CHECKSUM)
    } finally {
      exports.freeRecord(state, HASH_BYTES)
    }
    const result = slot + SLOT_CHECKSUM
    if (info.fileChecksum.some((byte, i) => byte !== u8[result + i])) {
      throw corrupt(file.name, 0, 'its bytes are not those that the manifest names')
    }
  } finally {
    kernel.exports.freePage(page)
  }
}

const HASH_BYTES = 512

function* checkBlocks(
  { kernel, blocks: loader }: Engine,
  table: TableFile,
  report: VerifyReport,
  blocks: Blocks,
): Generator<void> {
  const scan = new TableScan(table)
  while (scan.next()) {
    const { offset, sizeBytes, kind } = scan
    const payload = loader.loadOnce(table, offset, sizeBytes, kind)
    report.blocks++
    if (kind === BLOCK_DATA) {
      blocks.data.push({ offset, sizeBytes })
      checkWay(kernel, loader, table, offset, payload)
    }
    if (kind === BLOCK_EXTENT) blocks.extents.set(offset, { sizeBytes, length: payload.byteLength })
    if (report.blocks % 32 === 0) yield
  }
}

/** A read of a data block's first key must come to it. */
function checkWay(
  kernel: Kernel,
  blocks: BlockLoader,
  table: TableFile,
  offset: number,
  payload: Uint8Array,
): void {
  const { exports, slot, u8, input } = kernel
  const key = firstKeyOf(payload)
  // NOTE: copied, because the payload lies where the next block is read to.
  u8.copyWithin(input, key.start, key.start + key.length)
  const find = (): number => exports.tablePosition(slot, table.record, input, key.length)
  for (let status = find(); status === STATUS_NEED_BLOCK; status = find()) blocks.loadNeeded()
  const found = kernel.float(SLOT_NUMBER)
  // Versions of a key may begin in an earlier block.
  if (found === offset || (found < offset && table.info.hiddenVersions > 0)) return
  throw blockProblem(table, offset, 'the index leads past a data block')
}

/** Where the key of a data block's first entry lies, which has no other one's beginning (docs/table-format.md). */
function firstKeyOf(payload: Uint8Array): { start: number; length: number } {
  let at = 1
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = payload[at++] ?? 0
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  varint()
  const length = varint()
  varint()
  varint()
  return { start: payload.byteOffset + at, length }
}

function* checkEntries(
  engine: Engine,
  table: TableFile,
  report: VerifyReport,
  blocks: Blocks,
): Generator<void> {
  const { kernel, blocks: loader } = engine
  const { exports, slot, view } = kernel
  const { info, file } = table
  engine.room.forJob(1)
  const stream = new EntryStream(kernel, [], [[table]], loader)
  try {
    for (let status = STATUS_OK; status !== STATUS_DONE;) {
      status = exports.streamInspect(slot, stream.pointer, table.record, ENTRIES_AT_ONCE)
      if (status === STATUS_NEED_BLOCK && kernel.word(SLOT_TYPE) === BLOCK_FILTER) loader.loadNeeded()
      else if (status === STATUS_NEED_BLOCK) stream.supply(noExtent)
      else if (status === STATUS_MALFORMED) throw corrupt(file.name, 0, 'its entries do not ascend')
      else if (status === STATUS_ABSENT) throw corrupt(file.name, 0, 'its filter lacks a key that it holds')
      else if (status === STATUS_LARGE) {
        const at = kernel.word(SLOT_POINTER)
        checkExtents(engine, table, at, kernel.word(SLOT_LENGTH), blocks)
      } else if (status !== STATUS_OK && status !== STATUS_DONE)
        throw new Error(`inspection: status ${status}`)
      if (status !== STATUS_NEED_BLOCK || stream.read % 100 === 0) yield
    }
    report.entries += stream.read
    const float = (offset: number): number => view.getFloat64(stream.pointer + offset, true)
    for (const [what, found, expected] of [
      ['entries', stream.read, info.entries],
      ['tombstones', float(STREAM_TOMBSTONES), info.tombstones],
      ['hidden versions', float(STREAM_HIDDEN), info.hiddenVersions],
    ] as const) {
      if (found !== expected) throw corrupt(file.name, 0, `it holds ${found} ${what} instead of ${expected}`)
    }
    if (
      float(STREAM_LOWEST_SEQNO) !== info.lowestSeqno ||
      float(STREAM_HIGHEST_SEQNO) !== info.highestSeqno
    ) {
      throw corrupt(file.name, 0, 'its sequence numbers are not within the bounds that the manifest names')
    }
  } finally {
    stream.free()
  }
}

function noExtent(): void {
  throw new Error('inspection: an extent was asked for')
}

function checkExtents(engine: Engine, table: TableFile, at: number, length: number, blocks: Blocks): void {
  const list = extentSizes(engine, table, at, length)
  let { offset } = list
  let bytes = 0
  for (const sizeBytes of list.sizes) {
    const extent = blocks.extents.get(offset)
    if (extent?.sizeBytes !== sizeBytes)
      throw blockProblem(table, offset, 'a value names an extent that is not there')
    bytes += extent.length
    offset += sizeBytes
  }
  if (bytes !== list.valueLength)
    throw blockProblem(table, offset, 'the extents of a value have another length')
}

/** The index names every data block, in order. */
function* checkIndex(
  { kernel, blocks: loader }: Engine,
  table: TableFile,
  _report: VerifyReport,
  blocks: Blocks,
): Generator<void> {
  const { exports, slot } = kernel
  let next = 0
  const scan = new TableScan(table)
  while (scan.next()) {
    if (scan.kind !== BLOCK_INDEX) continue
    const payload = loader.loadOnce(table, scan.offset, scan.sizeBytes, BLOCK_INDEX)
    for (let ordinal = 0; ; ordinal++) {
      const status = exports.indexEntry(slot, payload.byteOffset, payload.byteLength, ordinal)
      if (status !== STATUS_FOUND) break
      const block = blocks.data[next++]
      if (block?.offset !== kernel.float(SLOT_NUMBER) || block.sizeBytes !== kernel.word(SLOT_LENGTH)) {
        throw blockProblem(table, scan.offset, 'the index names a data block that is not there')
      }
    }
    yield
  }
  const missing = blocks.data[next]
  if (missing !== undefined) throw blockProblem(table, missing.offset, 'the index does not name a data block')
}
