import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  COMPRESSION_NONE,
  BLOCK_FILTER,
  BUILDER_ENTRIES,
  BUILDER_FILTER_LINES,
  BUILDER_FILTER_PROBES,
  CONTROL_FREE_PAGES,
  PAGE_BYTES,
  STATUS_DONE,
  STATUS_FULL,
  STATUS_NO_PAGES,
  STATUS_OK,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { filterProbes } from '../../assembly/table/filter-probes.ts'
import { expectedFalsePositiveRate } from '../../src/table/filter-policy.ts'
import { anyKey, bytes } from './entries.ts'
import { bareInternals, type BareInternals } from './internals.ts'
import { bareKernel, type BareKernel } from './support.ts'
import {
  compareKeys,
  filterBits,
  filterMayContain,
  writeFilter,
  xxh3,
  type Filter,
  type TableEntry,
} from './table-format.ts'
import {
  buildTables,
  fillMemtable,
  readBlocks,
  readFilter,
  readTable,
  type BuildOptions,
  streamOf,
} from './table-reader.ts'

const salt = Uint8Array.from({ length: 16 }, (_, i) => 31 * i + 1)
const usual: BuildOptions = {
  blockBytes: 4096,
  interval: 16,
  indexBlockBytes: 32768,
  slice: 5000,
  bitsPerKey: 10,
  compression: COMPRESSION_NONE,
}

const entry = (key: string | Uint8Array, seqno: number, type = TYPE_VALUE): TableEntry => ({
  key: bytes(key),
  type,
  seqno: BigInt(seqno),
  value: new Uint8Array(0),
})

const number = (i: number): Uint8Array => bytes(String(i).padStart(16, '0'))

const freePages = (kernel: BareKernel): number => kernel.u32[CONTROL_FREE_PAGES >>> 2] as number

function saltOf(kernel: BareKernel): number {
  const at = kernel.x.allocateRecord(64) >>> 0
  kernel.u8.set(salt, at)
  return at
}

describe('a line', () => {
  let k: BareInternals
  beforeAll(async () => {
    k = await bareInternals(16)
  })
  const filterAt = 8 * PAGE_BYTES
  const signed = (key: Uint8Array): bigint => BigInt.asIntN(64, xxh3(key))

  /** As the kernel reads it. */
  function mayContain({ bytes, probes }: Filter, key: Uint8Array): boolean {
    const line = k.x.filterLine(signed(key), bytes.length / 64) >>> 0
    return k.x.filterMayContain(filterAt + 64 * line, signed(key), probes) !== 0
  }

  test('the kernel adds and finds as the page says', () => {
    fc.assert(
      fc.property(
        fc.array(anyKey, { maxLength: 60 }),
        fc.array(anyKey, { maxLength: 60 }),
        fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 2000 })),
        fc.integer({ min: 1, max: 24 }),
        (keys, others, lines, probes) => {
          const filter = writeFilter(keys, lines, probes)
          k.u8.fill(0, filterAt, filterAt + 64 * lines)
          for (const key of keys) {
            const line = k.x.filterLine(signed(key), lines) >>> 0
            expect(line).toBe((filterBits(key, lines, 1)[0] as number) >> 9)
            k.x.filterAdd(filterAt + 64 * line, signed(key), probes)
          }
          expect(compareKeys(k.u8.subarray(filterAt, filterAt + 64 * lines), filter.bytes)).toBe(0)
          for (const key of keys) expect(mayContain(filter, key)).toBe(true)
          for (const key of others) expect(mayContain(filter, key)).toBe(filterMayContain(filter, key))
        },
      ),
    )
  })

  test('every number of lines up to 2^32 − 1 is covered from end to end', () => {
    for (const lines of [1, 2, 3, 512, 65_537, 2 ** 31, 2 ** 32 - 1]) {
      expect(k.x.filterLine(0n, lines) >>> 0).toBe(0)
      expect(k.x.filterLine(-1n, lines) >>> 0).toBe(lines - 1)
    }
  })

  test('100,000 keys: false positives are as rare as the policy promises', () => {
    const kernel = bareKernel(1024)
    const keys = 100_000
    const absent = 300_000
    const memtable = fillMemtable(
      kernel,
      Array.from({ length: keys }, (_, i) => entry(number(7 * i), i + 1)),
    )
    const hashes = Array.from({ length: absent }, (_, i) => signed(number(7 * i + 3)))
    for (const bitsPerKey of [5, 10, 15, 20]) {
      const tables = buildTables(kernel, [memtable], saltOf(kernel), { ...usual, bitsPerKey })
      expect(tables.length).toBe(1)
      const [table] = tables as [(typeof tables)[0]]
      const filter = readFilter(table, salt) as Filter
      const lines = filter.bytes.length / 64
      expect(lines).toBe(Math.ceil((keys * bitsPerKey) / 512))
      expect(filter.probes).toBe(filterProbes(bitsPerKey))
      k.u8.set(filter.bytes, filterAt)
      for (let i = 0; i < keys; i += 97) expect(mayContain(filter, number(7 * i))).toBe(true)
      const found = hashes.filter(
        (hash) =>
          k.x.filterMayContain(filterAt + 64 * (k.x.filterLine(hash, lines) >>> 0), hash, filter.probes) !==
          0,
      ).length
      const expected = absent * expectedFalsePositiveRate(bitsPerKey)
      expect(Math.abs(found - expected), `${bitsPerKey} bits: ${found} of ${absent}`).toBeLessThan(
        0.03 * expected + 5 * Math.sqrt(expected),
      )
      if (bitsPerKey === 10) expect(found / absent).toBeLessThan(0.013)
    }
  })
})

