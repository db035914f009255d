import { createXXHash3 } from 'hash-wasm'
import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { decodeHeader, encodeHeader, frameBytes, KIND_BATCH, type Hash } from '../../src/journal/format.ts'
import { JournalWriter } from '../../src/journal/writer.ts'
import { bootA, databaseId, headerOf, payloadOf, ProbeFile, put, testKernel } from './support.ts'

// An implementation of XXH3 that is not ours.
const xxh3 = await createXXHash3()
const reference: Hash = (bytes, target, at) => {
  const digest = xxh3.init().update(bytes).digest('binary')
  // The digest is big-endian.
  for (let i = 0; i < 8; i++) target[at + i] = digest[7 - i] ?? 0
}
const kernel = testKernel()
const ours: Hash = (bytes, target, at) => kernel.hashBytes(bytes, target, at)

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true)
  return bytes
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

function hashOf(...parts: Uint8Array[]): Uint8Array {
  const result = new Uint8Array(8)
  reference(concat(...parts), result, 0)
  return result
}

const chain = Uint8Array.of(9, 8, 7, 6, 5, 4, 3, 2)
const example = headerOf(0x1234567890a, { id: 0x12345678909, length: 4096, chain }, { epoch: 77 })

describe('file header', () => {
  it('has the documented layout', () => {
    const zero = new Uint8Array(14)
    const body = concat(
      Buffer.from('VARVEWAL'),
      Uint8Array.of(1, 0, 128, 0, 0, 0, 0, 0),
      databaseId,
      u64(0x1234567890a),
      u64(77),
      bootA,
      u64(0x12345678909),
      u64(4096),
      chain,
      example.salt,
      Uint8Array.of(1, 8),
      zero,
    )
    expect(hex(encodeHeader(example, ours))).toBe(hex(concat(body, hashOf(body))))
  })

  it('stays the same byte by byte', () => {
    expect(hex(encodeHeader(headerOf(3), ours))).toBe(
      '564152564557414c0100800000000000d0d1d2d3d4d5d6d7d8d9dadbdcdddedf03000000000000000100000000000000' +
        'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf' +
        '000000000000000000000000000000000000000000000000' +
        '5d646b727980878e959ca3aab1b8bfc6' +
        '01080000000000000000000000000000' +
        'eb88e88c2cf32672',
    )
  })

  it('is decoded to what was encoded', () => {
    const id = fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER })
    const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
      fc.uint8Array({ minLength: length, maxLength: length })
    const headers = fc.record({
      databaseId: bytes(16),
      journalId: id,
      epoch: fc.maxSafeNat(),
      bootId: bytes(16),
      predecessor: fc.option(
        fc.record({ length: fc.integer({ min: 16, max: 2 ** 49 }).map((n) => n * 8), chain: bytes(8) }),
        { nil: undefined },
      ),
      salt: bytes(16),
    })
    fc.assert(
      fc.property(headers, fc.maxSafeNat(), (fields, seed) => {
        const { predecessor, ...others } = fields
        const link = predecessor && { id: 1 + (seed % (fields.journalId - 1)), ...predecessor }
        const header = { ...others, predecessor: link }
        const decoded = decodeHeader(encodeHeader(header, ours), ours)
        expect(decoded).toEqual({ kind: 'header', header })
      }),
      { numRuns: 300 },
    )
  })

  it('is refused after any change of a byte', () => {
    const bytes = encodeHeader(example, ours)
    for (let at = 0; at < bytes.byteLength; at++) {
      for (let mask = 1; mask < 256; mask++) {
        bytes[at] = (bytes[at] ?? 0) ^ mask
        expect(decodeHeader(bytes, ours).kind).toBe('bad')
        bytes[at] = (bytes[at] ?? 0) ^ mask
      }
    }
    for (let length = 0; length < 128; length++) {
      expect(decodeHeader(bytes.subarray(0, length), ours).kind).toBe('incomplete')
    }
    expect(decodeHeader(concat(bytes, bytes), ours)).toEqual({ kind: 'header', header: example })
  })

  it('tells a newer version and unknown options from damage', () => {
    const changed = (at: number, ...values: number[]): Uint8Array => {
      const bytes = encodeHeader(example, ours)
      bytes.set(values, at)
      ours(bytes.subarray(0, 120), bytes, 120)
      return bytes
    }
    expect(decodeHeader(changed(8, 2), ours)).toEqual({ kind: 'unknown', offset: 8 })
    expect(decodeHeader(changed(15, 0x80), ours)).toEqual({ kind: 'unknown', offset: 12 })
    expect(decodeHeader(changed(104, 2), ours)).toEqual({ kind: 'unknown', offset: 104 })
    expect(decodeHeader(changed(105, 16), ours)).toEqual({ kind: 'unknown', offset: 104 })
    const longer = concat(changed(8, 2, 0, 0xff, 0), new Uint8Array(4000))
    longer.set([2, 0, 0, 1], 8)
    ours(longer.subarray(0, 248), longer, 248)
    expect(decodeHeader(longer, ours)).toEqual({ kind: 'unknown', offset: 8 })
    longer.set([1], 8)
    ours(longer.subarray(0, 248), longer, 248)
    expect(decodeHeader(longer, ours)).toEqual({ kind: 'unknown', offset: 10 })
    longer.set([0, 0xff], 10)
    expect(decodeHeader(longer, ours).kind).toBe('bad')
  })

  it('is refused with a right checksum and wrong content', () => {
    const malformed = (at: number, values: Uint8Array): unknown => {
      const bytes = encodeHeader(example, ours)
      bytes.set(values, at)
      ours(bytes.subarray(0, 120), bytes, 120)
      return decodeHeader(bytes, ours)
    }
    const huge = Uint8Array.of(0, 0, 0, 0, 0, 0, 0x20, 0)
    expect(malformed(106, Uint8Array.of(1))).toEqual({ kind: 'malformed', offset: 106 })
    expect(malformed(119, Uint8Array.of(1))).toEqual({ kind: 'malformed', offset: 119 })
    expect(malformed(32, u64(0))).toEqual({ kind: 'malformed', offset: 32 })
    expect(malformed(32, huge)).toEqual({ kind: 'malformed', offset: 32 })
    expect(malformed(40, huge)).toEqual({ kind: 'malformed', offset: 40 })
    expect(malformed(64, u64(0x1234567890a))).toEqual({ kind: 'malformed', offset: 64 })
    expect(malformed(64, u64(0))).toEqual({ kind: 'malformed', offset: 64 })
    expect(malformed(72, huge)).toEqual({ kind: 'malformed', offset: 64 })
    expect(malformed(72, u64(127))).toEqual({ kind: 'malformed', offset: 64 })
    expect(malformed(72, u64(120))).toEqual({ kind: 'malformed', offset: 64 })
  })
})

