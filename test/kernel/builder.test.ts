import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_FILTER,
  BLOCK_INDEX,
  BLOCK_PROPERTIES,
  BLOCK_ROOT_INDEX,
  BOUND_READ,
  BUILDER_DATA_BLOCKS,
  BUILDER_ENTRIES,
  BUILDER_EXTENT_BLOCKS,
  BUILDER_HIGHEST_SEQNO,
  BUILDER_INDEX_BLOCKS,
  BUILDER_LOWEST_SEQNO,
  BUILDER_RAW_KEY_BYTES,
  BUILDER_RAW_VALUE_BYTES,
  BUILDER_TOMBSTONES,
  BUILDER_WEAK_TOMBSTONES,
  COMPRESSION_LZ4,
  COMPRESSION_NONE,
  CONTROL_FREE_PAGES,
  PAGE_BYTES,
  SLOT_INPUT,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_POINTER,
  SLOT_POSITION,
  SLOT_READ_SEQNO,
  STATUS_ABSENT,
  STATUS_DONE,
  STATUS_FOUND,
  STATUS_FULL,
  STATUS_MALFORMED,
  STATUS_OK,
  STATUS_TOMBSTONE,
  TYPE_EXTENT,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../../assembly/memory/layout.ts'
import { anyKey, anyValue, bytes } from './entries.ts'
import { bareKernel } from './support.ts'
import { compareEntries, compareKeys, readBlock, type TableEntry } from './table-format.ts'
import {
  buildTables,
  fillMemtable,
  readBlocks,
  readTable,
  streamOf,
  type BuildOptions,
  type BuiltTable,
} from './table-reader.ts'

const kernel = bareKernel(1024)
const { x, slot, u8, u32, view } = kernel
const saltAt = x.allocateRecord(64) >>> 0
const salt = Uint8Array.from({ length: 16 }, (_, i) => 31 * i + 1)
u8.set(salt, saltAt)
/** A file is read back to the upper half of memory, which nobody allocates. */
const fileAt = 512 * PAGE_BYTES
/** Page in which blocks are decompressed. */
const target = x.allocatePage() >>> 0
const usual: BuildOptions = {
  blockBytes: 4096,
  interval: 16,
  indexBlockBytes: 32768,
  slice: 1000,
  bitsPerKey: 10,
  compression: COMPRESSION_NONE,
}

const freePages = (): number => u32[CONTROL_FREE_PAGES >>> 2] as number

/** A large value is of TYPE_EXTENT in the memtable and in the table. */
function stored(entry: TableEntry): TableEntry {
  return entry.value.length >= 32768 ? { ...entry, type: TYPE_EXTENT } : entry
}

function expectSame(found: TableEntry[], expected: TableEntry[]): void {
  expect(found.length).toBe(expected.length)
  found.forEach((entry, i) => {
    const wanted = expected[i] as TableEntry
    expect(Buffer.compare(entry.key, wanted.key), `key of entry ${i}`).toBe(0)
    expect([entry.type, entry.seqno]).toEqual([wanted.type, wanted.seqno])
    expect(Buffer.compare(entry.value, wanted.value), `value of entry ${i}`).toBe(0)
  })
}

/** Builds, reads back with the test's own reader and the kernel's, and compares. */
function buildAndCompare(
  entries: readonly TableEntry[],
  options: BuildOptions = usual,
  disjoint = true,
): BuiltTable[] {
  const pagesBefore = freePages()
  // One to four memtables, whose entries lie between each other's.
  const count = 1 + (entries.length % 4)
  const memtables = Array.from({ length: count }, (_, i) =>
    fillMemtable(
      kernel,
      entries.filter((_, at) => (at * 7) % count === i),
    ),
  )
  const tables = buildTables(kernel, memtables, saltAt, options)
  for (const memtable of memtables) x.freeMemtable(memtable)
  expect(freePages()).toBe(pagesBefore)
  const expected = entries.map(stored).toSorted(compareEntries)
  const read = tables.map((table) => readTable(table, salt))
  expectSame(read.flat(), expected)
  tables.forEach((table, i) => {
    expectStatistics(table, read[i] as TableEntry[])
    checkAndGet(table, read[i] as TableEntry[])
    const next = tables[i + 1]
    if (next && disjoint) expect(compareKeys(table.largestKey, next.smallestKey)).toBeLessThan(0)
  })
  return tables
}

