import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  BOUND_AFTER,
  BOUND_BEFORE,
  CHUNK_ENTRY_HEADER_BYTES,
  CHUNK_EXTENT_CHAIN,
  CHUNK_EXTENT_LENGTH,
  CHUNK_EXTENT_LIST,
  CHUNK_EXTENT_TABLE,
  INLINE_VALUE_LIMIT_BYTES,
  PAGE_BYTES,
  SLOT_LENGTH,
  STATUS_DONE,
  STATUS_NO_PAGES,
  STATUS_OK,
  TYPE_EXTENT,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../../assembly/memory/layout.ts'
import { bareKernel, type BareKernel } from './support.ts'
import { compareEntries, compareKeys, encodeTable, type Entry, extentList } from './merge-blocks.ts'
import { type Bound, expected, type Scan, SHRED, Sources } from './merge-support.ts'
import type { RunShape } from './stored-run.ts'

let kernel: BareKernel
beforeAll(() => {
  kernel = bareKernel(512)
  kernel.x.cacheCreate(100, 0)
})

const wholeScan: Scan = {
  seqno: 2 ** 50,
  reverse: false,
  begin: undefined,
  end: undefined,
  limit: 2 ** 31,
  capacity: 65536,
  keysOnly: false,
  restart: false,
  crowded: false,
  cut: false,
}

// ── what is stored ───────────────────────────────────────────────────────────────────────────────────────

interface Layout {
  entries: Entry[]
  /** By entry: its source. */
  sources: number[]
  memtables: number
  tables: (RunShape & { count: number; interval: number })[]
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))

/** Keys that meet where slices, prefixes and words end: short over {00, EE, FF}, behind shared heads of all sizes, long. */
const shortKey = fc
  .array(fc.constantFrom(0, SHRED, 0xff), { maxLength: 3 })
  .map((list) => Uint8Array.from(list))
const headedKey = fc
  .tuple(fc.constantFrom(6, 7, 8, 9, 14, 15, 16, 17, 24, 40, 130, 300), shortKey, shortKey)
  .map(
    ([length, middle, tail]) =>
      new Uint8Array(Buffer.concat([new Uint8Array(length).fill(SHRED), middle, tail])),
  )
const decimalKey = fc.integer({ min: 0, max: 30 }).map((n) => bytes(String(n).padStart(16, '0')))
const longKey = fc
  .tuple(fc.constantFrom(5000, 65532), shortKey)
  .map(([length, tail]) => new Uint8Array(Buffer.concat([Buffer.alloc(length, 'l'), tail])))
const anyKey = fc.oneof(
  { weight: 4, arbitrary: shortKey },
  { weight: 4, arbitrary: headedKey },
  { weight: 2, arbitrary: decimalKey },
)

const valueLength = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(300, 600, 5000) },
)
const hugeValueLength = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(20000, 32767, 32768, 140000) },
)

const tableShape = fc.record({
  count: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(100)),
  interval: fc.constantFrom(1, 2, 3, 16, 20, 255),
  tableBlocks: fc.constantFrom(1, 2, 5, 1000),
  indexEntries: fc.constantFrom(1, 2, 40),
  isCompressed: fc.boolean(),
  keeps: fc.boolean(),
})

function layouts(
  keys: fc.Arbitrary<Uint8Array>,
  lengths: fc.Arbitrary<number>,
  most: number,
): fc.Arbitrary<Layout> {
  return fc
    .record({
      keys: fc.array(keys, { minLength: 1, maxLength: 10, size: 'max' }),
      memtables: fc.integer({ min: 0, max: 8 }),
      tables: fc.array(tableShape, { maxLength: 5, size: 'max' }),
      drafts: fc.array(
        fc.record({
          key: fc.nat(),
          source: fc.nat(),
          length: lengths,
          type: fc.constantFrom(TYPE_VALUE, TYPE_VALUE, TYPE_VALUE, TYPE_TOMBSTONE, TYPE_WEAK_TOMBSTONE),
          gap: fc.constantFrom(1, 1, 1, 200, 70000),
        }),
        { maxLength: most, size: 'max' },
      ),
    })
    .map(({ keys, memtables, tables, drafts }) => {
      const count = Math.max(1, memtables + tables.length)
      if (memtables + tables.length === 0) memtables = 1
      let seqno = 0
      const sources: number[] = []
      const entries = drafts.map((draft): Entry => {
        seqno += draft.gap
        const key = keys[draft.key % keys.length] as Uint8Array
        sources.push(draft.source % count)
        const length = draft.type === TYPE_VALUE ? draft.length : 0
        const type = length >= INLINE_VALUE_LIMIT_BYTES ? TYPE_EXTENT : draft.type
        return { key, seqno, type, value: new Uint8Array(length).fill(seqno) }
      })
      return { entries, sources, memtables, tables }
    })
}

