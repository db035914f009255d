/** Whole tables for kernel tests: fills memtables, runs the builder, reads the file it makes. */
import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_FILTER,
  BLOCK_INDEX,
  BLOCK_ROOT_INDEX,
  BUILDER_FILTER_LINES,
  BUILDER_FILTER_OFFSET,
  BUILDER_FILTER_PROBES,
  BUILDER_MAX_KEY,
  BUILDER_MAX_KEY_LENGTH,
  BUILDER_MIN_KEY,
  BUILDER_MIN_KEY_LENGTH,
  BUILDER_OFFSET,
  BUILDER_ROOT_OFFSET,
  BUILDER_ROOT_SIZE,
  CHAIN_DATA,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  INLINE_VALUE_LIMIT_BYTES,
  SLOT_LENGTH,
  SLOT_POINTER,
  STATUS_DONE,
  STATUS_FULL,
  STATUS_NO_PAGES,
  STATUS_OK,
  TYPE_EXTENT,
} from '../../assembly/memory/layout.ts'
import { encode } from './entries.ts'
import type { BareKernel } from './support.ts'
import {
  compareEntries,
  compareKeys,
  readBlock,
  readEntries,
  readExtentList,
  readHandle,
  readLines,
  viewOf,
  writeFilter,
  type Filter,
  type TableBlock,
  type TableEntry,
} from './table-format.ts'

export const FILE_HEADER_BYTES = 64

export interface BuildOptions {
  blockBytes: number
  interval: number
  indexBlockBytes: number
  slice: number
  /** 0: no filter. */
  bitsPerKey: number
  compression: number
  /** At which a table ends; undefined: never. */
  targetBytes?: number
}

/** A table file, its header left zero, and what the builder said about it. */
export interface BuiltTable {
  file: Uint8Array
  rootOffset: number
  rootSize: number
  float: (offset: number) => number
  word: (offset: number) => number
  smallestKey: Uint8Array
  largestKey: Uint8Array
}

/** A memtable with these entries, whose values are whole: of TYPE_VALUE, those of 32,768 bytes and more become chains. */
export function fillMemtable(kernel: BareKernel, entries: readonly TableEntry[]): number {
  const { x, slot, u8, view } = kernel
  const memtable = x.createMemtable() >>> 0
  const page = x.allocatePage() >>> 0
  for (const { key, type, seqno, value } of entries) {
    x.setGroup(slot, Number(seqno), 1)
    let status
    if (value.length >= INLINE_VALUE_LIMIT_BYTES) {
      const chain = x.allocateChain(value.length) >>> 0
      let at = 0
      for (let link = chain; link !== 0; link = view.getUint32(link + CHAIN_NEXT, true)) {
        const length = view.getUint32(link + CHAIN_LENGTH, true)
        u8.set(value.subarray(at, at + length), link + CHAIN_DATA)
        at += length
      }
      u8.set(key, page)
      status = x.applyLarge(slot, memtable, page, key.length, chain, value.length)
    } else {
      const encoded = encode([{ type, keyspace: 1, key, value }])
      u8.set(encoded, page)
      status = x.applyEntries(slot, memtable, page, page + encoded.length, 1, 0)
    }
    if (status !== STATUS_OK) throw new Error(`insert: ${status}`)
  }
  x.freePage(page)
  return memtable
}

/** A stream of all entries of memtables. */
export function streamOf({ x }: BareKernel, memtables: readonly number[]): number {
  const stream = x.streamCreate() >>> 0
  if (stream === 0) throw new Error('no pages')
  for (const memtable of memtables) x.streamMemtable(stream, memtable)
  return stream
}

