import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  CONTROL_FREE_PAGES,
  ENTRY_HEADER_BYTES,
  ENTRY_TYPE,
  MEMTABLE_ENTRIES,
  PAGE_BYTES,
  SLOT_COUNT_RESULT,
  SLOT_GROUP_SEQNO,
  SLOT_INPUT,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_POSITION,
  STATUS_ABSENT,
  STATUS_FOREIGN,
  STATUS_FOUND,
  STATUS_LARGE,
  STATUS_MALFORMED,
  STATUS_OK,
  STATUS_TOMBSTONE,
  SUPERVERSION_COUNT,
  SUPERVERSION_MEMTABLES,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { anyKey, anyWrite, applyOracle, bytes, encode, put, tombstone, type WriteEntry } from './entries.ts'
import { bareKernel, type BareKernel } from './support.ts'

let k: BareKernel
let memtable: number
let record: number
/** The end of the memory: a read past the entries traps. */
let end: number

beforeEach(() => {
  k = bareKernel(80)
  memtable = k.x.createMemtable() >>> 0
  record = k.x.allocateRecord(64) >>> 0
  k.u32[(record + SUPERVERSION_COUNT) / 4] = 1
  k.u32[(record + SUPERVERSION_MEMTABLES) / 4] = memtable
  end = k.u8.length
  // The last 16 pages are this test's; nobody allocates that many.
  expect(k.u32[CONTROL_FREE_PAGES / 4]).toBeGreaterThan(20)
})

const slotWord = (offset: number): number => k.u32[(k.slot + offset) / 4] as number
const groupSeqno = (): number => Number(k.view.getBigUint64(k.slot + SLOT_GROUP_SEQNO, true))

interface Options {
  base?: number
  count?: number
  keyspace?: number
  flushed?: number
  table?: number
}

/** Applies bytes that end where the memory ends. @returns status, relative position, entries consumed */
function apply(
  encoded: Uint8Array,
  options: Options = {},
): { status: number; position: number; count: number } {
  const from = end - encoded.length
  k.u8.set(encoded, from)
  k.x.setGroup(k.slot, options.base ?? 1, options.count ?? 1_000_000)
  const status = k.x.applyEntries(
    k.slot,
    options.table ?? memtable,
    from,
    end,
    options.keyspace ?? 1,
    options.flushed ?? 0,
  )
  const count = slotWord(SLOT_COUNT_RESULT)
  expect(groupSeqno()).toBe((options.base ?? 1) + count)
  return { status, position: slotWord(SLOT_POSITION) - from, count }
}

/** Newest value of a key, by type. */
function get(key: Uint8Array, seqno = 2 ** 52): Uint8Array | 'tombstone' | 'absent' {
  const input = slotWord(SLOT_INPUT)
  k.u8.set(key, input)
  const status = k.x.pointRead(k.slot, record, input, key.length, seqno)
  if (status === STATUS_ABSENT) return 'absent'
  if (status === STATUS_TOMBSTONE) return 'tombstone'
  expect(status).toBe(STATUS_FOUND)
  return k.u8.slice(slotWord(SLOT_POINTER), slotWord(SLOT_POINTER) + slotWord(SLOT_LENGTH))
}

const entries = (): number => k.u32[(memtable + MEMTABLE_ENTRIES) / 4] as number