/** Puts a layout into memtables and blocks, runs `use`, and frees everything. */
function withSources<T>({ entries, sources, memtables, tables }: Layout, use: (sources: Sources) => T): T {
  const store = new Sources(kernel)
  try {
    for (let i = 0; i < memtables; i++) store.addMemtable(entries.filter((_, at) => sources[at] === i))
    tables.forEach(({ count, interval, ...shape }, i) => {
      const stored = entries
        .filter((_, at) => sources[at] === memtables + i)
        .map((entry) =>
          entry.type === TYPE_EXTENT ? { ...entry, value: extentList(entry.value.length) } : entry,
        )
      store.addRun(encodeTable(stored.sort(compareEntries), count, interval), shape)
    })
    store.install()
    return use(store)
  } finally {
    store.free()
  }
}

/** What the chunk shows of an entry: the bytes of its value, or of one that lies apart its length and where it is. */
function shown(entry: Entry, layout: Layout, keysOnly: boolean): string {
  const key = Buffer.from(entry.key).toString('hex')
  if (keysOnly) return `${key} ${entry.type} -`
  if (entry.type !== TYPE_EXTENT) return `${key} ${entry.type} ${Buffer.from(entry.value).toString('hex')}`
  const source = layout.sources[layout.entries.indexOf(entry)] as number
  const list = source < layout.memtables ? '' : Buffer.from(extentList(entry.value.length)).toString('hex')
  const isMemtable = source < layout.memtables
  return `${key} ${entry.type} ${entry.value.length} ${isMemtable} ${!isMemtable} ${list}`
}

function seen(entry: Entry, keysOnly: boolean): string {
  const key = Buffer.from(entry.key).toString('hex')
  if (keysOnly) return `${key} ${entry.type} ${entry.value.length === 0 ? '-' : 'value'}`
  if (entry.type !== TYPE_EXTENT) return `${key} ${entry.type} ${Buffer.from(entry.value).toString('hex')}`
  const view = new DataView(entry.value.buffer)
  const list = Buffer.from(entry.value.subarray(CHUNK_EXTENT_LIST)).toString('hex')
  const isChain = view.getUint32(CHUNK_EXTENT_CHAIN, true) !== 0
  return `${key} ${entry.type} ${view.getUint32(CHUNK_EXTENT_LENGTH, true)} ${isChain} ${view.getUint32(CHUNK_EXTENT_TABLE, true) !== 0} ${list}`
}

function check(layout: Layout, store: Sources, scan: Scan): void {
  const want = expected(layout.entries, scan).map((entry) => shown(entry, layout, scan.keysOnly))
  expect(store.scan(scan).map((entry) => seen(entry, scan.keysOnly))).toEqual(want)
}

// ── how it is read ───────────────────────────────────────────────────────────────────────────────────────

/** A key of the layout (by a number) or any other, and which side of it. */
const bounds = (keys: fc.Arbitrary<Uint8Array>) =>
  fc.option(
    fc.record({
      nth: fc.nat(),
      key: fc.option(keys, { nil: undefined, freq: 1 }),
      bound: fc.constantFrom(BOUND_BEFORE, BOUND_AFTER),
    }),
    { nil: undefined, freq: 1 },
  )

const scans = (keys: fc.Arbitrary<Uint8Array>) =>
  fc.array(
    fc.record({
      latest: fc.boolean(),
      nth: fc.nat(),
      reverse: fc.boolean(),
      bounds: fc.tuple(bounds(keys), bounds(keys)),
      crossed: fc.integer({ max: 9, min: 0 }),
      limit: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(2 ** 32 - 1)),
      capacity: fc.constantFrom(1, 24, 64, 100, 1024, 65536, PAGE_BYTES),
      keysOnly: fc.boolean(),
      restart: fc.boolean(),
      crowded: fc.nat(4).map((n) => n === 0),
      cut: fc.nat(2).map((n) => n === 0),
    }),
    { minLength: 6, maxLength: 12 },
  )

const runs = Number(process.env['MERGE_RUNS'] ?? 200)

