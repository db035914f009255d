import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  CONTROL_FREE_PAGES,
  SLOT_INPUT,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  SLOT_TYPE,
  STATUS_ABSENT,
  STATUS_FOUND,
  STATUS_OK,
  STATUS_TOMBSTONE,
  SUPERVERSION_COUNT,
  SUPERVERSION_MAX_MEMTABLES,
  SUPERVERSION_MEMTABLES,
  TYPE_EXTENT,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { anyKey, anyWrite, bytes, encode, put, tombstone, type WriteEntry } from './entries.ts'
import { bareKernel, type BareKernel } from './support.ts'

let k: BareKernel
let input: number
let record: number
beforeAll(() => {
  k = bareKernel(512)
  input = k.u32[(k.slot + SLOT_INPUT) / 4] as number
  record = k.x.allocateRecord(64) >>> 0
})

const slotWord = (offset: number): number => k.u32[(k.slot + offset) / 4] as number

/** Memtables, newest first. */
function consult(memtables: readonly number[]): void {
  k.u32[(record + SUPERVERSION_COUNT) / 4] = memtables.length
  k.u32.set(memtables, (record + SUPERVERSION_MEMTABLES) / 4)
}

function write(memtable: number, seqno: number, entry: WriteEntry): void {
  const encoded = encode([entry])
  k.u8.set(encoded, input)
  k.x.setGroup(k.slot, seqno, 1)
  expect(k.x.applyEntries(k.slot, memtable, input, input + encoded.length, entry.keyspace, 0)).toBe(STATUS_OK)
}

function read(key: Uint8Array, seqno: number): number {
  k.u8.set(key, input)
  return k.x.pointRead(k.slot, record, input, key.length, seqno)
}

const value = (): Uint8Array =>
  k.u8.slice(slotWord(SLOT_POINTER), slotWord(SLOT_POINTER) + slotWord(SLOT_LENGTH))