describe('applyEntries', () => {
  test('nothing to do', () => {
    expect(apply(encode([]))).toEqual({ status: STATUS_OK, position: 0, count: 0 })
  })

  test('entries take the group’s seqnos in order; several operations on one key keep theirs', () => {
    const encoded = encode([
      put('a', '1'),
      put('b', '2'),
      tombstone('a'),
      put('a', '3'),
      put('', 'empty key'),
    ])
    expect(apply(encoded, { base: 10, count: 5 })).toEqual({
      status: STATUS_OK,
      position: encoded.length,
      count: 5,
    })
    const text = (key: string, seqno: number): string => {
      const found = get(bytes(key), seqno)
      return typeof found === 'string' ? found : Buffer.from(found).toString()
    }
    expect([10, 11, 12, 13, 14].map((seqno) => text('a', seqno))).toEqual([
      'absent',
      '1',
      '1',
      'tombstone',
      '3',
    ])
    expect(text('', 14)).toBe('absent')
    expect(text('', 15)).toBe('empty key')
    expect(entries()).toBe(5)
  })

  test('stops at another keyspace, and goes on from there with its memtable', () => {
    const second = k.x.createMemtable() >>> 0
    const list: WriteEntry[] = [put('a', '1'), put('b', '2', 2), put('c', '3', 2), put('d', '4')]
    const encoded = encode(list)
    const first = apply(encoded, { base: 5 })
    expect(first).toEqual({ status: STATUS_FOREIGN, position: encode(list.slice(0, 1)).length, count: 1 })
    const from = end - encoded.length
    expect(k.x.applyEntries(k.slot, second, from + first.position, end, 2, 0)).toBe(STATUS_FOREIGN)
    expect(slotWord(SLOT_COUNT_RESULT)).toBe(2)
    expect(k.x.applyEntries(k.slot, memtable, slotWord(SLOT_POSITION), end, 1, 0)).toBe(STATUS_OK)
    expect(slotWord(SLOT_POSITION)).toBe(end >>> 0)
    expect(groupSeqno()).toBe(9)
    expect([entries(), k.u32[(second + MEMTABLE_ENTRIES) / 4]]).toEqual([2, 2])
    expect(Buffer.from(get(bytes('d'), 9) as Uint8Array).toString()).toBe('4')
    expect(get(bytes('d'), 8)).toBe('absent')
  })

  test('a large value is left to applyLarge; skipped entries are not', () => {
    const list = [put('a', '1'), put('b', new Uint8Array(32768)), put('c', '3')]
    const encoded = encode(list)
    const position = encode(list.slice(0, 1)).length
    expect(apply(encoded)).toEqual({ status: STATUS_LARGE, position, count: 1 })
    expect(apply(encoded, { base: 10, flushed: 12 })).toEqual({
      status: STATUS_OK,
      position: encoded.length,
      count: 3,
    })
    expect(apply(encoded, { base: 20, table: 0 })).toEqual({
      status: STATUS_OK,
      position: encoded.length,
      count: 3,
    })
    expect(entries()).toBe(2)
    expect(get(bytes('c'), 13)).toEqual(bytes('3'))
    expect(get(bytes('c'), 12)).toBe('absent')
    expect(apply(encode([put('z', new Uint8Array(32767).fill(7))])).status).toBe(STATUS_OK)
    expect(get(bytes('z'))).toEqual(new Uint8Array(32767).fill(7))
  })

  test('more entries than seqnos', () => {
    const encoded = encode([put('a', '1'), put('b', '2')])
    expect(apply(encoded, { count: 1 })).toEqual({
      status: STATUS_MALFORMED,
      position: encoded.length / 2,
      count: 1,
    })
    expect(apply(encoded, { base: 50, count: 0 })).toEqual({
      status: STATUS_MALFORMED,
      position: 0,
      count: 0,
    })
  })

  test('an internal key that exists (a journal replayed twice)', () => {
    const encoded = encode([put('a', '1')])
    expect(apply(encoded).status).toBe(STATUS_OK)
    expect(apply(encoded)).toEqual({ status: STATUS_MALFORMED, position: 0, count: 0 })
    expect(entries()).toBe(1)
  })

  test('types and flags that may not be written', () => {
    for (let type = 0; type < 256; type++) {
      const fine = type === TYPE_VALUE || type === TYPE_TOMBSTONE || type === 3
      const value = type === TYPE_VALUE ? 'x' : ''
      const encoded = encode([{ ...put(`type ${type}`, value), type }])
      expect(apply(encoded).status).toBe(fine ? STATUS_OK : STATUS_MALFORMED)
      encoded[ENTRY_TYPE + 1] = 1
      expect(apply(encoded).status).toBe(STATUS_MALFORMED)
    }
    expect(apply(encode([{ ...put('t', 'value'), type: TYPE_TOMBSTONE }])).status).toBe(STATUS_MALFORMED)
    expect(entries()).toBe(3)
  })

  test('cut off at every byte', () => {
    const list = [
      put('first', 'value'),
      tombstone('second'),
      put('', ''),
      put('x'.repeat(70), 'y'.repeat(70)),
    ]
    const encoded = encode(list)
    for (let cut = 0; cut <= encoded.length; cut++) {
      const base = 1 + cut * list.length
      const oracle = applyOracle(encoded.subarray(0, cut), 1, BigInt(base), 1n << 52n, 0n, true)
      const before = entries()
      const { status, position, count } = apply(encoded.subarray(0, cut), { base })
      expect({ status, position, count }).toEqual({
        status: oracle.status,
        position: oracle.position,
        count: oracle.count,
      })
      expect(entries() - before).toBe(oracle.inserted.length)
    }
  })

  test('lengths that overflow', () => {
    const encoded = encode([put('key', 'value')])
    const view = new DataView(encoded.buffer)
    for (const valueLength of [6, 255, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffb, 0xffffffff]) {
      view.setUint32(0, valueLength, true)
      expect(apply(encoded)).toEqual({ status: STATUS_MALFORMED, position: 0, count: 0 })
      // The same far from the end of the memory, where pointers would not wrap by themselves.
      const input = slotWord(SLOT_INPUT)
      k.u8.set(encoded, input)
      k.x.setGroup(k.slot, 1, 1)
      expect(k.x.applyEntries(k.slot, memtable, input, input + encoded.length, 1, 0)).toBe(STATUS_MALFORMED)
    }
    view.setUint32(0, 5, true)
    for (const keyLength of [4, 9, 0xfffe, 0xffff]) {
      view.setUint16(4, keyLength, true)
      expect(apply(encoded)).toEqual({ status: STATUS_MALFORMED, position: 0, count: 0 })
    }
    expect(entries()).toBe(0)
  })

  test('hostile bytes: status, position and content are the oracle’s', { timeout: 60_000 }, () => {
    const bits = fc.array(fc.tuple(fc.nat(), fc.constantFrom(1, 2, 4, 64, 128, 255)), { maxLength: 4 })
    let base = 1
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyWrite, fc.constantFrom(1, 1, 1, 2)), { maxLength: 8 }),
        bits,
        fc.nat({ max: 12 }),
        fc.nat({ max: 10 }),
        fc.boolean(),
        (writes, flips, groupCount, flushedOffset, hasMemtable) => {
          const encoded = encode(writes.map(([entry, keyspace]) => ({ ...entry, keyspace })))
          if (encoded.length > 0) {
            for (const [at, mask] of flips) {
              // Mostly the headers in front.
              const index =
                at % Math.min(encoded.length, at % 2 === 0 ? ENTRY_HEADER_BYTES * 3 : encoded.length)
              encoded[index] = (encoded[index] as number) ^ mask
            }
          }
          const flushed = base + flushedOffset - 2
          const oracle = applyOracle(
            encoded,
            1,
            BigInt(base),
            BigInt(base + groupCount),
            BigInt(Math.max(0, flushed)),
            hasMemtable,
          )
          const table = hasMemtable ? k.x.createMemtable() >>> 0 : 0
          const free = k.u32[CONTROL_FREE_PAGES / 4]
          const answer = apply(encoded, { base, count: groupCount, flushed: Math.max(0, flushed), table })
          expect(answer).toEqual({ status: oracle.status, position: oracle.position, count: oracle.count })
          if (hasMemtable) {
            k.u32[(record + SUPERVERSION_MEMTABLES) / 4] = table
            expect(k.u32[(table + MEMTABLE_ENTRIES) / 4]).toBe(oracle.inserted.length)
            for (const { key, trailer, value } of oracle.inserted) {
              const found = get(key, Number(trailer >> 8n) + 1)
              if (Number(trailer & 15n) === TYPE_VALUE)
                expect(Buffer.compare(found as Uint8Array, value)).toBe(0)
              else expect(found).toBe('tombstone')
            }
            k.x.freeMemtable(table)
          } else expect(k.u32[CONTROL_FREE_PAGES / 4]).toBe(free)
          base += 20
        },
      ),
      { numRuns: 600 },
    )
  })

  test('keys of every shape read back', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyKey, { maxLength: 12, selector: (key) => Buffer.from(key).toString('hex') }),
        (keys) => {
          memtable = k.x.createMemtable() >>> 0
          k.u32[(record + SUPERVERSION_MEMTABLES) / 4] = memtable
          expect(apply(encode(keys.map((key, i) => put(key, String(i))))).status).toBe(STATUS_OK)
          for (const [i, key] of keys.entries()) expect(get(key)).toEqual(bytes(String(i)))
          k.x.freeMemtable(memtable)
        },
      ),
      { numRuns: 100 },
    )
  })

  test('no pages: the entry and later ones were not inserted; it goes on when there are some', () => {
    const hoard: number[] = []
    // One page stays for values.
    while ((k.u32[CONTROL_FREE_PAGES / 4] as number) > 1) hoard.push(k.x.allocatePage() >>> 0)
    const list = Array.from({ length: 8 }, (_, i) => put(`key ${i}`, new Uint8Array(30_000).fill(i)))
    const encoded = encode(list)
    const from = hoard[0] as number
    // Fresh pages follow each other.
    expect(hoard[2]).toBe(from + 2 * PAGE_BYTES)
    k.u8.set(encoded, from)
    k.x.setGroup(k.slot, 1, 8)
    const status = k.x.applyEntries(k.slot, memtable, from, from + encoded.length, 1, 0)
    expect(status).not.toBe(STATUS_OK)
    expect(slotWord(SLOT_COUNT_RESULT)).toBe(4)
    expect(groupSeqno()).toBe(5)
    expect(entries()).toBe(4)
    expect(get(bytes('key 4'))).toBe('absent')
    k.x.freePage(hoard.pop() as number)
    expect(k.x.applyEntries(k.slot, memtable, slotWord(SLOT_POSITION), from + encoded.length, 1, 0)).toBe(
      STATUS_OK,
    )
    expect(entries()).toBe(8)
    for (const { key, value } of list) expect(Buffer.compare(get(key) as Uint8Array, value)).toBe(0)
  })
})