/** Checks any of the layouts read in any way. */
function checkAny(layouts: fc.Arbitrary<Layout>, keys: fc.Arbitrary<Uint8Array>, numRuns: number): void {
  const property = fc.property(layouts, scans(keys), (layout, list) => {
    const { entries } = layout
    withSources(layout, (store) => {
      for (const { latest, nth, bounds, crossed, ...rest } of list) {
        const [low, high] = bounds
          .map((at): Bound | undefined => at && { key: at.key ?? pick(entries, at.nth).key, bound: at.bound })
          .sort((a, b) => (a && b ? compareKeys(a.key, b.key) : 0))
        const [begin, end] = rest.reverse === crossed > 0 ? [high, low] : [low, high]
        // Below, at and above the newest version that counts.
        const seqno = latest ? 2 ** 50 : Math.max(1, pick(entries, nth).seqno + (nth % 3) - 1)
        check(layout, store, { ...rest, seqno, begin, end })
      }
    })
  })
  fc.assert(property, { numRuns })
}

const nothing: Entry = { key: bytes('none'), seqno: 1, type: TYPE_VALUE, value: bytes('') }
const pick = (entries: Entry[], nth: number): Entry => entries[nth % entries.length] ?? nothing

describe('merge against the oracle', { timeout: 60_000 }, () => {
  it('small entries, every way of reading', () => {
    checkAny(layouts(anyKey, valueLength, 60), anyKey, runs)
  })

  it('long keys and large values', () => {
    const keys = fc.oneof(anyKey, longKey)
    checkAny(layouts(keys, hugeValueLength, 30), keys, runs / 4)
  })

  it('few keys with many versions: blocks end inside a key', () => {
    const keys = fc.constantFrom(bytes(''), bytes('a'), bytes('k'.repeat(20)))
    checkAny(layouts(keys, valueLength, 80), keys, runs)
  })

  it('many keys behind one head, whole intervals in a block', () => {
    const keys = fc
      .tuple(shortKey, shortKey)
      .map((parts) => new Uint8Array(Buffer.concat([new Uint8Array(17).fill(SHRED), ...parts])))
    const layout = fc
      .tuple(
        fc.uniqueArray(keys, { maxLength: 120, size: 'max', comparator: (a, b) => compareKeys(a, b) === 0 }),
        fc.constantFrom(1, 5, 16, 17, 18, 33, 255),
        fc.constantFrom(1, 4, 150),
      )
      .map(([keys, interval, count]): Layout => {
        const entries = keys.flatMap((key, i): Entry[] => {
          const older = { key, seqno: 1 + 2 * i, type: TYPE_VALUE, value: bytes(`older ${i}`) }
          return i % 3 === 0 ? [older, { ...older, seqno: 2 + 2 * i, value: bytes(`newer ${i}`) }] : [older]
        })
        return {
          entries,
          sources: entries.map(() => 0),
          memtables: 0,
          tables: [{ count, interval, tableBlocks: 7, indexEntries: 3 }],
        }
      })
    checkAny(layout, keys, runs)
  })

  it('every S, both ways, every bound, one block per entry', () => {
    const keys = [
      '',
      '\0',
      'a',
      'a\0',
      'b',
      'kkkkkkkkkkkkkkkkkk',
      'kkkkkkkkkkkkkkkkkkk',
      '\xff',
      '\xff\xff',
    ].map(bytes)
    const entries: Entry[] = []
    const sources: number[] = []
    for (let seqno = 1; seqno <= 36; seqno++) {
      const type = seqno % 5 === 0 ? TYPE_TOMBSTONE : seqno % 7 === 0 ? TYPE_WEAK_TOMBSTONE : TYPE_VALUE
      const value = new Uint8Array(type === TYPE_VALUE ? seqno % 11 : 0).fill(seqno)
      entries.push({ key: keys[(seqno * seqno + seqno) % keys.length] as Uint8Array, seqno, type, value })
      sources.push((seqno >> 1) % 5)
    }
    const tables = [1, 2, 3].map((interval) => ({
      count: 1,
      interval,
      tableBlocks: 2 * interval,
      indexEntries: interval,
    }))
    const layout: Layout = { entries, sources, memtables: 2, tables }
    withSources(layout, (store) => {
      const ends = [
        undefined,
        ...keys.flatMap((key) => [BOUND_BEFORE, BOUND_AFTER].map((bound) => ({ key, bound }))),
      ]
      for (let seqno = 1; seqno <= 37; seqno++) {
        for (const reverse of [false, true]) {
          for (const begin of ends) check(layout, store, { ...wholeScan, seqno, reverse, begin, limit: 3 })
          for (const end of ends) check(layout, store, { ...wholeScan, seqno, reverse, end, capacity: 40 })
        }
      }
    })
  })
})

