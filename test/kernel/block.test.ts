import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  PAGE_BYTES,
  SLOT_INPUT,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  SLOT_TYPE,
  STATUS_ABSENT,
  STATUS_FOUND,
  STATUS_TOMBSTONE,
  TYPE_EXTENT,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../../assembly/memory/layout.ts'
import { blockInternals } from './block-internals.ts'
import { anyKey, anyValue, bytes } from './entries.ts'
import { bareKernel } from './support.ts'
import {
  compareEntries,
  compareKeys,
  trailerOf,
  writeEntries,
  writeExtentList,
  type TableEntry,
} from './table-format.ts'

/** What the kernel can hold in one block, in order, no internal key twice. */
function toBlock(entries: TableEntry[]): TableEntry[] {
  const sorted = entries.toSorted(compareEntries)
  const unique = sorted.filter(
    (entry, i) => i === 0 || compareEntries(sorted[i - 1] as TableEntry, entry) !== 0,
  )
  let size = 0
  return unique.filter(({ key, value }) => (size += key.length + value.length + 32) < 130_000)
}

const anySeqno = fc.oneof(fc.bigInt(1n, 20n), fc.bigInt(1n, 100_000n), fc.bigInt(1n, (1n << 53n) - 1n))
const anyEntry: fc.Arbitrary<TableEntry> = fc
  .record({
    key: anyKey,
    type: fc.constantFrom(
      TYPE_VALUE,
      TYPE_VALUE,
      TYPE_VALUE,
      TYPE_TOMBSTONE,
      TYPE_WEAK_TOMBSTONE,
      TYPE_EXTENT,
    ),
    seqno: anySeqno,
    value: anyValue,
  })
  .map((entry) => {
    if (entry.type === TYPE_EXTENT) return { ...entry, value: writeExtentList(50_000, 64, [50_024]) }
    return entry.type === TYPE_VALUE ? entry : { ...entry, value: new Uint8Array(0) }
  })
const anyBlock = fc.array(anyEntry, { minLength: 1, maxLength: 80, size: 'max' }).map(toBlock)
const anyInterval = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(255))

/** Many versions of few keys, over restart points. */
const versions = toBlock(
  Array.from({ length: 100 }, (_, i) => ({
    key: bytes(['a', 'ab', 'abc', 'b'][i % 4] as string),
    type: i % 7 === 0 ? TYPE_TOMBSTONE : TYPE_VALUE,
    seqno: BigInt(i + 1),
    value: i % 7 === 0 ? new Uint8Array(0) : bytes(`value ${i}`),
  })),
)