describe('the filter of a table', () => {
  test('has every user key, however it was written, and nothing else', () => {
    const kernel = bareKernel(256)
    const saltAt = saltOf(kernel)
    // So short that one index holds them all.
    const key = anyKey.filter(({ length }) => length <= 2000)
    const writes = fc.array(fc.tuple(key, fc.boolean()), { minLength: 1, maxLength: 200, size: 'max' })
    fc.assert(
      fc.property(
        writes,
        fc.double({ min: 1, max: 40, noNaN: true }),
        anyKey,
        (writes, bitsPerKey, other) => {
          const keys = [...writes.map(([key]) => key), new Uint8Array(0)]
          const entries = keys.map((key, i) =>
            entry(key, i + 1, writes[i]?.[1] ? TYPE_TOMBSTONE : TYPE_VALUE),
          )
          const memtable = fillMemtable(kernel, entries)
          const tables = buildTables(kernel, [memtable], saltAt, { ...usual, bitsPerKey })
          kernel.x.freeMemtable(memtable)
          expect(tables.length).toBe(1)
          for (const table of tables) {
            // NOTE: readTable compares the bits with those of the keys it found.
            readTable(table, salt)
            const filter = readFilter(table, salt) as Filter
            for (const key of keys) expect(filterMayContain(filter, key)).toBe(true)
            const different = new Set(keys.map((key) => Buffer.from(key).toString('hex')))
            expect(filter.bytes.length / 64).toBe(Math.ceil((different.size * bitsPerKey) / 512))
            if (different.size === 1) expect(filterMayContain(filter, other)).toBe(other.length === 0)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  test('0 bits per key: there is none', () => {
    const kernel = bareKernel(64)
    const memtable = fillMemtable(kernel, [entry('key', 1)])
    const [table] = buildTables(kernel, [memtable], saltOf(kernel), { ...usual, bitsPerKey: 0 })
    expect(table?.word(BUILDER_FILTER_LINES)).toBe(0)
    expect(table?.word(BUILDER_FILTER_PROBES)).toBe(0)
    expect(readBlocks(table?.file ?? new Uint8Array(0), salt).map(({ kind }) => kind)).not.toContain(
      BLOCK_FILTER,
    )
  })

  test('takes many blocks, several for each output page', () => {
    const kernel = bareKernel(256)
    const entries = Array.from({ length: 30_000 }, (_, i) => entry(number(i), i + 1))
    const memtable = fillMemtable(kernel, entries)
    const [table] = buildTables(kernel, [memtable], saltOf(kernel), { ...usual, bitsPerKey: 40 })
    if (!table) throw new Error('no table')
    expect(readTable(table, salt).length).toBe(entries.length)
    const blocks = readBlocks(table.file, salt).filter(({ kind }) => kind === BLOCK_FILTER)
    expect(blocks.map(({ payload }) => payload.length / 64)).toEqual([512, 512, 512, 512, 296])
  })
})

describe('memory for hashes', () => {
  /** Takes pages until `left` are free. */
  function takeAllBut(kernel: BareKernel, left: number): number[] {
    const taken: number[] = []
    while (freePages(kernel) > left) taken.push(kernel.x.allocatePage() >>> 0)
    return taken
  }

  /** 50,000 keys, those around a full page of hashes with several versions. */
  const entries = Array.from({ length: 50_000 }, (_, i) => i).flatMap((i) => {
    const versions = i % 16_383 < 2 || i % 16_383 > 16_380 ? 3 : 1
    return Array.from({ length: versions }, (_, version) => entry(number(i), 1 + i + 60_000 * version))
  })

  test('a table ends before the key whose hash has no page, never inside a key', () => {
    const kernel = bareKernel(256)
    const saltAt = saltOf(kernel)
    const memtable = fillMemtable(kernel, entries)
    const taken = takeAllBut(kernel, 11)
    // A stream takes one page, a builder 5, 2 stay free: 3 for hashes.
    const tables = buildTables(kernel, [memtable], saltAt, usual)
    expect(freePages(kernel)).toBe(11)
    for (const page of taken) kernel.x.freePage(page)
    const read = tables.map((table) => readTable(table, salt))
    expect(read.flat().length).toBe(entries.length)
    const keys = read.map((some) => new Set(some.map(({ key }) => Buffer.from(key).toString())))
    expect(keys.map(({ size }) => size)).toEqual([3 * 16_383, 50_000 - 3 * 16_383])
    tables.forEach((table, i) => {
      const next = tables[i + 1]
      if (next) expect(compareKeys(table.largestKey, next.smallestKey)).toBeLessThan(0)
    })
  })

  test('without a page for hashes the table has no filter, and everything else', () => {
    const kernel = bareKernel(256)
    const saltAt = saltOf(kernel)
    const memtable = fillMemtable(kernel, entries)
    const taken = takeAllBut(kernel, 8)
    const tables = buildTables(kernel, [memtable], saltAt, usual)
    expect(freePages(kernel)).toBe(8)
    for (const page of taken) kernel.x.freePage(page)
    expect(tables.length).toBe(1)
    expect(tables[0]?.word(BUILDER_FILTER_LINES)).toBe(0)
    expect(tables.flatMap((table) => readTable(table, salt)).length).toBe(entries.length)
  })

  test('524,256 keys, and no more', () => {
    const kernel = bareKernel(1024)
    const { x, slot, u8 } = kernel
    const keys = 524_256 + 5
    const memtable = x.createMemtable() >>> 0
    const page = x.allocatePage() >>> 0
    const encoded = Buffer.alloc(16)
    encoded.writeUInt16LE(4, 4)
    encoded.writeUInt8(TYPE_VALUE, 6)
    encoded.writeUInt32LE(1, 8)
    for (let i = 0; i < keys; i++) {
      encoded.writeUInt32BE(i, 12)
      u8.set(encoded, page)
      x.setGroup(slot, i + 1, 1)
      expect(x.applyEntries(slot, memtable, page, page + 16, 1, 0)).toBe(STATUS_OK)
    }
    const builder = x.builderCreate(4096, 16, 32768, saltOf(kernel), 64, 10, COMPRESSION_NONE, Infinity) >>> 0
    const stream = streamOf(kernel, [memtable])
    const before = freePages(kernel)
    let status = STATUS_FULL
    while (status === STATUS_FULL) {
      status = x.builderFeed(slot, builder, stream, 1_000_000)
      if (status === STATUS_FULL) x.builderWritten(builder)
    }
    expect(status).toBe(STATUS_NO_PAGES)
    expect(kernel.view.getFloat64(builder + BUILDER_ENTRIES, true)).toBe(524_256)
    expect(freePages(kernel)).toBe(before - 32)
    while ((status = x.builderFinish(slot, builder)) === STATUS_FULL) x.builderWritten(builder)
    expect(status).toBe(STATUS_DONE)
    expect(freePages(kernel)).toBe(before)
    expect(kernel.u32[(builder + BUILDER_FILTER_LINES) >>> 2]).toBe(Math.ceil((524_256 * 10) / 512))
  })

  test('a builder that is given up gives its hashes back', () => {
    const kernel = bareKernel(256)
    const saltAt = saltOf(kernel)
    const memtable = fillMemtable(kernel, entries.slice(0, 20_000))
    const stream = streamOf(kernel, [memtable])
    const before = freePages(kernel)
    const builder = kernel.x.builderCreate(4096, 16, 32768, saltAt, 64, 10, COMPRESSION_NONE, Infinity) >>> 0
    let status = STATUS_FULL
    while (status === STATUS_FULL) {
      status = kernel.x.builderFeed(kernel.slot, builder, stream, 100_000)
      if (status === STATUS_FULL) kernel.x.builderWritten(builder)
    }
    expect(freePages(kernel)).toBe(before - 5 - 2)
    kernel.x.builderFree(builder)
    expect(freePages(kernel)).toBe(before)
  })
})
