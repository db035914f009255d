/** The hash of keys: XXH3-64 with a secret of the database's own. With the default secret it is plain XXH3-64 (xxh3.test.ts). */
import { beforeAll, describe, expect, test } from 'vitest'
import { HASH_SECRET, KEY_SECRET, SECRET_BYTES, SLOT_HASH_STATE } from '../../assembly/memory/layout.ts'
import { bareInternals, type BareInternals } from './internals.ts'
import { xxh3 } from './table-format.ts'

const lengths = [
  0, 1, 3, 4, 8, 9, 16, 17, 32, 33, 64, 96, 97, 128, 129, 240, 241, 255, 256, 257, 1024, 1025, 1100, 65_535,
]
let k: BareInternals
let at: number

beforeAll(async () => {
  k = await bareInternals(16)
  at = k.x.allocatePage() >>> 0
})

function sample(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255)
}

function hashOf(key: Uint8Array): bigint {
  k.u8.set(key, at)
  return k.x.keyHash(at, key.length)
}

function useSecret(id: Uint8Array): void {
  k.u8.set(id, at)
  k.x.setKeySecret(at)
}

function secretOf(id: Uint8Array): bigint[] {
  const view = new DataView(id.buffer, id.byteOffset)
  const step = 0x9e3779b97f4a7c15n
  const word = (x: bigint): bigint => BigInt.asUintN(64, x)
  const mix = (x: bigint): bigint => {
    let y = word((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n)
    y = word((y ^ (y >> 27n)) * 0x94d049bb133111ebn)
    return y ^ (y >> 31n)
  }
  return Array.from({ length: 24 }, (_, i) => {
    const [a, b] = [0, 8].map((half) => mix(word(view.getBigUint64(half, true) + BigInt(i + 1) * step))) as [
      bigint,
      bigint,
    ]
    return a ^ word((b << 32n) | (b >> 32n))
  })
}

describe('the secret of keys', () => {
  test('is the default one before a database gives its own', () => {
    expect(k.u8.slice(KEY_SECRET, KEY_SECRET + SECRET_BYTES)).toEqual(
      k.u8.slice(HASH_SECRET, HASH_SECRET + SECRET_BYTES),
    )
    for (const length of lengths)
      expect(BigInt.asUintN(64, hashOf(sample(length)))).toBe(xxh3(sample(length)))
  })

  test('is made of the database id as the format says, and checksums do not know it', () => {
    const before = k.u8.slice(HASH_SECRET, HASH_SECRET + SECRET_BYTES)
    const id = sample(16)
    useSecret(id)
    const words = Array.from({ length: 24 }, (_, i) => k.view.getBigUint64(KEY_SECRET + 8 * i, true))
    expect(words).toEqual(secretOf(id))
    expect(k.u8.slice(HASH_SECRET, HASH_SECRET + SECRET_BYTES)).toEqual(before)
  })

  test('gives every key another hash in another database', () => {
    useSecret(sample(16))
    const one = lengths.map((length) => hashOf(sample(length)))
    useSecret(sample(16).toReversed())
    const other = lengths.map((length) => hashOf(sample(length)))
    for (const [i, hash] of one.entries()) expect(hash).not.toBe(other[i])
  })

  test('parts keys that meet under the default secret', () => {
    // The first 16 of 17 to 128 bytes count as the product of two words, each XOR its part of the secret: a word that equals it makes the other one void.
    const meeting = Array.from({ length: 8 }, (_, i) => {
      const key = new Uint8Array(32).fill(7)
      key.set(k.u8.subarray(HASH_SECRET, HASH_SECRET + 8))
      key[15] = i
      return key
    })
    expect(new Set(meeting.map((key) => xxh3(key))).size).toBe(1)
    useSecret(sample(16))
    expect(new Set(meeting.map(hashOf)).size).toBe(meeting.length)
  })

  test('is that of keys in two pieces, too', () => {
    useSecret(sample(16))
    for (const length of lengths) {
      const key = sample(length)
      const whole = hashOf(key)
      for (const cut of new Set([0, 1, length >> 1, length])) {
        if (cut > length) continue
        k.u8.set(key, at)
        expect(k.x.splitKeyHash(k.slot + SLOT_HASH_STATE, at, cut, at + cut, length - cut)).toBe(whole)
      }
    }
  })
})
