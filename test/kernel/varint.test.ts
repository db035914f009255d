import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { bareInternals, type BareInternals } from './internals.ts'

let k: BareInternals
let page: number
beforeAll(async () => {
  k = await bareInternals(8)
  page = k.x.allocatePage() >>> 0
}, 120_000)

/** LEB128 by the book. */
function encode(value: bigint): number[] {
  const bytes: number[] = []
  do {
    const low = Number(value & 127n)
    value >>= 7n
    bytes.push(value > 0n ? low | 128 : low)
  } while (value > 0n)
  return bytes
}

const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.nat({ max: 63 }).chain((bit) => fc.constantFrom(1n << BigInt(bit), (1n << BigInt(bit)) - 1n)),
  fc.constant((1n << 64n) - 1n),
)
const u32 = u64.map((value) => Number(value & 0xffffffffn))

function put(bytes: number[]): void {
  k.u8.fill(0xff, page, page + 32)
  k.u8.set(bytes, page)
}

/** [next − page, value], or undefined if refused. */
function read32(length: number): [number, number] | undefined {
  const read = BigInt.asUintN(64, k.x.readVarint32(page, page + length))
  return read === 0n ? undefined : [Number(read >> 32n) - page, Number(read & 0xffffffffn)]
}

function read64(length: number): [number, bigint] | undefined {
  const size = k.x.varint64Length(page, page + length)
  return size === 0 ? undefined : [size, BigInt.asUintN(64, k.x.varint64Value(page, size))]
}

describe('varint32', () => {
  test('round trip; nothing behind it is read or written', () => {
    fc.assert(
      fc.property(u32, (value) => {
        const expected = encode(BigInt(value))
        k.u8.fill(0xaa, page, page + 32)
        expect((k.x.writeVarint32(page, value) >>> 0) - page).toBe(expected.length)
        expect(k.x.varint32Size(value)).toBe(expected.length)
        expect([...k.u8.subarray(page, page + expected.length + 1)]).toEqual([...expected, 0xaa])
        expect(read32(expected.length)).toEqual([expected.length, value])
        for (let cut = 0; cut < expected.length; cut++) expect(read32(cut)).toBeUndefined()
      }),
    )
  })

  test('refuses longer forms and more than 32 bits', () => {
    const refused = [
      [0x80, 0x00],
      [0xff, 0x80, 0x00],
      [0xff, 0xff, 0xff, 0xff, 0x10],
      [0xff, 0xff, 0xff, 0xff, 0x7f],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ]
    for (const bytes of refused) {
      put(bytes)
      expect(read32(bytes.length), String(bytes)).toBeUndefined()
    }
  })

  test('any bytes: accepted exactly if they are what the value encodes to', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1, 15, 16, 127, 128, 129, 255), { maxLength: 7 }), (bytes) => {
        put(bytes)
        const read = read32(bytes.length)
        if (read !== undefined) expect(bytes.slice(0, read[0])).toEqual(encode(BigInt(read[1])))
        else {
          // No prefix of the bytes is a valid encoding.
          for (let n = 1; n <= bytes.length; n++) {
            const value = bytes
              .slice(0, n)
              .reduce((sum, b, i) => sum + (BigInt(b & 127) << BigInt(7 * i)), 0n)
            const canonical = encode(value).join() === bytes.slice(0, n).join()
            expect(canonical && value < 1n << 32n).toBe(false)
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('varint64', () => {
  test('round trip; nothing behind it is read or written', () => {
    fc.assert(
      fc.property(u64, (value) => {
        const expected = encode(value)
        k.u8.fill(0xaa, page, page + 32)
        expect((k.x.writeVarint64(page, value) >>> 0) - page).toBe(expected.length)
        expect(k.x.varint64Size(value)).toBe(expected.length)
        expect([...k.u8.subarray(page, page + expected.length + 1)]).toEqual([...expected, 0xaa])
        expect(read64(expected.length)).toEqual([expected.length, value])
        for (let cut = 0; cut < expected.length; cut++) expect(read64(cut)).toBeUndefined()
      }),
    )
  })

  test('refuses longer forms and more than 64 bits', () => {
    const refused = [
      [0x80, 0x00],
      [...Array<number>(9).fill(0x80), 0x00],
      [...Array<number>(9).fill(0xff), 0x02],
      [...Array<number>(9).fill(0xff), 0x81, 0x00],
      Array<number>(11).fill(0xff),
    ]
    for (const bytes of refused) {
      put(bytes)
      expect(read64(bytes.length), String(bytes)).toBeUndefined()
    }
    put([...Array<number>(9).fill(0xff), 0x01])
    expect(read64(10)).toEqual([10, (1n << 64n) - 1n])
  })
})