describe('frames', () => {
  it('have the documented layout', () => {
    const header = headerOf(7)
    const file = new ProbeFile(7)
    const fresh = testKernel()
    const writer = JournalWriter.begin(fresh, file, header, 1)
    const first = payloadOf(1, 45, 2)
    const second = payloadOf(2, 24)
    put(fresh, writer, first, 2)
    writer.sync()
    put(fresh, writer, second)
    const start = encodeHeader(header, reference)

    const fields = (payload: Uint8Array, base: number, count: number): Uint8Array =>
      concat(u32(payload.byteLength), Uint8Array.of(KIND_BATCH, 0, 0, 0), u64(base), u32(count))
    const frame = (
      before: Uint8Array,
      offset: number,
      synced: number,
      payload: Uint8Array,
      base: number,
      count: number,
    ): Uint8Array => {
      const checked = fields(payload, base, count)
      const check = hashOf(header.salt, u64(offset), checked, u64(synced)).subarray(0, 4)
      const padding = new Uint8Array(frameBytes(payload.byteLength) - 40 - payload.byteLength)
      const rest = concat(checked, check, u64(synced), payload, padding)
      return concat(hashOf(before, rest), rest)
    }
    const one = frame(start.subarray(120), 128, 0, first, 1, 2)
    expect(one.byteLength).toBe(88)
    const two = frame(one.subarray(0, 8), 216, 216, second, 3, 1)
    expect(hex(file.bytes)).toBe(hex(concat(start, one, two)))
    expect(hex(writer.chain)).toBe(hex(two.subarray(0, 8)))
  })

  it('are padded to multiples of 8, however long', () => {
    expect([0, 1, 7, 8, 9, 2 ** 32 - 1].map(frameBytes)).toEqual([40, 48, 48, 48, 56, 2 ** 32 + 40])
  })
})