describe('pointRead', () => {
  test('no memtables, empty memtables', () => {
    consult([])
    expect(read(bytes('a'), 0)).toBe(STATUS_ABSENT)
    const tables = Array.from({ length: SUPERVERSION_MAX_MEMTABLES }, () => k.x.createMemtable() >>> 0)
    consult(tables)
    expect(read(bytes('a'), 0)).toBe(STATUS_ABSENT)
    for (const table of tables) k.x.freeMemtable(table)
  })

  test('S = 0 is the latest visible seqno, S is left in the slot', () => {
    const table = k.x.createMemtable() >>> 0
    consult([table])
    const first = k.x.nextSeqno()
    k.x.beginGroup(k.slot, 2)
    const encoded = encode([put('a', 'one'), tombstone('b')])
    k.u8.set(encoded, input)
    expect(k.x.applyEntries(k.slot, table, input, input + encoded.length, 1, 0)).toBe(STATUS_OK)
    // Inserted, not yet visible.
    expect(read(bytes('a'), 0)).toBe(STATUS_ABSENT)
    expect(k.view.getBigUint64(k.slot + SLOT_READ_SEQNO, true)).toBe(BigInt(first))
    expect(read(bytes('a'), first + 1)).toBe(STATUS_FOUND)
    expect(k.view.getBigUint64(k.slot + SLOT_READ_SEQNO, true)).toBe(BigInt(first + 1))
    k.x.publishGroup(k.slot)
    expect(read(bytes('a'), 0)).toBe(STATUS_FOUND)
    expect(k.view.getBigUint64(k.slot + SLOT_READ_SEQNO, true)).toBe(BigInt(first + 2))
    expect(value()).toEqual(bytes('one'))
    expect(slotWord(SLOT_TYPE)).toBe(TYPE_VALUE)
    expect(read(bytes('b'), 0)).toBe(STATUS_TOMBSTONE)
    expect(read(bytes('b'), first + 1)).toBe(STATUS_ABSENT)
    expect(read(bytes(''), 0)).toBe(STATUS_ABSENT)
    expect(read(bytes('aa'), 0)).toBe(STATUS_ABSENT)
    k.x.freeMemtable(table)
  })

  test('a large value is a page chain', () => {
    const table = k.x.createMemtable() >>> 0
    consult([table])
    const chain = k.x.allocateChain(200_000) >>> 0
    k.u8.set(bytes('large'), input)
    k.x.setGroup(k.slot, 7, 1)
    expect(k.x.applyLarge(k.slot, table, input, 5, chain, 200_000)).toBe(STATUS_OK)
    expect(read(bytes('large'), 8)).toBe(STATUS_FOUND)
    expect([slotWord(SLOT_POINTER), slotWord(SLOT_LENGTH), slotWord(SLOT_TYPE)]).toEqual([
      chain,
      200_000,
      TYPE_EXTENT,
    ])
    expect(read(bytes('large'), 7)).toBe(STATUS_ABSENT)
    k.x.freeMemtable(table)
  })

  test('seqnos near 2^53', () => {
    const table = k.x.createMemtable() >>> 0
    consult([table])
    write(table, 2 ** 53 - 2, put('a', 'last'))
    write(table, 2 ** 53 - 3, put('a', 'before'))
    expect(read(bytes('a'), 2 ** 53 - 1)).toBe(STATUS_FOUND)
    expect(value()).toEqual(bytes('last'))
    expect(read(bytes('a'), 2 ** 53 - 2)).toBe(STATUS_FOUND)
    expect(value()).toEqual(bytes('before'))
    expect(read(bytes('a'), 2 ** 53 - 3)).toBe(STATUS_ABSENT)
    k.x.freeMemtable(table)
  })

  test('any history over several memtables, read at every seqno', { timeout: 60_000 }, () => {
    const pool = fc.uniqueArray(anyKey, {
      minLength: 1,
      maxLength: 4,
      selector: (key) => Buffer.from(key).toString('hex'),
    })
    const step = fc.tuple(fc.nat(), anyWrite, fc.integer({ min: 0, max: 9 }))
    fc.assert(
      fc.property(pool, fc.array(step, { maxLength: 60 }), (keys, steps) => {
        const before = k.u32[CONTROL_FREE_PAGES / 4]
        const tables = [k.x.createMemtable() >>> 0]
        const indexed = new Set<number>()
        const history: { seqno: number; key: Uint8Array; entry: WriteEntry }[] = []
        for (const [i, [pick, drawn, rotate]] of steps.entries()) {
          if (rotate === 0 && tables.length < 4) tables.unshift(k.x.createMemtable() >>> 0)
          // Indexed from the start, in the middle, late or never.
          const newest = tables[0] as number
          if (rotate < 3 && !indexed.has(newest)) {
            expect(k.x.memtableIndex(newest, rotate === 1 ? 1 : 2)).toBe(STATUS_OK)
            indexed.add(newest)
          }
          const key = keys[pick % keys.length] as Uint8Array
          const entry = { ...drawn, key }
          write(tables[0] as number, i + 1, entry)
          history.push({ seqno: i + 1, key, entry })
        }
        consult(tables)
        for (const key of keys) {
          for (let s = 1; s <= steps.length + 1; s++) {
            const newest = history.findLast((h) => h.key === key && h.seqno < s)?.entry
            const status = read(key, s)
            if (newest === undefined) expect(status).toBe(STATUS_ABSENT)
            else if (newest.type !== TYPE_VALUE) expect(status).toBe(STATUS_TOMBSTONE)
            else {
              expect(status).toBe(STATUS_FOUND)
              expect(Buffer.compare(value(), newest.value)).toBe(0)
            }
          }
        }
        for (const table of tables) k.x.freeMemtable(table)
        expect(k.u32[CONTROL_FREE_PAGES / 4]).toBe(before)
      }),
      { numRuns: 100 },
    )
  })
})