function expectStatistics(table: BuiltTable, entries: TableEntry[]): void {
  const { float, word } = table
  const count = (test: (entry: TableEntry) => boolean): number => entries.filter(test).length
  const sum = (of: (entry: TableEntry) => number): number =>
    entries.reduce((total, entry) => total + of(entry), 0)
  expect(float(BUILDER_ENTRIES)).toBe(entries.length)
  expect(float(BUILDER_TOMBSTONES)).toBe(count(({ type }) => type === TYPE_TOMBSTONE))
  expect(float(BUILDER_WEAK_TOMBSTONES)).toBe(count(({ type }) => type === TYPE_WEAK_TOMBSTONE))
  expect(float(BUILDER_RAW_KEY_BYTES)).toBe(sum(({ key }) => key.length))
  expect(float(BUILDER_RAW_VALUE_BYTES)).toBe(sum(({ value }) => value.length))
  const seqnos = entries.map(({ seqno }) => Number(seqno)).sort((a, b) => a - b)
  expect(float(BUILDER_LOWEST_SEQNO)).toBe(seqnos[0])
  expect(float(BUILDER_HIGHEST_SEQNO)).toBe(seqnos.at(-1))
  const [first, last] = [entries[0], entries.at(-1)] as [TableEntry, TableEntry]
  expect(compareKeys(table.smallestKey, first.key)).toBe(0)
  expect(compareKeys(table.largestKey, last.key)).toBe(0)
  const kinds = readBlocks(table.file, salt).map(({ kind }) => kind)
  expect(word(BUILDER_DATA_BLOCKS)).toBe(kinds.filter((kind) => kind === BLOCK_DATA).length)
  expect(word(BUILDER_INDEX_BLOCKS)).toBe(kinds.filter((kind) => kind === BLOCK_INDEX).length)
  expect(word(BUILDER_EXTENT_BLOCKS)).toBe(kinds.filter((kind) => kind === BLOCK_EXTENT).length)
}

/** Checks a block of the file at fileAt. @returns address and length of its raw payload */
function checked(kind: number, offset: number, size: number): [number, number] {
  expect(x.checkBlock(slot, fileAt + offset, size, kind, saltAt, offset, target)).toBe(STATUS_OK)
  return [view.getUint32(slot + SLOT_POINTER, true), view.getUint32(slot + SLOT_LENGTH, true)]
}

/** checkBlock takes every block, and the way from the root leads to entries. */
function checkAndGet(table: BuiltTable, entries: TableEntry[]): void {
  u8.set(table.file, fileAt)
  for (const { kind, offset, size, payload } of readBlocks(table.file, salt)) {
    const [at, length] = checked(kind, offset, size)
    expect(compareKeys(u8.subarray(at, at + length), payload)).toBe(0)
  }
  const input = view.getUint32(slot + SLOT_INPUT, true)
  const step = Math.max(1, Math.floor(entries.length / 200))
  for (let i = 0; i < entries.length; i += step) {
    const { key, seqno, type, value } = entries[i] as TableEntry
    u8.set(key, input)
    view.setBigUint64(slot + SLOT_READ_SEQNO, seqno + 1n, true)
    let [offset, size] = [table.rootOffset, table.rootSize]
    for (const kind of [BLOCK_ROOT_INDEX, BLOCK_INDEX]) {
      const [payload, length] = checked(kind, offset, size)
      expect(x.indexSeek(slot, payload, length, input, key.length, BOUND_READ)).toBe(STATUS_FOUND)
      offset = view.getFloat64(slot + SLOT_NUMBER, true)
      size = view.getUint32(slot + SLOT_LENGTH, true)
    }
    const [payload, length] = checked(BLOCK_DATA, offset, size)
    const status = x.blockGet(slot, payload, length, input, key.length)
    if (type === TYPE_TOMBSTONE || type === TYPE_WEAK_TOMBSTONE) expect(status).toBe(STATUS_TOMBSTONE)
    else expect(status).toBe(STATUS_FOUND)
    if (type !== TYPE_VALUE) continue
    const at = view.getUint32(slot + SLOT_POINTER, true)
    expect(compareKeys(u8.subarray(at, at + view.getUint32(slot + SLOT_LENGTH, true)), value)).toBe(0)
  }
}

const value = (length: number, fill: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + fill) & 255)

