import { FILTER_BLOCK_LINES, FILTER_LINE_BYTES, PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { FILTER_MAX_PROBES } from '../../assembly/table/filter-probes.ts'
import { compareKeys } from '../bytes.ts'
import { corrupt } from '../errors.ts'
import { FieldReader, FieldWriter } from '../version/fields.ts'
import { compressionNumber, compressionOf, type Compression } from './compression.ts'
import type { TableInfo } from '../version/version.ts'
import { BLOCK_FRAME_BYTES, type Footer } from './format.ts'
import type { TableFile, TableFilter } from './table-file.ts'

/** Longest piece of a key that the properties repeat; two of them fit a block beside everything else. */
const KEY_PREFIX_BYTES = 32768
const BYTEWISE = 1
const KEYSPACE_TAG = 18
/** The list of a table's kept filter blocks, 4 bytes for each, is one record: at most a page. */
const FILTER_MAX_LINES = (PAGE_BYTES / 4) * FILTER_BLOCK_LINES

/** What the properties say beside the table's manifest entry. */
export interface TableStatistics {
  /** Of the tombstones. */
  readonly weakTombstones: number
  readonly rawKeyBytes: number
  readonly rawValueBytes: number
  readonly dataBlocks: number
  readonly indexBlocks: number
  readonly extentBlocks: number
  readonly blockBytes: number
  readonly filter: TableFilter | undefined
  /** Aimed at. */
  readonly compression: Compression
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** What is kept of the properties of an open table. */
export type TableProperties = Pick<TableFile, 'filter' | 'compression'>

/** The payload of a properties block (docs/table-format.md). */
export function encodeProperties(info: TableInfo, statistics: TableStatistics): Uint8Array {
  const fields = new FieldWriter()
  fields.number(1, info.entries)
  fields.number(2, info.tombstones - statistics.weakTombstones)
  fields.bytes(3, info.smallestKey.subarray(0, KEY_PREFIX_BYTES))
  fields.number(4, statistics.weakTombstones)
  fields.bytes(5, info.largestKey.subarray(0, KEY_PREFIX_BYTES))
  fields.number(6, statistics.rawKeyBytes)
  fields.number(7, info.lowestSeqno)
  fields.number(8, statistics.rawValueBytes)
  fields.number(9, info.highestSeqno)
  fields.number(10, statistics.dataBlocks)
  fields.number(11, BYTEWISE)
  fields.number(12, statistics.indexBlocks)
  fields.number(14, statistics.extentBlocks)
  fields.number(16, statistics.createdAt)
  fields.number(KEYSPACE_TAG, info.keyspaceId)
  fields.number(20, statistics.blockBytes)
  const { filter } = statistics
  if (filter !== undefined) fields.numbers(26, [filter.offset, filter.lines, filter.probes])
  fields.number(32, compressionNumber(statistics.compression))
  return fields.finish()
}

/**
 * Compares the required properties with the manifest entry, and the filter's place with the footer.
 * @throws CORRUPT, FORMAT_VERSION
 */
export function checkProperties(
  payload: Uint8Array,
  info: TableInfo,
  file: string,
  footer: Footer,
): TableProperties {
  const offset = footer.propertiesOffset
  let filter: TableFilter | undefined
  let compression: Compression | undefined
  const fields = new FieldReader(payload, { file, offset }, true)
  while (fields.next()) {
    const { tag } = fields
    if (tag === 1) same(fields.number() === info.entries)
    else if (tag === 3) same(isPrefix(fields.rest(KEY_PREFIX_BYTES), info.smallestKey))
    else if (tag === 5) same(isPrefix(fields.rest(KEY_PREFIX_BYTES), info.largestKey))
    else if (tag === 7) same(fields.number() === info.lowestSeqno)
    else if (tag === 9) same(fields.number() === info.highestSeqno)
    else if (tag === 11) same(fields.number() === BYTEWISE)
    else if (tag === 26) filter = readFilter(fields, footer)
    else if (tag === 32) compression = compressionOf(fields.number())
    else fields.unknown()
  }
  fields.demand(1, 3, 5, 7, 9, 11)
  return { filter, compression }

  function same(agrees: boolean): void {
    if (!agrees) throw corrupt(file, offset, 'its properties are not those the manifest names')
  }
}

/** The keyspace that properties name, if they do. @throws CORRUPT, FORMAT_VERSION */
export function keyspaceOfProperties(payload: Uint8Array, file: string): number | undefined {
  const fields = new FieldReader(payload, { file, offset: 0 }, true)
  while (fields.next()) {
    if (fields.tag === KEYSPACE_TAG) return fields.number()
    fields.rest(PAGE_BYTES)
  }
  return undefined
}

function readFilter(fields: FieldReader, footer: Footer): TableFilter {
  const filter = { offset: fields.number(), lines: fields.number(), probes: fields.number() }
  const { offset, lines, probes } = filter
  if (lines < 1 || lines > FILTER_MAX_LINES || probes < 1 || probes > FILTER_MAX_PROBES) {
    throw fields.malformed('the filter has an impossible number of lines or probes')
  }
  const blocks = Math.ceil(lines / FILTER_BLOCK_LINES)
  const sizeBytes = lines * FILTER_LINE_BYTES + blocks * BLOCK_FRAME_BYTES
  if (
    offset < footer.rootOffset + footer.rootSize ||
    offset > footer.propertiesOffset ||
    sizeBytes > footer.propertiesOffset - offset
  ) {
    throw fields.malformed('the filter does not lie between root index and properties')
  }
  return filter
}

function isPrefix(prefix: Uint8Array, key: Uint8Array): boolean {
  const length = Math.min(key.byteLength, KEY_PREFIX_BYTES)
  return prefix.byteLength === length && compareKeys(prefix, key.subarray(0, length)) === 0
}
