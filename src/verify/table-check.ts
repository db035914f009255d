import {
  BLOCK_FILTER,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_TYPE,
  STATUS_ABSENT,
  STATUS_DONE,
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
import type { Keeper } from '../engine/keeper.ts'
import { equalBytes } from '../bytes.ts'
import { corrupt } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import { fileChecksum } from '../table/file-checksum.ts'
import { EntryStream } from '../table/entry-stream.ts'
import { blockProblem, type TableFile } from '../table/table-file.ts'
import { checkBlocks, type Extents } from './block-check.ts'
import type { VerifyReport } from '../engine/verify-report.ts'
import { noteProblem } from './report.ts'

const ENTRIES_AT_ONCE = 1000

/**
 * Checks one table: all its bytes against the manifest's checksum, every block, the order of its entries, and that index, filter, extents and counts agree
 * with them. Yields between steps of a millisecond or two, after which other things may have been done with the kernel.
 * @param named the file that has its name in the directory now, which the next open will read
 */
export function* checkTable(
  keeper: Keeper,
  table: TableFile,
  named: File,
  report: VerifyReport,
): Generator<void> {
  report.files++
  report.tables++
  report.bytes += table.info.sizeBytes
  const extents: Extents = new Map()
  try {
    yield* checkBytes(keeper, table, named)
  } catch (error) {
    noteProblem(report, error)
  }
  try {
    yield* checkBlocks(keeper, table, report, extents)
    // NOTE: what is built on blocks that are damaged would say the same again and again.
    yield* checkEntries(keeper, table, report, extents)
  } catch (error) {
    noteProblem(report, error)
  }
}

function* checkBytes({ kernel }: Keeper, { info }: TableFile, file: File): Generator<void> {
  if (file.size() !== info.sizeBytes)
    throw corrupt(file.name, 0, `it is ${file.size()} bytes long instead of ${info.sizeBytes}`)
  const checksum = yield* fileChecksum(kernel, file, info.sizeBytes)
  if (!equalBytes(checksum, info.fileChecksum))
    throw corrupt(file.name, 0, 'its bytes are not those that the manifest names')
}

function* checkEntries(
  keeper: Keeper,
  table: TableFile,
  report: VerifyReport,
  extents: Extents,
): Generator<void> {
  const { kernel, blocks: loader } = keeper
  const { exports, slot, view } = kernel
  const { info, file } = table
  keeper.budget.forJob(1)
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
        checkExtents(keeper, table, at, kernel.word(SLOT_LENGTH), extents)
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

function checkExtents(keeper: Keeper, table: TableFile, at: number, length: number, extents: Extents): void {
  const list = extentSizes(keeper, table, at, length)
  let { offset } = list
  let bytes = 0
  for (const sizeBytes of list.sizes) {
    const extent = extents.get(offset)
    if (extent?.sizeBytes !== sizeBytes)
      throw blockProblem(table, offset, 'a value names an extent that is not there')
    bytes += extent.length
    offset += sizeBytes
  }
  if (bytes !== list.valueLength)
    throw blockProblem(table, offset, 'the extents of a value have another length')
}