/** Builds as many tables as the memtables need. */
export function buildTables(
  kernel: BareKernel,
  memtables: readonly number[],
  salt: number,
  options: BuildOptions,
): BuiltTable[] {
  const { x, slot, u8, view } = kernel
  const tables: BuiltTable[] = []
  const stream = streamOf(kernel, memtables)
  for (let more = true; more;) {
    const builder =
      x.builderCreate(
        options.blockBytes,
        options.interval,
        options.indexBlockBytes,
        salt,
        FILE_HEADER_BYTES,
        options.bitsPerKey,
        options.compression,
        options.targetBytes ?? Infinity,
      ) >>> 0
    if (builder === 0) throw new Error('no pages')
    const parts = [new Uint8Array(FILE_HEADER_BYTES)]
    let length = FILE_HEADER_BYTES
    const write = (): void => {
      if (view.getFloat64(builder + BUILDER_OFFSET, true) !== length) throw new Error('BUILDER_OFFSET')
      const output = view.getUint32(slot + SLOT_POINTER, true)
      const part = u8.slice(output, output + view.getUint32(slot + SLOT_LENGTH, true))
      if (part.length === 0) throw new Error('nothing to write')
      parts.push(part)
      length += part.length
      x.builderWritten(builder)
    }
    for (let status = STATUS_OK; status !== STATUS_DONE && status !== STATUS_NO_PAGES;) {
      status = x.builderFeed(slot, builder, stream, options.slice)
      if (status === STATUS_FULL) write()
      else if (![STATUS_OK, STATUS_DONE, STATUS_NO_PAGES].includes(status)) throw new Error(`feed: ${status}`)
      more = status === STATUS_NO_PAGES
    }
    for (let status = STATUS_FULL; status !== STATUS_DONE;) {
      status = x.builderFinish(slot, builder)
      if (status !== STATUS_DONE && status !== STATUS_FULL) throw new Error(`finish: ${status}`)
      write()
    }
    const state = u8.slice(builder, builder + 1024)
    const stateView = new DataView(state.buffer)
    const word = (offset: number): number => stateView.getUint32(offset, true)
    const float = (offset: number): number => stateView.getFloat64(offset, true)
    const keyAt = (pointer: number, length: number): Uint8Array =>
      u8.slice(word(pointer), word(pointer) + word(length))
    tables.push({
      file: Uint8Array.from(Buffer.concat(parts)),
      rootOffset: float(BUILDER_ROOT_OFFSET),
      rootSize: word(BUILDER_ROOT_SIZE),
      float,
      word,
      smallestKey: keyAt(BUILDER_MIN_KEY, BUILDER_MIN_KEY_LENGTH),
      largestKey: keyAt(BUILDER_MAX_KEY, BUILDER_MAX_KEY_LENGTH),
    })
    x.builderFree(builder)
  }
  x.streamFree(stream)
  return tables
}

/** All blocks of a file in order; nothing lies between them. */
export function readBlocks(file: Uint8Array, salt: Uint8Array): TableBlock[] {
  const blocks: TableBlock[] = []
  for (let at = FILE_HEADER_BYTES; at < file.length;) {
    const block = readBlock(file, at, salt)
    blocks.push(block)
    at += block.size
  }
  return blocks
}

/** The entries of a whole file, header and footer included: as readTable. */
export function readTableFile(file: Uint8Array, salt: Uint8Array): TableEntry[] {
  const footer = viewOf(file.subarray(file.length - 64))
  const rootOffset = Number(footer.getBigUint64(0, true))
  const rootSize = footer.getUint32(8, true)
  const none = new Uint8Array(0)
  return readTable(
    {
      file: file.subarray(0, rootOffset + rootSize),
      rootOffset,
      rootSize,
      float: (at) => (at === BUILDER_ROOT_OFFSET ? rootOffset : 0),
      word: (at) => (at === BUILDER_ROOT_SIZE ? rootSize : 0),
      smallestKey: none,
      largestKey: none,
    },
    salt,
  )
}

/**
 * Reads a table by its root index alone and checks that it is as docs/table-format.md says.
 * @returns its entries with whole values, those of TYPE_EXTENT too.
 */
