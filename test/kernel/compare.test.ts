import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { bareInternals, type BareInternals } from './internals.ts'

let k: BareInternals
/** The last two pages: whatever lies at their ends cannot be read past. */
let pageA: number
let pageB: number
beforeAll(async () => {
  k = await bareInternals(8)
  for (let page = k.x.allocatePage() >>> 0; page !== 0; page = k.x.allocatePage() >>> 0) {
    pageA = pageB
    pageB = page
  }
}, 120_000)

/** Pairs that differ nowhere, somewhere or in length, around all word sizes. */
const pair = fc
  .tuple(
    fc.uint8Array({ maxLength: 70 }),
    fc.array(fc.tuple(fc.nat({ max: 69 }), fc.constantFrom(0, 1, 127, 128, 255)), { maxLength: 3 }),
    fc.nat({ max: 70 }),
    fc.uint8Array({ maxLength: 20 }),
    fc.constantFrom(0, 1, 2, 3, 7, 8, 9),
  )
  .map(([base, edits, cut, extra, skew]) => {
    const other = Uint8Array.from([...base.subarray(0, cut), ...(cut >= base.length ? extra : [])])
    for (const [at, byte] of edits) if (at < other.length) other[at] = byte
    return { a: base, b: other, skew }
  })

/** Puts bytes with junk around; `atEnd`: against the end of the memory. */
function place(page: number, bytes: Uint8Array, skew: number, atEnd: boolean): number {
  k.u8.fill(skew * 31, page, page + 128)
  k.u8.fill(skew * 31, page + PAGE_BYTES - 128, page + PAGE_BYTES)
  const at = atEnd ? page + PAGE_BYTES - bytes.length : page + skew
  k.u8.set(bytes, at)
  return at
}

const order = (a: Uint8Array, b: Uint8Array): number => Math.sign(Buffer.compare(a, b))

describe('keys', () => {
  test('compareBytes, equalBytes and commonPrefix agree with the obvious', () => {
    fc.assert(
      fc.property(pair, fc.boolean(), ({ a, b, skew }, atEnd) => {
        for (const [x, y] of [
          [a, b],
          [b, a],
        ] as const) {
          const p = place(pageA, x, skew, false)
          const q = place(pageB, y, 5, atEnd)
          expect(Math.sign(k.x.compareBytes(p, x.length, q, y.length))).toBe(order(x, y))
          expect(Math.sign(k.x.compareBytes(q, y.length, p, x.length))).toBe(order(y, x))
          const limit = Math.min(x.length, y.length)
          let common = 0
          while (common < limit && x[common] === y[common]) common++
          expect(k.x.commonPrefix(p, q, limit)).toBe(common)
          expect(k.x.equalBytes(p, q, limit) !== 0).toBe(common === limit)
          expect(k.x.equalBytes(p, q, common) !== 0).toBe(true)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('long keys that differ in one byte only', () => {
    const length = 65535
    k.u8.fill(0xff, pageA, pageA + length)
    k.u8.fill(0xff, pageB, pageB + length)
    expect(k.x.compareBytes(pageA, length, pageB, length)).toBe(0)
    for (const at of [0, 7, 8, 15, 16, 17, 1000, 65519, 65520, 65527, 65533, 65534]) {
      k.u8[pageB + at] = 0xfe
      expect(k.x.compareBytes(pageA, length, pageB, length)).toBeGreaterThan(0)
      expect(k.x.compareBytes(pageB, length, pageA, length)).toBeLessThan(0)
      expect(k.x.compareBytes(pageA, at, pageB, length)).toBeLessThan(0)
      expect(k.x.commonPrefix(pageA, pageB, length)).toBe(at)
      expect(k.x.equalBytes(pageA, pageB, length)).toBe(0)
      k.u8[pageB + at] = 0xff
    }
  })

  test('internal keys: trailer descending, unsigned', () => {
    const p = place(pageA, Uint8Array.of(1, 2), 0, false)
    const compare = (x: bigint, y: bigint): number => k.x.compareInternal(p, 2, x, p, 2, y)
    expect(compare(257n, 257n)).toBe(0)
    expect(compare(258n, 257n)).toBeLessThan(0)
    expect(compare(257n, 258n)).toBeGreaterThan(0)
    expect(compare(-1n, 257n)).toBeLessThan(0)
    expect(k.x.compareInternal(p, 1, 1n, p, 2, 9n)).toBeLessThan(0)
    expect(k.x.compareInternal(p, 2, 9n, p, 1, 1n)).toBeGreaterThan(0)
  })

  test('words', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        (a, b) => {
          const p = place(pageA, a, 1, false)
          const q = place(pageB, b, 3, false)
          if (order(a, b) !== 0) {
            expect(
              Math.sign(k.x.compareWords(k.view.getBigUint64(p, true), k.view.getBigUint64(q, true))),
            ).toBe(order(a, b))
          }
          expect(BigInt.asUintN(64, k.x.loadBigEndianU64(p))).toBe(k.view.getBigUint64(p, false))
        },
      ),
    )
  })
})

describe('copyBytes', () => {
  test('copies exactly these bytes, at every length and alignment', () => {
    for (const length of [...Array(80).keys(), 511, 512, 513, 1000, 65535]) {
      for (const skew of [0, 1, 3, 8]) {
        const source = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255)
        k.u8.set(source, pageA + 5)
        k.u8.fill(0xee, pageB, pageB + length + 40)
        k.x.copyBytes(pageB + 16 + skew, pageA + 5, length)
        expect(Buffer.compare(k.u8.subarray(pageB + 16 + skew, pageB + 16 + skew + length), source)).toBe(0)
        expect(k.u8[pageB + 15 + skew]).toBe(0xee)
        expect(k.u8[pageB + 16 + skew + length]).toBe(0xee)
      }
    }
  })
})