function entry(
  key: string | Uint8Array,
  seqno: number,
  value: Uint8Array | string = '',
  type = TYPE_VALUE,
): TableEntry {
  return { key: bytes(key), type, seqno: BigInt(seqno), value: bytes(value) }
}

const anyEntries = fc
  .array(
    fc.record({
      key: anyKey,
      type: fc.constantFrom(TYPE_VALUE, TYPE_VALUE, TYPE_VALUE, TYPE_TOMBSTONE, TYPE_WEAK_TOMBSTONE),
      value: fc.oneof(
        { weight: 30, arbitrary: anyValue },
        { weight: 1, arbitrary: fc.constantFrom(32768, 140_000).map((n) => value(n, n)) },
      ),
    }),
    { minLength: 1, maxLength: 150, size: 'max' },
  )
  .map((writes) =>
    // Every write has its own seqno, in any order over the keys.
    writes.map((write, i) => ({
      ...write,
      seqno: BigInt(1 + ((i * 7919) % 10007)),
      value: write.type === TYPE_VALUE ? write.value : new Uint8Array(0),
    })),
  )

describe('builder', () => {
  test('one entry', () => {
    const [table] = buildAndCompare([entry('key', 5, 'value')]) as [BuiltTable]
    expect(readBlocks(table.file, salt).map(({ kind }) => kind)).toEqual([1, 2, 3, 4])
  })

  test('an empty key, and nothing else', () => {
    buildAndCompare([entry('', 1, '')])
  })

  const anyOptions = fc.record({
    blockBytes: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.constantFrom(4096, 16384, 65536, 131072)),
    interval: fc.oneof(fc.integer({ min: 1, max: 17 }), fc.constant(255)),
    indexBlockBytes: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(4096, 32768)),
    slice: fc.integer({ min: 1, max: 200 }),
    bitsPerKey: fc.constantFrom(0, 1, 10, 14.5, 40),
    compression: fc.constantFrom(COMPRESSION_NONE, COMPRESSION_LZ4),
  })

  test('any entries, any sizes of blocks, any slices', () => {
    fc.assert(
      fc.property(anyEntries, anyOptions, (entries, options) => {
        buildAndCompare(entries, options)
      }),
      { numRuns: 60 },
    )
  })

  test('many versions of few long keys that share most or nothing', () => {
    const longKey = fc
      .tuple(
        fc.constantFrom(5, 2047, 2048, 2049, 3000, 20_000, 65_400, 65_534, 65_535),
        fc.constantFrom(0, 1, 0xff),
        fc.constantFrom(0, 1, 2),
      )
      .map(([length, first, last]) =>
        new Uint8Array(length)
          .fill(7)
          .fill(first, 0, 1)
          .fill(last, length - 1),
      )
    const writes = fc.array(fc.tuple(longKey, fc.constantFrom(0, 1, 50, 2000, 32_767)), {
      minLength: 1,
      maxLength: 100,
      size: 'max',
    })
    fc.assert(
      fc.property(writes, fc.integer({ min: 1, max: 8 }), anyOptions, (writes, keys, options) => {
        const some = writes.map(([, size], i) =>
          entry((writes[i % keys] ?? writes[0])?.[0] ?? '', i + 1, value(size, i)),
        )
        buildAndCompare(some, options)
      }),
      { numRuns: 40 },
    )
  })

  test('values of every class of size', () => {
    const sizes = [
      0,
      1,
      127,
      128,
      4095,
      4096,
      16_383,
      16_384,
      32_767,
      32_768,
      131_008,
      131_009,
      262_016,
      1 << 20,
    ]
    buildAndCompare(
      sizes.flatMap((size, i) => [
        entry(`key ${i}`, i + 1, value(size, i)),
        entry(`key ${i}`, 100 + i, 'newer'),
      ]),
    )
  })

  test('large values one behind the other, around full output pages', () => {
    const entries = Array.from({ length: 40 }, (_, i) =>
      entry(`${String(i).padStart(3, '0')}`, i + 1, value(32_768 + 9973 * i, i)),
    )
    buildAndCompare(entries, { ...usual, slice: 1 })
  })

  test('the longest keys with the longest inline values', () => {
    const key = (last: number): Uint8Array => new Uint8Array(65535).fill(7).fill(last, 65534)
    const entries = [1, 2, 3].flatMap((i) => [entry(key(i), i, value(32_767, i)), entry(key(i), 10 + i, '')])
    buildAndCompare(entries)
    buildAndCompare(entries, { ...usual, blockBytes: 131_072 })
  })

  test('many versions of a key straddle blocks', () => {
    const entries = Array.from({ length: 3000 }, (_, i) => entry(`key ${i % 3}`, i + 1, value(i % 100, i)))
    const [table] = buildAndCompare(entries, { ...usual, blockBytes: 512, indexBlockBytes: 256 }) as [
      BuiltTable,
    ]
    expect(table.word(BUILDER_DATA_BLOCKS)).toBeGreaterThan(100)
    // A user key goes on in another index block only if one cannot hold it.
    expect(table.word(BUILDER_INDEX_BLOCKS)).toBeLessThanOrEqual(3)
  })

  test('versions of one key fill more than one index block', () => {
    const key = new Uint8Array(2000).fill(5)
    const entries = Array.from({ length: 700 }, (_, i) => entry(key, i + 1, value(60, i)))
    const [table] = buildAndCompare(entries, { ...usual, blockBytes: 60, interval: 1 }) as [BuiltTable]
    expect(table.word(BUILDER_INDEX_BLOCKS)).toBeGreaterThan(5)
  })

  test('blocks of tiny entries have 16-bit and 32-bit restart offsets', () => {
    const entries = Array.from({ length: 20_000 }, (_, i) =>
      entry(Uint8Array.of(i >> 8, i & 255), 1 + ((i * 7919) % 20_011)),
    )
    for (const interval of [1, 16]) {
      const [table] = buildAndCompare(entries, { ...usual, blockBytes: 131_072, interval }) as [BuiltTable]
      const wide = readBlocks(table.file, salt).filter(({ payload }) => payload[payload.length - 3] === 1)
      expect(wide.length).toBe(0)
    }
    const longer = entries.slice(0, 4000).map((e) => ({ ...e, value: value(30, 0) }))
    const [table] = buildAndCompare(longer, { ...usual, blockBytes: 131_072 }) as [BuiltTable]
    expect(readBlocks(table.file, salt).some(({ payload }) => payload[payload.length - 3] === 1)).toBe(true)
  })

  test('restart offsets are 32-bit exactly above 65,535', () => {
    // Entries of 8 + value length bytes: 65,535, 65,536 and 65,537 in all.
    for (const [last, width] of [
      [21_837, 2],
      [21_838, 4],
      [21_839, 4],
    ] as const) {
      const entries = [21_837, 21_837, last].map((size, i) => entry(`${i}`, i + 1, value(size, i)))
      const [table] = buildAndCompare(entries, { ...usual, blockBytes: 131_072 }) as [BuiltTable]
      const payload = readBlocks(table.file, salt)[0]?.payload as Uint8Array
      // Three keys have six buckets.
      expect(payload.length - 32 - 6 - width).toBe(24 + 2 * 21_837 + last)
    }
  })

  test('blocks end when they reach their size', () => {
    const entries = Array.from({ length: 5000 }, (_, i) =>
      entry(`key ${String(i).padStart(8, '0')}`, i + 1, value(100, i)),
    )
    const [table] = buildAndCompare(entries) as [BuiltTable]
    const sizes = readBlocks(table.file, salt)
      .filter(({ kind }) => kind === BLOCK_DATA)
      .map(({ payload }) => payload.length)
    for (const size of sizes.slice(0, -1)) {
      expect(size).toBeGreaterThan(3900)
      expect(size).toBeLessThan(4300)
    }
  })
})

