import fc from 'fast-check'
import { createXXHash3, type IHasher } from 'hash-wasm'
import { beforeAll, describe, expect, test } from 'vitest'
import { PAGE_BYTES, SLOT_HASH_STATE } from '../../assembly/memory/layout.ts'
import { bareKernel } from './support.ts'

const k = bareKernel(64)
const { x, slot, u8, view } = k
/** Input and result lie in pages nobody allocated. */
const area = 16 * PAGE_BYTES
const result = 8 * PAGE_BYTES

let hasher: IHasher
beforeAll(async () => {
  hasher = await createXXHash3(0, 0)
})

function oracle(...parts: Uint8Array[]): bigint {
  hasher.init()
  for (const part of parts) hasher.update(part)
  return BigInt(`0x${hasher.digest('hex')}`)
}

function hashAt(pointer: number, length: number): bigint {
  x.hash(pointer, length, result)
  return view.getBigUint64(result, true)
}

function stream(bytes: Uint8Array, cuts: readonly number[]): bigint {
  x.hashBegin(slot + SLOT_HASH_STATE)
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    // Each piece lies elsewhere, and nothing of it is left when the next one comes.
    const at = area + (from % 7)
    u8.set(bytes.subarray(from, to), at)
    x.hashUpdate(slot + SLOT_HASH_STATE, at, to - from)
    u8.fill(0xee, at, at + to - from)
    from = to
  }
  x.hashFinish(slot + SLOT_HASH_STATE, result)
  return view.getBigUint64(result, true)
}

/** The buffer of the sanity check in the xxHash repository. */
function sanityBuffer(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = 2654435761n
  for (let i = 0; i < length; i++) {
    bytes[i] = Number(state >> 56n)
    state = BigInt.asUintN(64, state * 11400714785074694797n)
  }
  return bytes
}

const sample = sanityBuffer(1 << 20)

describe('one-shot', () => {
  test.each([
    [0, 0x2d06800538d394c2n],
    [1, 0xc44bdff4074eecdbn],
    [6, 0x27b56a84cd2d7325n],
    [12, 0xa713daf0dfbb77e7n],
    [24, 0xa3fe70bf9d3510ebn],
    [48, 0x397da259ecba1f11n],
    [80, 0xbcdefbbb2c47c90an],
    [195, 0xcd94217ee362ec3an],
    [403, 0xcdeb804d65c6dea4n],
    [512, 0x617e49599013cb6bn],
    [2048, 0xdd59e2c3a5f038e0n],
    [2099, 0xc6b9d9b3fc9ac765n],
    [2240, 0x6e73a90539cf2948n],
    [2367, 0xcb37aeb9e5d361edn],
  ])('published vector of %i bytes', (length, expected) => {
    u8.set(sample.subarray(0, length), area)
    expect(hashAt(area, length)).toBe(expected)
  })

  test('is the oracle for every length up to 2,000 and for long inputs', () => {
    for (const length of [...Array(2001).keys(), 4095, 4096, 4097, 65535, 131072, 1 << 20]) {
      const at = area + (length % 13)
      u8.set(sample.subarray(0, length), at)
      expect(hashAt(at, length), `length ${length}`).toBe(oracle(sample.subarray(0, length)))
    }
  })

  test('is the oracle for random bytes, whatever lies around them', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 1500 }),
        fc.nat({ max: 70 }),
        fc.nat({ max: 255 }),
        (bytes, shift, around) => {
          u8.fill(around, area, area + 2000)
          u8.set(bytes, area + shift)
          expect(hashAt(area + shift, bytes.length)).toBe(oracle(bytes))
        },
      ),
    )
  })

  test('reads no byte past the end of memory', () => {
    for (const length of [0, 1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1024, 1025]) {
      const at = u8.length - length
      u8.set(sample.subarray(0, length), at)
      expect(hashAt(at, length)).toBe(oracle(sample.subarray(0, length)))
    }
  })
})

describe('streaming', () => {
  test('is one-shot for every length up to 1,500 in two pieces', () => {
    for (let length = 0; length <= 1500; length++) {
      const bytes = sample.subarray(length, 2 * length)
      expect(stream(bytes, [(length * 7) % (length + 1)]), `length ${length}`).toBe(oracle(bytes))
    }
  })

  test('is one-shot however the input is split', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.nat({ max: 600 }),
          fc.nat({ max: 5000 }),
          fc.constantFrom(256, 257, 320, 512, 1024, 1025, 1280, 100_000),
        ),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        (length, fractions) => {
          const bytes = sample.subarray(1, 1 + length)
          const cuts = fractions.map((fraction) => Math.floor(fraction * length)).sort((a, b) => a - b)
          expect(stream(bytes, cuts)).toBe(oracle(bytes))
        },
      ),
    )
  })

  test('byte by byte, with the hash so far after each', () => {
    x.hashBegin(slot + SLOT_HASH_STATE)
    for (let i = 0; i <= 1200; i++) {
      x.hashFinish(slot + SLOT_HASH_STATE, result)
      expect(view.getBigUint64(result, true), `after ${i} bytes`).toBe(oracle(sample.subarray(0, i)))
      u8[area] = sample[i] as number
      x.hashUpdate(slot + SLOT_HASH_STATE, area, 1)
    }
  })

  test('slots do not disturb each other', () => {
    const other = x.attachSlot(1) >>> 0
    u8.set(sample.subarray(0, 10_000), area)
    x.hashBegin(slot + SLOT_HASH_STATE)
    x.hashBegin(other + SLOT_HASH_STATE)
    for (let i = 0; i < 10; i++) {
      x.hashUpdate(slot + SLOT_HASH_STATE, area + 1000 * i, 1000)
      x.hashUpdate(other + SLOT_HASH_STATE, area + 700 * i, 700)
    }
    x.hashFinish(slot + SLOT_HASH_STATE, result)
    x.hashFinish(other + SLOT_HASH_STATE, result + 8)
    expect(view.getBigUint64(result, true)).toBe(oracle(sample.subarray(0, 10_000)))
    expect(view.getBigUint64(result + 8, true)).toBe(oracle(sample.subarray(0, 7000)))
  })
})

describe('mixed checksum', () => {
  test('is the hash of the bytes XOR the hash of salt, offset and kind', () => {
    const salt = area + 8192
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.oneof(fc.nat(), fc.maxSafeNat()),
        fc.nat({ max: 17 }),
        (bytes, saltBytes, offset, kind) => {
          u8.set(bytes, area)
          u8.set(saltBytes, salt)
          x.mixedChecksum(area, bytes.length, kind, salt, offset, result)
          const place = new DataView(new ArrayBuffer(16))
          place.setBigUint64(0, BigInt(offset), true)
          place.setBigUint64(8, BigInt(kind), true)
          const expected = oracle(bytes) ^ oracle(saltBytes, new Uint8Array(place.buffer))
          expect(view.getBigUint64(result, true)).toBe(expected)
        },
      ),
    )
  })
})