describe('merge', { timeout: 60_000 }, () => {
  it('reads the latest S when it is given none', () => {
    const layout: Layout = {
      entries: [
        { key: bytes('a'), seqno: 5, type: TYPE_VALUE, value: bytes('old') },
        { key: bytes('a'), seqno: 9, type: TYPE_VALUE, value: bytes('new') },
      ],
      sources: [0, 0],
      memtables: 1,
      tables: [],
    }
    withSources(layout, (store) => {
      kernel.x.publishSeqno(9)
      expect(store.scan({ ...wholeScan, seqno: 0 }).map(({ value }) => value)).toEqual([bytes('old')])
      kernel.x.publishSeqno(10)
      expect(store.scan({ ...wholeScan, seqno: 0 }).map(({ value }) => value)).toEqual([bytes('new')])
    })
  })

  it('ends a chunk with a value that lies apart, unless only keys are wanted', () => {
    const value = new Uint8Array(INLINE_VALUE_LIMIT_BYTES)
    const entries = ['a', 'b', 'c', 'd'].map((key, i): Entry => ({
      key: bytes(key),
      seqno: i + 1,
      type: TYPE_EXTENT,
      value,
    }))
    withSources(
      {
        entries,
        sources: [0, 1, 0, 1],
        memtables: 1,
        tables: [{ count: 9, interval: 1, tableBlocks: 9, indexEntries: 9 }],
      },
      (store) => {
        for (const reverse of [false, true]) {
          expect(store.scan({ ...wholeScan, reverse }).length).toBe(4)
          expect(store.chunks).toBe(5)
          expect(store.scan({ ...wholeScan, reverse, keysOnly: true }).length).toBe(4)
          expect(store.chunks).toBe(1)
        }
      },
    )
  })

  it('goes on when the end moves away, in chunks of their own', () => {
    const entries = ['a', 'b', 'c', 'd'].map((key, i): Entry => ({
      key: bytes(key),
      seqno: i + 1,
      type: TYPE_VALUE,
      value: bytes(''),
    }))
    const layout: Layout = { entries, sources: [0, 0, 0, 0], memtables: 1, tables: [] }
    withSources(layout, (store) => {
      const { x, slot, view, u8 } = kernel
      const chunk = x.allocatePage() >>> 0
      const end = chunk + PAGE_BYTES - 4
      const found: string[] = []
      x.mergeBegin(slot, store.superVersion, 9, 0, 0, -1, 0, 0)
      for (const [key, bound] of [
        ['b', BOUND_BEFORE],
        ['b', BOUND_AFTER],
        ['b', BOUND_AFTER],
        ['d', BOUND_AFTER],
      ] as const) {
        u8.set(bytes(key), end)
        expect(x.mergeFill(slot, chunk, 1024, 9, 0, end, 1, bound)).toBe(STATUS_DONE)
        let keys = ''
        for (let at = 0; at < view.getUint32(slot + SLOT_LENGTH, true); at += 12) {
          keys += String.fromCharCode(u8[chunk + at + CHUNK_ENTRY_HEADER_BYTES] as number)
        }
        found.push(keys)
      }
      x.freePage(chunk)
      expect(found).toEqual(['a', 'b', '', 'cd'])
    })
  })

  it('holds 640 sources, and one more is NO_PAGES', () => {
    const entry = { key: bytes('m'), seqno: 1, type: TYPE_VALUE, value: bytes('1') }
    const shape = { tableBlocks: 1, indexEntries: 1 }
    for (const [count, status] of [
      [640, STATUS_OK],
      [641, STATUS_NO_PAGES],
    ] as const) {
      const store = new Sources(kernel)
      store.addMemtable([{ ...entry, seqno: 1000 }])
      for (let i = 1; i < count; i++) store.addRun(encodeTable([{ ...entry, seqno: i }], 1, 1), shape)
      store.install()
      expect(kernel.x.mergeBegin(kernel.slot, store.superVersion, 9, 0, 0, -1, 0, 0)).toBe(status)
      store.free()
    }
  })

  it('merges more tables than there are trails', () => {
    const store = new Sources(kernel)
    const entries: Entry[] = []
    for (let i = 0; i < 400; i++) {
      const mine: Entry[] = []
      for (let j = 0; j < 4; j++) {
        const key = bytes(String((i * 7919 + j * 104729) % 3000).padStart(20, '0'))
        mine.push({ key, seqno: 1 + 4 * i + j, type: TYPE_VALUE, value: bytes(`${i}/${j}`) })
      }
      entries.push(...mine)
      store.addRun(encodeTable(mine.sort(compareEntries), 3, 16), { tableBlocks: 1, indexEntries: 1 })
    }
    store.install()
    for (const reverse of [false, true]) {
      const scan = { ...wholeScan, reverse, capacity: PAGE_BYTES }
      expect(store.scan(scan).map(({ value }) => value)).toEqual(
        expected(entries, scan).map(({ value }) => value),
      )
    }
  })
})