describe('a full root index', () => {
  /** Pairs of keys that share all but their last byte, and nothing with other pairs: every other separator is long. */
  const pairs = (count: number, length: number, first = 0): TableEntry[] =>
    Array.from({ length: 2 * count }, (_, i) => {
      const key = new Uint8Array(length).fill(9).fill(i & 1, length - 1)
      key[0] = first + (i >> 1)
      return entry(key, i + 1, value(5000, i))
    })

  test('ends the table; the next one goes on', () => {
    for (const length of [20_000, 40_000, 65_535]) {
      const tables = buildAndCompare(pairs(20, length), { ...usual, indexBlockBytes: 1 })
      expect(tables.length).toBeGreaterThan(3)
      expect(tables.length).toBeLessThanOrEqual(21)
    }
  })

  test('does not come from long keys that share much, or nothing', () => {
    const alike = Array.from({ length: 60 }, (_, i) => {
      return entry(new Uint8Array(60_000).fill(9).fill(i, 59_999), i + 1, value(5000, i))
    })
    const unlike = Array.from({ length: 60 }, (_, i) => entry(value(65_535, i * 37), i + 1, value(5000, i)))
    expect(buildAndCompare(alike).length).toBe(1)
    expect(buildAndCompare(unlike).length).toBe(1)
  })

  const short = (prefix: string): TableEntry[] =>
    Array.from({ length: 300 }, (_, i) =>
      entry(`${prefix} ${String(i).padStart(4, '0')}`, i + 1, value(100, i)),
    )
  const versions = (key: Uint8Array, count: number, bytes: number): TableEntry[] =>
    Array.from({ length: count }, (_, i) => entry(key, 1000 + i, value(bytes, i)))

  test('tables do not share a user key, however long it is and however many versions it has', () => {
    const options = { ...usual, blockBytes: 1024, indexBlockBytes: 512 }
    for (const length of [2048, 2049, 10_000, 65_400, 65_535]) {
      const long = [0x61, 0x6d, 0x6e].map((byte) => new Uint8Array(length).fill(byte))
      const entries = [
        ...short('a'),
        ...short('m'),
        ...short('z'),
        ...long.flatMap((key) => versions(key, 12, 3000)),
      ]
      buildAndCompare(entries, options)
      buildAndCompare(entries, { ...options, interval: 1 })
      buildAndCompare(
        long.flatMap((key) => versions(key, 12, 3000)),
        options,
      )
    }
  })

  test('a long key with versions begins a data block, which then holds as many as it can', () => {
    for (const [count, bytes] of [
      [2, 0],
      [17, 0],
      [255, 0],
      [256, 0],
      [400, 0],
      [2, 4000],
      [3, 32_767],
    ] as const) {
      const key = new Uint8Array(65_535).fill(0xff)
      for (const interval of [1, 16]) {
        buildAndCompare([entry('', 1, 'v'), ...versions(key, count, bytes)], { ...usual, interval })
        buildAndCompare([entry('', 1, 'v'), ...versions(key, count, bytes)], {
          ...usual,
          interval,
          blockBytes: 131_072,
        })
      }
    }
  })

  test('more data blocks of one long key than an index block holds', () => {
    const key = new Uint8Array(20_000).fill(0x6d)
    const entries = [...short('a'), ...versions(key, 600, 200), ...short('z')]
    const tables = buildAndCompare(entries, { ...usual, blockBytes: 200, indexBlockBytes: 512 })
    expect(tables.length).toBeLessThanOrEqual(3)
    const longest = new Uint8Array(65_535).fill(0x6d)
    const tight = buildAndCompare([...short('a'), ...versions(longest, 270, 50), ...short('z')], {
      ...usual,
      blockBytes: 1,
      indexBlockBytes: 512,
    })
    expect(tight.length).toBeLessThanOrEqual(4)
  })

  test('a long separator right behind the versions of a key that nearly fill an index block, or the root', () => {
    const key = new Uint8Array(2000).fill(0x6d)
    for (const count of [91, 5125]) {
      const tables = buildAndCompare([...versions(key, count, 150), ...pairs(3, 65_535, 0x70)], {
        ...usual,
        blockBytes: 200,
        interval: 1,
      })
      expect(tables.length).toBeLessThanOrEqual(5)
    }
  })

  test('thousands of data blocks of one key at last end a table inside it', () => {
    const entries = versions(new Uint8Array(2000).fill(5), 5000, 10)
    const tables = buildAndCompare(entries, { ...usual, blockBytes: 1, interval: 1 }, false)
    expect(tables.length).toBe(2)
  })
})

