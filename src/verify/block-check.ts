import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_INDEX,
  BLOCK_PROPERTIES,
  BLOCK_ROOT_INDEX,
  PAGE_BYTES,
  TABLE_SALT,
} from '../../assembly/memory/layout.ts'
import type { Keeper } from '../engine/keeper.ts'
import { corrupt } from '../errors.ts'
import { BlockEntries } from '../table/block-entries.ts'
import { decodeFooter, decodeHeader, FILE_HEADER_BYTES, FOOTER_BYTES } from '../table/format.ts'
import { blockProblem, type TableFile } from '../table/table-file.ts'
import { TableScan } from '../table/table-scan.ts'
import { FieldReader } from '../version/fields.ts'
import { compareKeys } from '../bytes.ts'
import { IndexWalk, isBehind, type InternalKey } from './index-walk.ts'
import type { VerifyReport } from '../engine/verify-report.ts'

const BLOCKS_AT_ONCE = 32

/** Size and length of the payload of each extent of a table, by its offset. */
export type Extents = Map<number, { readonly sizeBytes: number; readonly length: number }>

/**
 * Checks header, footer and every block of a table, in the order in which they lie, beside its index: between the entries of each data block and of the next one
 * lies the separator that leads to it. So entries ascend from block to block, and a read finds each of them. Yields between some blocks.
 * @param extents is filled in
 * @throws CORRUPT, FORMAT_VERSION, IO
 */
export function* checkBlocks(
  keeper: Keeper,
  table: TableFile,
  report: VerifyReport,
  extents: Extents,
): Generator<void> {
  checkEnds(keeper, table)
  const { kernel, blocks: loader } = keeper
  const index = new IndexWalk(kernel, loader, table)
  const data = new DataBlocks(table, index)
  const scan = new TableScan(table)
  let indexBlocks = 0
  while (scan.next()) {
    const { offset, sizeBytes, kind } = scan
    const payload = loader.loadOnce(table, offset, sizeBytes, kind)
    report.blocks++
    if (kind === BLOCK_DATA) data.add(offset, sizeBytes, payload)
    else if (kind === BLOCK_INDEX) indexBlocks++
    else if (kind === BLOCK_EXTENT) extents.set(offset, { sizeBytes, length: payload.byteLength })
    else if (kind === BLOCK_ROOT_INDEX) data.end(offset, indexBlocks)
    else if (kind === BLOCK_PROPERTIES) {
      checkStatistics(table, payload, offset, { data: data.count, index: indexBlocks, extent: extents.size })
    }
    if (report.blocks % BLOCKS_AT_ONCE === 0) yield
  }
}

/** Header and footer, which opening the table has checked: they may have changed since. */
function checkEnds({ kernel }: Keeper, { file, info, record }: TableFile): void {
  const bytes = new Uint8Array(FILE_HEADER_BYTES + FOOTER_BYTES)
  const header = bytes.subarray(0, FILE_HEADER_BYTES)
  const footer = bytes.subarray(FILE_HEADER_BYTES)
  const footerAt = info.sizeBytes - FOOTER_BYTES
  if (file.read(header, 0) < FILE_HEADER_BYTES || file.read(footer, footerAt) < FOOTER_BYTES) {
    throw corrupt(file.name, file.size(), 'it ends too early')
  }
  // NOTE: not into the table's record, which readers use.
  const salt = kernel.record(SALT_RECORD_BYTES)
  try {
    if (decodeHeader(kernel, header, salt, file.name) !== info.keyspaceId)
      throw corrupt(file.name, 36, 'it belongs to another keyspace')
    decodeFooter(kernel, footer, record + TABLE_SALT, info.sizeBytes, file.name)
  } finally {
    kernel.exports.freeRecord(salt, SALT_RECORD_BYTES)
  }
}

const SALT_RECORD_BYTES = 64

/** The data blocks so far, and the index beside them. */
class DataBlocks {
  count = 0
  readonly #table: TableFile
  readonly #index: IndexWalk
  /** That of the block before. */
  #separator: InternalKey | undefined
  #largestKey: Uint8Array = new Uint8Array(0)

  constructor(table: TableFile, index: IndexWalk) {
    this.#table = table
    this.#index = index
  }

  /** The next one. `payload` is over with this call. */
  add(offset: number, sizeBytes: number, payload: Uint8Array): void {
    const table = this.#table
    const index = this.#index
    const entries = new BlockEntries(payload)
    entries.first()
    const { key, seqno } = entries
    entries.last()
    const last: InternalKey = { key: entries.key, seqno: entries.seqno }
    if (this.#separator === undefined) {
      if (compareKeys(key, table.info.smallestKey) !== 0)
        throw blockProblem(table, offset, 'its smallest key is not the one that the manifest names')
    } else if (!isBehind({ key, seqno }, this.#separator)) {
      throw blockProblem(table, offset, 'the index leads past the first entry of a block')
    }
    if (!index.next()) throw blockProblem(table, offset, 'the index does not name a data block')
    if (index.offset !== offset || index.sizeBytes !== sizeBytes) {
      throw blockProblem(table, offset, 'the index names a data block that is not there')
    }
    if (isBehind(last, index.separator)) {
      throw blockProblem(table, offset, 'the index leads past the last entry of a block')
    }
    this.count++
    this.#separator = index.separator
    this.#largestKey = last.key
  }

  /** There are no more: the root index follows. */
  end(offset: number, indexBlocks: number): void {
    const table = this.#table
    const index = this.#index
    if (index.next())
      throw blockProblem(table, index.offset, 'the index names a data block that is not there')
    if (index.blocks !== indexBlocks)
      throw blockProblem(table, offset, 'the root index does not name an index block')
    if (compareKeys(this.#largestKey, table.info.largestKey) !== 0) {
      throw blockProblem(table, offset, 'its largest key is not the one that the manifest names')
    }
  }
}

/** What the properties say besides what opening compares: each of it optional. */
function checkStatistics(
  { file, info }: TableFile,
  payload: Uint8Array,
  offset: number,
  blocks: { readonly data: number; readonly index: number; readonly extent: number },
): void {
  const fields = new FieldReader(payload, { file: file.name, offset }, true)
  let tombstones: number | undefined
  let weakTombstones: number | undefined
  while (fields.next()) {
    const { tag } = fields
    if (tag === 2) tombstones = fields.number()
    else if (tag === 4) weakTombstones = fields.number()
    else if (tag === 10) same('data blocks', fields.number(), blocks.data)
    else if (tag === 12) same('index blocks', fields.number(), blocks.index)
    else if (tag === 14) same('extents', fields.number(), blocks.extent)
    else fields.rest(PAGE_BYTES)
  }
  if (tombstones !== undefined && weakTombstones !== undefined)
    same('tombstones', tombstones + weakTombstones, info.tombstones)

  function same(what: string, told: number, found: number): void {
    if (told !== found)
      throw corrupt(file.name, offset, `its properties tell of ${told} ${what} instead of ${found}`)
  }
}
