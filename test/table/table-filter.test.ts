import { describe, expect, test } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { EntryStream } from '../../src/table/entry-stream.ts'
import { openTable } from '../../src/table/open.ts'
import { checkProperties, encodeProperties } from '../../src/table/properties.ts'
import type { TableFile } from '../../src/table/table-file.ts'
import { FLUSHED_TABLE, TableWriter } from '../../src/table/writer.ts'
import { FieldWriter } from '../../src/version/fields.ts'
import type { TableInfo } from '../../src/version/version.ts'
import { bytes } from '../kernel/entries.ts'
import type { BareKernel } from '../kernel/support.ts'
import { filterMayContain, readBlock } from '../kernel/table-format.ts'
import { fillMemtable } from '../kernel/table-reader.ts'

const kernel = Kernel.create(64 * 2 ** 20, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
const bare: BareKernel = { ...kernel, x: kernel.exports }
const salt = Uint8Array.from({ length: 16 }, (_, i) => 31 * i + 1)
const keys = Array.from({ length: 20_000 }, (_, i) => bytes(`key ${i}`))

async function write(bitsPerKey = FLUSHED_TABLE.bitsPerKey): Promise<TableFile> {
  const entries = keys.map((key, i) => ({ key, type: 1, seqno: BigInt(i + 1), value: bytes('value') }))
  const memtable = fillMemtable(bare, entries)
  const file = await memoryFileSystem().create('0000000000000001.sst')
  const writer = new TableWriter(kernel, file, 1, 1, salt, 0, { ...FLUSHED_TABLE, bitsPerKey })
  const stream = new EntryStream(kernel, [memtable])
  expect(writer.feed(stream, 1_000_000)).toBe('stream-ended')
  const table = writer.finish(1)
  stream.free()
  kernel.exports.freeMemtable(memtable)
  return table
}

describe('a table file with a filter', () => {
  test.each([
    [undefined, 10, 6],
    [16, 16, 9],
  ])('written with %s bits per key and opened', async (option, bitsPerKey, probes) => {
    const written = await write(option)
    const { filter } = openTable(kernel, written.file, written.info)
    expect(filter).toEqual(written.filter)
    if (filter === undefined) throw new Error('no filter')
    expect(filter.lines).toBe(Math.ceil((keys.length * bitsPerKey) / 512))
    expect(filter.probes).toBe(probes)
    const file = new Uint8Array(written.info.sizeBytes)
    written.file.read(file, 0)
    const lines = new Uint8Array(64 * filter.lines)
    for (let block = 0; 512 * block < filter.lines; block++) {
      const { payload } = readBlock(file, filter.offset + 32_792 * block, salt)
      expect(payload.length).toBe(64 * Math.min(512, filter.lines - 512 * block))
      lines.set(payload, 32_768 * block)
    }
    for (const key of keys) expect(filterMayContain({ bytes: lines, probes }, key)).toBe(true)
  })

  test('0 bits per key: no filter', async () => {
    const written = await write(0)
    expect(written.filter).toBeUndefined()
    expect(openTable(kernel, written.file, written.info).filter).toBeUndefined()
  })
})

describe('the filter in the properties', () => {
  const info: TableInfo = {
    id: 1,
    keyspaceId: 1,
    level: 0,
    run: 0,
    sizeBytes: 1_000_000,
    salt,
    smallestKey: bytes('a'),
    largestKey: bytes('z'),
    lowestSeqno: 1,
    highestSeqno: 9,
    entries: 9,
    tombstones: 0,
    hiddenVersions: 0,
    createdAt: 0,
    fileChecksum: new Uint8Array(8),
  }
  const footer = {
    rootOffset: 100_000,
    rootSize: 1000,
    propertiesOffset: 900_000,
    propertiesSize: 500,
    fileLength: 1_000_000,
  }
  const statistics = {
    weakTombstones: 0,
    rawKeyBytes: 1,
    rawValueBytes: 1,
    dataBlocks: 1,
    indexBlocks: 1,
    extentBlocks: 0,
    blockBytes: 4096,
    compression: 'none' as const,
    createdAt: 1,
  }
  const check = (offset: number, lines: number, probes: number): unknown =>
    checkProperties(
      encodeProperties(info, { ...statistics, filter: { offset, lines, probes } }),
      info,
      'table',
      footer,
    ).filter

  // 512 lines take 32,792 bytes, and 24 blocks of them 787,008; 799,000 bytes are there.
  test.each([
    [101_000, 1, 1],
    [101_000, 512 * 24 + 187, 6],
    [112_992, 512 * 24, 24],
    [899_912, 1, 6],
  ])('good: offset %d, %d lines, %d probes', (offset, lines, probes) => {
    expect(check(offset, lines, probes)).toEqual({ offset, lines, probes })
  })

  test.each([
    ['no lines', 101_000, 0, 6],
    ['no probes', 101_000, 1, 0],
    ['too many probes', 101_000, 1, 25],
    ['in the root index', 100_999, 1, 6],
    ['in the header', 0, 1, 6],
    ['one line too many', 101_000, 512 * 24 + 188, 6],
    ['one byte too far', 112_993, 512 * 24, 6],
    ['in the properties', 899_913, 1, 6],
    ['behind the file', 2_000_000, 1, 6],
    ['at 2^53 − 1', 2 ** 53 - 1, 1, 6],
    ['2^32 lines', 101_000, 2 ** 32, 6],
    ['2^53 − 1 lines', 101_000, 2 ** 53 - 1, 6],
    ['2^53 − 1 probes', 101_000, 1, 2 ** 53 - 1],
  ])('%s is CORRUPT', (_name, offset, lines, probes) => {
    expect(() => check(offset, lines, probes)).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
  })

  test('more lines than the list of filter blocks has room for are CORRUPT, however long the file is', () => {
    const long = { ...footer, propertiesOffset: 2 ** 40, fileLength: 2 ** 40 + 564 }
    const read = (lines: number): unknown => {
      const filter = { offset: 101_000, lines, probes: 6 }
      return checkProperties(encodeProperties(info, { ...statistics, filter }), info, 'table', long).filter
    }
    expect(read(16_777_216)).toEqual({ offset: 101_000, lines: 16_777_216, probes: 6 })
    for (const lines of [16_777_217, 2 ** 32 - 1]) {
      expect(() => read(lines)).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
    }
  })

  test.each([
    ['cut off', [101_000, 1]],
    ['with more behind', [101_000, 1, 6, 0]],
    ['empty', []],
  ])('a field %s is CORRUPT', (_name, numbers) => {
    const fields = new FieldWriter()
    fields.numbers(26, numbers)
    const payload = Buffer.concat([
      encodeProperties(info, { ...statistics, filter: undefined }),
      fields.finish(),
    ])
    expect(() => checkProperties(payload, info, 'table', footer)).toThrow(VarveError)
    expect(() => checkProperties(payload, info, 'table', footer)).toThrow(
      expect.objectContaining({ code: 'CORRUPT' }),
    )
  })

  test('a table without one is as good', () => {
    const payload = encodeProperties(info, { ...statistics, filter: undefined })
    expect(checkProperties(payload, info, 'table', footer)).toEqual({
      filter: undefined,
      compression: 'none',
    })
  })
})