describe('compression', () => {
  const compressing: BuildOptions = { ...usual, compression: COMPRESSION_LZ4 }
  /** Bytes of which nothing can be saved. */
  const noise = (length: number, seed: number): Uint8Array => {
    let state = seed
    return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24)
  }
  const half = (i: number): Uint8Array => Uint8Array.from([...noise(50, i + 1), ...new Uint8Array(50)])
  const key = (i: number): string => String(i).padStart(16, '0')
  const kinds = (table: BuiltTable, isCompressed: boolean): number[] => {
    const blocks = readBlocks(table.file, salt).filter((block) => block.isCompressed === isCompressed)
    return [...new Set(blocks.map(({ kind }) => kind))].sort()
  }
  const build = (entries: readonly TableEntry[], options = compressing): BuiltTable =>
    buildAndCompare(entries, options)[0] as BuiltTable

  test('makes data and index blocks shorter, and leaves root index and filter', () => {
    const entries = Array.from({ length: 5000 }, (_, i) => entry(key(i), i + 1, half(i)))
    const table = build(entries)
    expect(kinds(table, true)).toEqual([BLOCK_DATA, BLOCK_INDEX])
    expect(kinds(table, false)).toEqual([BLOCK_ROOT_INDEX, BLOCK_FILTER])
    expect(table.file.length).toBeLessThan(0.7 * build(entries, usual).file.length)
  })

  test('leaves blocks of which less than an eighth can be saved', () => {
    const saving = (zeros: number): BuiltTable =>
      build([entry(noise(8, 5), 1, Uint8Array.from([...noise(20_000 - zeros, 3), ...new Uint8Array(zeros)]))])
    expect(kinds(saving(0), true)).not.toContain(BLOCK_DATA)
    expect(kinds(saving(2400), true)).not.toContain(BLOCK_DATA)
    expect(kinds(saving(2700), true)).toContain(BLOCK_DATA)
  })

  test('compresses extents, each by itself', () => {
    const mixed = Uint8Array.from([...noise(131_008, 1), ...new Uint8Array(131_008), ...half(1)])
    const entries = [entry('a', 1, value(400_000, 1)), entry('b', 2, mixed), entry('c', 3, noise(300_000, 2))]
    const table = build(entries)
    expect(kinds(table, true)).toContain(BLOCK_EXTENT)
    expect(kinds(table, false)).toContain(BLOCK_EXTENT)
    const extents = readBlocks(table.file, salt).filter(({ kind }) => kind === BLOCK_EXTENT)
    expect(extents.map(({ payload }) => payload.length)).toEqual([
      ...[131_008, 131_008, 131_008, 6976],
      ...[131_008, 131_008, 100],
      ...[131_008, 131_008, 37_984],
    ])
    expect(extents.slice(4, 7).map(({ isCompressed }) => isCompressed)).toEqual([false, true, true])
  })

  test('any slice makes the same file', () => {
    const entries = Array.from({ length: 3000 }, (_, i) =>
      entry(key(i), i + 1, i % 500 === 7 ? value(150_000, i) : half(i)),
    )
    const { file } = build(entries)
    for (const slice of [1, 7, 100_000]) {
      expect(compareKeys(build(entries, { ...compressing, slice }).file, file)).toBe(0)
    }
  })
})