export function readTable(table: BuiltTable, salt: Uint8Array): TableEntry[] {
  const blocks = readBlocks(table.file, salt)
  const byOffset = new Map(blocks.map((block) => [block.offset, block]))
  const take = (kind: number, offset: number, size: number): TableBlock => {
    const block = byOffset.get(offset)
    if (!block || block.kind !== kind || block.size !== size)
      throw new Error(`no block of kind ${kind} at ${offset}`)
    byOffset.delete(offset)
    return block
  }
  const indexed = (kind: number, entry: TableEntry): TableBlock => {
    const { offset, size } = readHandle(entry.value)
    return take(kind, offset, size)
  }
  const root = take(BLOCK_ROOT_INDEX, table.rootOffset, table.rootSize)
  const filter = filterOf(table, take)
  const separators: TableEntry[] = []
  const dataBlocks: TableEntry[][] = []
  const entries: TableEntry[] = []
  for (const rootEntry of readEntries(root.payload, true, root.offset)) {
    const index = indexed(BLOCK_INDEX, rootEntry)
    const indexEntries = readEntries(index.payload, true, index.offset)
    const lastSeparator = indexEntries.at(-1)
    if (compareKeys(lastSeparator.key, rootEntry.key) !== 0 || lastSeparator.seqno !== rootEntry.seqno) {
      throw new Error('a root entry is not the last separator of its index block')
    }
    for (const indexEntry of indexEntries) {
      const data = indexed(BLOCK_DATA, indexEntry)
      separators.push(indexEntry)
      dataBlocks.push(readEntries(data.payload, false, data.offset))
    }
  }
  for (const entry of dataBlocks.flat()) {
    if (entry.type !== TYPE_EXTENT) {
      entries.push(entry)
      continue
    }
    let { offset } = readExtentList(entry.value)
    const parts = readExtentList(entry.value).sizes.map((size) => {
      const extent = take(BLOCK_EXTENT, offset, size)
      offset += size
      return extent.payload
    })
    entries.push({ ...entry, value: Uint8Array.from(Buffer.concat(parts)) })
  }
  if (byOffset.size !== 0) throw new Error('a block that nothing names')
  entries.forEach((entry, i) => {
    if (i > 0 && compareEntries(entries[i - 1] as TableEntry, entry) >= 0)
      throw new Error('order of the blocks')
  })
  separators.forEach((separator, i) => {
    checkSeparator(separator, dataBlocks[i]?.at(-1) as TableEntry, dataBlocks[i + 1]?.[0])
  })
  if (filter) checkFilter(filter, entries)
  return entries
}

/** The filter, whose blocks follow the root index up to the end of what the builder makes. */
export function readFilter(table: BuiltTable, salt: Uint8Array): Filter | undefined {
  return filterOf(table, (kind, offset, size) => {
    const block = readBlock(table.file, offset, salt)
    if (block.kind !== kind || block.size !== size) throw new Error(`no block of kind ${kind} at ${offset}`)
    return block
  })
}

function filterOf(
  table: BuiltTable,
  take: (kind: number, offset: number, size: number) => TableBlock,
): Filter | undefined {
  const lines = table.word(BUILDER_FILTER_LINES)
  const rootEnd = table.rootOffset + table.rootSize
  if (lines === 0) {
    if (rootEnd !== table.file.length) throw new Error('the root is not last')
    return undefined
  }
  let at = table.float(BUILDER_FILTER_OFFSET)
  if (at !== rootEnd) throw new Error('the filter is not behind the root')
  const parts: Uint8Array[] = []
  for (let left = lines; left > 0; left -= 512) {
    const size = Math.min(left, 512) * 64 + 24
    const { payload } = take(BLOCK_FILTER, at, size)
    readLines(payload)
    parts.push(payload)
    at += size
  }
  if (at !== table.file.length) throw new Error('the filter is not last')
  return { bytes: Uint8Array.from(Buffer.concat(parts)), probes: table.word(BUILDER_FILTER_PROBES) }
}

/** It has the bits of all user keys and no others. */
function checkFilter(filter: Filter, entries: readonly TableEntry[]): void {
  const keys = entries
    .map(({ key }) => key)
    .filter((key, i, all) => i === 0 || compareKeys(key, all[i - 1] as Uint8Array) !== 0)
  const expected = writeFilter(keys, filter.bytes.length / 64, filter.probes)
  if (compareKeys(filter.bytes, expected.bytes) !== 0) throw new Error('the bits of the filter')
}

/** last ≤ separator < next, as internal keys. */
function checkSeparator(separator: TableEntry, last: TableEntry, next: TableEntry | undefined): void {
  const sameKey = next !== undefined && compareKeys(last.key, next.key) === 0
  const afterLast = compareKeys(separator.key, last.key)
  const good = sameKey
    ? afterLast === 0 && separator.seqno === last.seqno && last.seqno > next.seqno
    : afterLast >= 0 && separator.seqno === 0n && (!next || compareKeys(separator.key, next.key) < 0)
  // At the end of a table: the last user key itself, unless the next table's first key was known.
  if (!good && !(next === undefined && afterLast === 0 && separator.seqno === last.seqno)) {
    throw new Error('a separator is on the wrong side')
  }
}