describe('cursor', () => {
  let k: Awaited<ReturnType<typeof blockInternals>>
  beforeAll(async () => {
    k = await blockInternals()
  })
  const cursor = PAGE_BYTES
  const keyAt = 2 * PAGE_BYTES
  const copyAt = 3 * PAGE_BYTES

  /** The payload lies where memory ends: a read past it would trap. */
  function open(payload: Uint8Array): void {
    const at = k.u8.length - payload.length
    k.u8.set(payload, at)
    k.u8.fill(0xee, cursor, cursor + 80)
    k.x.blockOpen(cursor, at, payload.length)
  }

  function field(global: WebAssembly.Global<'i32'>): number {
    return k.view.getUint32(cursor + global.value, true)
  }

  /** The entry it stands at. */
  function current(): TableEntry {
    const { x, u8, view } = k
    const keyLength = x.blockKeyLength(cursor)
    x.blockCopyKey(cursor, copyAt)
    const trailer = view.getBigUint64(cursor + x.CURSOR_TRAILER.value, true)
    const value = field(x.CURSOR_VALUE)
    return {
      key: u8.slice(copyAt, copyAt + keyLength),
      type: Number(trailer & 255n),
      seqno: trailer >> 8n,
      value: u8.slice(value, value + field(x.CURSOR_VALUE_LENGTH)),
    }
  }

  function expectAt(stands: number, entries: TableEntry[], i: number): void {
    const expected = entries[i]
    expect(stands).toBe(expected ? 1 : 0)
    expect(field(k.x.CURSOR_ENTRY) !== 0).toBe(expected !== undefined)
    if (!expected) return
    expect(k.x.blockOrdinal(cursor)).toBe(i)
    const found = current()
    expect(found.seqno).toBe(expected.seqno)
    expect(found.type).toBe(expected.type)
    expect(Buffer.compare(found.key, expected.key)).toBe(0)
    expect(Buffer.compare(found.value, expected.value)).toBe(0)
  }

  test('moves to every entry forwards, backwards and by ordinal', () => {
    fc.assert(
      fc.property(anyBlock, anyInterval, (entries, interval) => {
        open(writeEntries(entries, interval))
        const { x } = k
        let stands = x.blockFirst(cursor)
        for (let i = 0; i < entries.length; i++, stands = x.blockNext(cursor)) expectAt(stands, entries, i)
        expectAt(stands, entries, entries.length)
        stands = x.blockLast(cursor)
        for (let i = entries.length - 1; i >= 0; i--, stands = x.blockPrevious(cursor))
          expectAt(stands, entries, i)
        expectAt(stands, entries, -1)
        for (let i = 0; i <= entries.length; i++) expectAt(x.blockSeekOrdinal(cursor, i), entries, i)
      }),
    )
  })

  test('turns around anywhere', () => {
    fc.assert(
      fc.property(
        anyBlock,
        anyInterval,
        fc.array(fc.boolean(), { maxLength: 60 }),
        (entries, interval, steps) => {
          open(writeEntries(entries, interval))
          let at = entries.length >> 1
          expectAt(k.x.blockSeekOrdinal(cursor, at), entries, at)
          for (const forward of steps) {
            if (forward ? at === entries.length - 1 : at === 0) continue
            at += forward ? 1 : -1
            expectAt(forward ? k.x.blockNext(cursor) : k.x.blockPrevious(cursor), entries, at)
          }
        },
      ),
    )
  })

  function expectSeeks(entries: TableEntry[], key: Uint8Array, trailer: bigint): void {
    const isBelow = (entry: TableEntry): boolean => {
      const order = compareKeys(entry.key, key)
      return order < 0 || (order === 0 && trailerOf(entry) > trailer)
    }
    const first = entries.findIndex((entry) => !isBelow(entry))
    const ge = first === -1 ? entries.length : first
    k.u8.set(key, keyAt)
    expectAt(k.x.blockSeekGE(cursor, keyAt, key.length, trailer), entries, ge)
    if (ge < entries.length) {
      const found = (entries[ge] as TableEntry).key
      expect(Math.sign(k.x.blockCompareKey(cursor, keyAt, key.length))).toBe(
        Math.sign(compareKeys(found, key)),
      )
      expect(k.x.blockKeyEquals(cursor, keyAt, key.length)).toBe(compareKeys(found, key) === 0 ? 1 : 0)
      // It goes on from there.
      expectAt(k.x.blockNext(cursor), entries, ge + 1)
    }
    expectAt(k.x.blockSeekLT(cursor, keyAt, key.length, trailer), entries, ge - 1)
    if (ge > 0) expectAt(k.x.blockPrevious(cursor), entries, ge - 2)
  }

  const around = (trailer: bigint): bigint[] => [trailer - 1n, trailer, trailer + 1n, 0n, (1n << 64n) - 1n]

  test('seeks keys that are there, at and around every version', () => {
    fc.assert(
      fc.property(anyBlock, anyInterval, (entries, interval) => {
        open(writeEntries(entries, interval))
        for (const entry of entries.slice(0, 20)) {
          for (const trailer of around(trailerOf(entry))) expectSeeks(entries, entry.key, trailer)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('seeks keys that are not there: shorter, longer, a byte apart, any', () => {
    fc.assert(
      fc.property(
        anyBlock,
        anyInterval,
        anyKey,
        fc.nat(),
        anySeqno,
        (entries, interval, key, pick, seqno) => {
          open(writeEntries(entries, interval))
          const near = (entries[pick % entries.length] as TableEntry).key
          const changed = near.slice()
          const at = pick % Math.max(1, near.length)
          if (near.length > 0) changed[at] = (changed[at] as number) + (pick & 1 ? 1 : -1)
          const longer = Uint8Array.from([...near.subarray(0, 65_534), pick & 255])
          for (const target of [key, near.subarray(0, at), changed, longer]) {
            expectSeeks(entries, target, seqno << 8n)
          }
        },
      ),
    )
  })

  test('many versions of a key over restart points', () => {
    for (const interval of [1, 2, 3, 16, 255]) {
      open(writeEntries(versions, interval))
      for (const entry of versions) {
        for (const trailer of around(trailerOf(entry))) expectSeeks(versions, entry.key, trailer)
      }
    }
  })

  test('32-bit restart offsets', () => {
    const entries = Array.from({ length: 30 }, (_, i) => ({
      key: bytes(`key ${String(i).padStart(4, '0')}`),
      type: TYPE_VALUE,
      seqno: BigInt(i + 1),
      value: new Uint8Array(4000).fill(i),
    }))
    open(writeEntries(entries, 4))
    for (const entry of entries) {
      for (const trailer of around(trailerOf(entry))) expectSeeks(entries, entry.key, trailer)
    }
  })

  test('versions of the longest key', () => {
    const entries = Array.from({ length: 20 }, (_, i) => ({
      key: new Uint8Array(65535).fill(7),
      type: TYPE_VALUE,
      seqno: BigInt(20 - i),
      value: new Uint8Array(3000),
    }))
    open(writeEntries(entries, 255))
    for (const entry of entries) {
      for (const trailer of around(trailerOf(entry))) expectSeeks(entries, entry.key, trailer)
    }
  })
})

describe('blockGet', () => {
  const { x, slot, u8, view } = bareKernel(16)
  const input = view.getUint32(slot + SLOT_INPUT, true)

  function expectGet(
    entries: TableEntry[],
    payload: number,
    length: number,
    key: Uint8Array,
    readSeqno: bigint,
  ): void {
    u8.set(key, input)
    view.setBigUint64(slot + SLOT_READ_SEQNO, readSeqno, true)
    const status = x.blockGet(slot, payload, length, input, key.length)
    const expected = entries.find((entry) => compareKeys(entry.key, key) === 0 && entry.seqno < readSeqno)
    if (!expected) expect(status).toBe(STATUS_ABSENT)
    else if (expected.type === TYPE_TOMBSTONE || expected.type === TYPE_WEAK_TOMBSTONE)
      expect(status).toBe(STATUS_TOMBSTONE)
    else {
      expect(status).toBe(STATUS_FOUND)
      const value = view.getUint32(slot + SLOT_POINTER, true)
      const found = u8.subarray(value, value + view.getUint32(slot + SLOT_LENGTH, true))
      expect(Buffer.compare(found, expected.value)).toBe(0)
      expect(view.getUint32(slot + SLOT_TYPE, true)).toBe(expected.type)
    }
  }

  function put(payload: Uint8Array): number {
    const at = u8.length - payload.length
    u8.set(payload, at)
    return at
  }

  test('finds the newest version below S, or none', () => {
    fc.assert(
      fc.property(anyBlock, anyInterval, anyKey, fc.nat(), (entries, interval, other, pick) => {
        const payload = writeEntries(entries, interval)
        const at = put(payload)
        expect(x.blockEntries(at, payload.length)).toBe(entries.length)
        const one = entries[pick % entries.length] as TableEntry
        for (const key of [
          one.key,
          other,
          one.key.subarray(1),
          Uint8Array.from([...one.key.subarray(0, 65_534), 0]),
        ]) {
          for (const readSeqno of [one.seqno, one.seqno + 1n, 1n, 1n << 53n]) {
            expectGet(entries, at, payload.length, key, readSeqno)
          }
        }
      }),
    )
  })

  test('at every seqno of many versions', () => {
    const payload = writeEntries(versions, 16)
    const at = put(payload)
    for (const key of ['', 'a', 'aa', 'ab', 'abc', 'abcd', 'b', 'c']) {
      for (let seqno = 1n; seqno < 103n; seqno++) expectGet(versions, at, payload.length, bytes(key), seqno)
    }
  })
})