describe('edges of the contract', () => {
  test('without pages there is no builder and nothing is kept', () => {
    for (let pages = 3; pages < 9; pages++) {
      const small = bareKernel(pages)
      const free = small.u32[CONTROL_FREE_PAGES >>> 2] as number
      for (const compression of [COMPRESSION_NONE, COMPRESSION_LZ4]) {
        const builder = small.x.builderCreate(4096, 16, 32768, small.slot, 64, 0, compression, Infinity) >>> 0
        expect(builder !== 0).toBe(free >= (compression === COMPRESSION_LZ4 ? 6 : 5))
        if (builder !== 0) small.x.builderFree(builder)
        expect(small.u32[CONTROL_FREE_PAGES >>> 2]).toBe(free)
      }
    }
  })

  test('a table without entries is not finished', () => {
    const memtable = x.createMemtable() >>> 0
    const builder = x.builderCreate(4096, 16, 32768, saltAt, 64, 0, COMPRESSION_NONE, Infinity) >>> 0
    const stream = streamOf(kernel, [memtable])
    expect(x.builderFeed(slot, builder, stream, 10)).toBe(STATUS_DONE)
    expect(x.builderFinish(slot, builder)).toBe(STATUS_ABSENT)
    x.builderFree(builder)
    x.streamFree(stream)
    x.freeMemtable(memtable)
  })

  test('a slice is as long as asked', () => {
    const memtable = fillMemtable(
      kernel,
      Array.from({ length: 10 }, (_, i) => entry(`key ${i}`, i + 1, 'value')),
    )
    const builder = x.builderCreate(4096, 16, 32768, saltAt, 64, 0, COMPRESSION_NONE, Infinity) >>> 0
    const stream = streamOf(kernel, [memtable])
    expect(x.builderFeed(slot, builder, stream, 4)).toBe(STATUS_OK)
    expect(view.getFloat64(builder + BUILDER_ENTRIES, true)).toBe(4)
    expect(x.builderFeed(slot, builder, stream, 5)).toBe(STATUS_OK)
    expect(x.builderFeed(slot, builder, stream, 100)).toBe(STATUS_DONE)
    expect(x.builderFeed(slot, builder, stream, 100)).toBe(STATUS_DONE)
    expect(view.getFloat64(builder + BUILDER_ENTRIES, true)).toBe(10)
    x.builderFree(builder)
    x.streamFree(stream)
    x.freeMemtable(memtable)
  })

  test.each([COMPRESSION_NONE, COMPRESSION_LZ4])(
    'FULL again and again changes nothing (compression %i)',
    (compression) => {
      const entries = Array.from({ length: 3 }, (_, i) => entry(`key ${i}`, i + 1, value(400_000, i)))
      const memtable = fillMemtable(kernel, entries)
      const builder = x.builderCreate(4096, 16, 32768, saltAt, 64, 0, compression, Infinity) >>> 0
      const stream = streamOf(kernel, [memtable])
      expect(x.builderFeed(slot, builder, stream, 10)).toBe(STATUS_FULL)
      const length = view.getUint32(slot + SLOT_LENGTH, true)
      const output = u8.slice(
        view.getUint32(slot + SLOT_POINTER, true),
        view.getUint32(slot + SLOT_POINTER, true) + length,
      )
      for (let i = 0; i < 5; i++) {
        expect(x.builderFeed(slot, builder, stream, 10)).toBe(STATUS_FULL)
        const at = view.getUint32(slot + SLOT_POINTER, true)
        expect(compareKeys(u8.subarray(at, at + view.getUint32(slot + SLOT_LENGTH, true)), output)).toBe(0)
      }
      x.builderFree(builder)
      x.streamFree(stream)
      x.freeMemtable(memtable)
    },
  )

  test('builderAppend adds blocks of any kind behind the root', () => {
    const memtable = fillMemtable(kernel, [entry('key', 1, 'value')])
    const builder = x.builderCreate(4096, 16, 32768, saltAt, 64, 0, COMPRESSION_NONE, Infinity) >>> 0
    const stream = streamOf(kernel, [memtable])
    expect(x.builderFeed(slot, builder, stream, 10)).toBe(STATUS_DONE)
    expect(x.builderFinish(slot, builder)).toBe(STATUS_DONE)
    const used = view.getUint32(slot + SLOT_LENGTH, true)
    expect(x.builderFinish(slot, builder)).toBe(STATUS_DONE)
    expect(view.getUint32(slot + SLOT_LENGTH, true)).toBe(used)

    const payload = x.allocatePage() >>> 0
    u8.set(value(PAGE_BYTES, 3), payload)
    expect(x.builderAppend(slot, builder, BLOCK_PROPERTIES, payload, 100)).toBe(STATUS_OK)
    expect(view.getFloat64(slot + SLOT_NUMBER, true)).toBe(64 + used)
    expect(view.getUint32(slot + SLOT_POSITION, true)).toBe(124)
    expect(view.getUint32(slot + SLOT_LENGTH, true)).toBe(used + 124)
    const output = view.getUint32(slot + SLOT_POINTER, true)
    const block = readBlock(u8.subarray(output, output + used + 124), used, salt, 64)
    expect(compareKeys(block.payload, value(100, 3))).toBe(0)

    const room = PAGE_BYTES - (used + 124) - 24
    expect(x.builderAppend(slot, builder, BLOCK_PROPERTIES, payload, room + 1)).toBe(STATUS_FULL)
    expect(x.builderAppend(slot, builder, BLOCK_PROPERTIES, payload, 131_049)).toBe(STATUS_MALFORMED)
    expect(x.builderAppend(slot, builder, BLOCK_PROPERTIES, payload, 131_048)).toBe(STATUS_FULL)
    expect(view.getUint32(slot + SLOT_LENGTH, true)).toBe(used + 124)
    x.builderWritten(builder)
    expect(x.builderAppend(slot, builder, BLOCK_PROPERTIES, payload, 131_048)).toBe(STATUS_OK)
    expect(view.getFloat64(slot + SLOT_NUMBER, true)).toBe(64 + used + 124)
    x.freePage(payload)
    x.builderFree(builder)
    x.streamFree(stream)
    x.freeMemtable(memtable)
  })
})
