import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  BOUND_AFTER,
  BOUND_BEFORE,
  BOUND_READ,
  PAGE_BYTES,
  SLOT_INPUT,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_POSITION,
  SLOT_READ_SEQNO,
  STATUS_ABSENT,
  STATUS_FOUND,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { blockInternals } from './block-internals.ts'
import { anyKey } from './entries.ts'
import { bareKernel } from './support.ts'
import { compareEntries, compareKeys, writeEntries, writeHandle, type TableEntry } from './table-format.ts'

describe('looking up', () => {
  const { x, slot, u8, view } = bareKernel(16)
  const input = view.getUint32(slot + SLOT_INPUT, true)

  /** Separators in order; the handle of entry i has offset i * 2^34 and size 30 + i. */
  const anyIndex = fc
    .uniqueArray(fc.tuple(anyKey, fc.oneof(fc.constant(0n), fc.bigInt(1n, 30n))), {
      minLength: 1,
      maxLength: 60,
      size: 'max',
      selector: ([key, seqno]) => `${Buffer.from(key).toString('hex')}/${seqno}`,
    })
    .map((separators) => {
      let size = 0
      return separators
        .map(([key, seqno]) => ({ key, type: TYPE_VALUE, seqno, value: new Uint8Array(0) }))
        .sort(compareEntries)
        .filter(({ key }) => (size += key.length + 64) < 130_000)
        .map((entry, i) => ({ ...entry, value: writeHandle(i * 2 ** 34, 30 + i) }))
    })

  function put(entries: TableEntry[], interval: number): { at: number; length: number } {
    const payload = writeEntries(entries, interval, true)
    const at = u8.length - payload.length
    u8.set(payload, at)
    return { at, length: payload.length }
  }

  function expectEntry(status: number, entries: TableEntry[], i: number): void {
    if (i < 0 || i >= entries.length) {
      expect(status).toBe(STATUS_ABSENT)
      return
    }
    expect(status).toBe(STATUS_FOUND)
    expect(view.getUint32(slot + SLOT_POSITION, true)).toBe(i)
    expect(view.getFloat64(slot + SLOT_NUMBER, true)).toBe(i * 2 ** 34)
    expect(view.getUint32(slot + SLOT_LENGTH, true)).toBe(30 + i)
  }

  /** A separator as the page says it is ordered: seqno << 8 | 0xFF, or 0. */
  const separatorTrailer = ({ seqno }: TableEntry): bigint => (seqno === 0n ? 0n : (seqno << 8n) | 255n)
  const boundTrailer = (bound: number, readSeqno: bigint): bigint =>
    bound === BOUND_BEFORE ? 1n << 64n : bound === BOUND_AFTER ? 0n : (readSeqno << 8n) - 1n

  test('indexSeek finds the first separator at or after a bound', () => {
    fc.assert(
      fc.property(
        anyIndex,
        fc.integer({ min: 1, max: 20 }),
        anyKey,
        fc.bigInt(1n, 31n),
        (entries, interval, other, readSeqno) => {
          const { at, length } = put(entries, interval)
          view.setBigUint64(slot + SLOT_READ_SEQNO, readSeqno, true)
          for (const key of [other, ...entries.slice(0, 10).map((entry) => entry.key)]) {
            u8.set(key, input)
            for (const bound of [BOUND_BEFORE, BOUND_AFTER, BOUND_READ]) {
              const wanted = boundTrailer(bound, readSeqno)
              const expected = entries.findIndex((entry) => {
                const order = compareKeys(entry.key, key)
                return order > 0 || (order === 0 && separatorTrailer(entry) <= wanted)
              })
              expectEntry(x.indexSeek(slot, at, length, input, key.length, bound), entries, expected)
            }
          }
        },
      ),
    )
  })

  test('indexEntry takes them by number', () => {
    fc.assert(
      fc.property(anyIndex, fc.integer({ min: 1, max: 20 }), (entries, interval) => {
        const { at, length } = put(entries, interval)
        expect(x.blockEntries(at, length)).toBe(entries.length)
        for (let i = 0; i < entries.length; i++) expectEntry(x.indexEntry(slot, at, length, i), entries, i)
        expect(x.indexEntry(slot, at, length, entries.length)).toBe(STATUS_ABSENT)
        expect(x.indexEntry(slot, at, length, -1)).toBe(STATUS_ABSENT)
      }),
    )
  })
})

describe('separator', () => {
  let k: Awaited<ReturnType<typeof blockInternals>>
  beforeAll(async () => {
    k = await blockInternals()
  })

  function separatorOf(last: Uint8Array, next: Uint8Array): Uint8Array {
    const lastAt = PAGE_BYTES
    const nextAt = 2 * PAGE_BYTES
    k.u8.set(last, lastAt)
    k.u8.set(next, nextAt)
    const result = k.x.separator(lastAt, last.length, nextAt, next.length) >>> 0
    const length = result >>> 8
    const key = last.slice(0, length)
    if (length > 0) key[length - 1] = result & 255
    return key
  }

  /** The smallest key of `length` bytes that is ≥ `last`. */
  function smallest(last: Uint8Array, length: number): Uint8Array | undefined {
    const key = new Uint8Array(length)
    key.set(last.subarray(0, length))
    if (length >= last.length) return key
    for (let i = length - 1; i >= 0; i--) {
      key[i] = (key[i] as number) + 1
      if (key[i] !== 0) return key
    }
    return undefined
  }

  function expectShortest(last: Uint8Array, next: Uint8Array): void {
    const key = separatorOf(last, next)
    expect(compareKeys(last, key)).toBeLessThanOrEqual(0)
    expect(compareKeys(key, next)).toBeLessThan(0)
    for (let length = 0; length < Math.min(key.length, 600); length++) {
      const shorter = smallest(last, length)
      if (shorter) expect(compareKeys(shorter, next)).toBeGreaterThanOrEqual(0)
    }
  }

  test.each([
    ['', 'a', ''],
    ['abc', 'abcd', 'abc'],
    ['abcxyz', 'abf', 'abd'],
    ['abcxyz', 'abde', 'abd'],
    ['abcxyz', 'abd', 'abcy'],
    ['abc\u00ff\u00ffx', 'abd', 'abc\u00ff\u00ffx'],
    ['abc\u00ffax', 'abd', 'abc\u00ffb'],
    ['abc', 'abd', 'abc'],
    ['ab\u00fe', 'ab\u00ff', 'ab\u00fe'],
    ['a', 'b', 'a'],
  ])('%j < %j: %j', (last, next, expected) => {
    const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
    expect(Buffer.from(separatorOf(latin(last), latin(next))).toString('latin1')).toBe(expected)
  })

  test('is between the two and none is shorter', () => {
    const fewBytes = fc
      .array(fc.constantFrom(0, 1, 2, 0xfe, 0xff), { maxLength: 6 })
      .map((a) => Uint8Array.from(a))
    fc.assert(
      fc.property(fc.oneof(fc.tuple(fewBytes, fewBytes), fc.tuple(anyKey, anyKey)), ([a, b]) => {
        const order = compareKeys(a, b)
        if (order < 0) expectShortest(a, b)
        else if (order > 0) expectShortest(b, a)
      }),
      { numRuns: 5000 },
    )
  })
})
