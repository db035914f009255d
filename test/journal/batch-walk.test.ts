import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchWalk } from '../../src/journal/batch-walk.ts'
import { testKernel } from './support.ts'

interface Entry {
  readonly keyspace: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly type: number
  readonly zero?: number
}

function encode(entries: readonly Entry[]): Uint8Array {
  const parts = entries.map(({ keyspace, keyBytes, valueBytes, type, zero = 0 }) => {
    const entry = Buffer.alloc(12 + keyBytes + valueBytes, 0xff)
    entry.writeUInt32LE(valueBytes, 0)
    entry.writeUInt16LE(keyBytes, 4)
    entry.writeUInt8(type, 6)
    entry.writeUInt8(zero, 7)
    entry.writeUInt32LE(keyspace, 8)
    return entry
  })
  return new Uint8Array(Buffer.concat(parts))
}

const kernel = testKernel()
const page = kernel.page()

/** Walks over a payload in pieces of these lengths, again and again. */
function walk(payload: Uint8Array, pieces: readonly number[]): BatchWalk {
  const batch = new BatchWalk(kernel)
  batch.begin(payload.byteLength)
  for (let at = 0, i = 0; at < payload.byteLength; i++) {
    const length = pieces[i % pieces.length] ?? 1
    const piece = payload.subarray(at, at + length)
    kernel.u8.set(piece, page)
    // Behind the payload lies its padding.
    batch.pass(page, at + length > payload.byteLength ? length : piece.byteLength)
    at += length
  }
  return batch
}

const entry = fc.record({
  keyspace: fc.nat(2 ** 32 - 1),
  keyBytes: fc.nat(40),
  valueBytes: fc.nat(60),
  type: fc.constant(1),
})
const pieces = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 })

describe('a walk over a batch', () => {
  it('counts its entries and knows its highest keyspace, in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 8 }), pieces, (entries, lengths) => {
        const batch = walk(encode(entries), lengths)
        expect([batch.isWhole, batch.isUnknown, batch.entries]).toEqual([true, false, entries.length])
        expect(batch.highest).toBeUndefined()
        batch.accept(128)
        expect(batch.highest).toEqual({
          id: Math.max(...entries.map(({ keyspace }) => keyspace)),
          offset: 128,
        })
      }),
    )
  })

  it('is not whole if the payload ends early or late', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), pieces, (entries, lengths) => {
        const payload = encode(entries)
        expect(walk(payload.subarray(0, -1), lengths).isWhole).toBe(false)
        expect(walk(new Uint8Array([...payload, 0]), lengths).isWhole).toBe(false)
      }),
    )
  })

  it('tells an unknown type from what makes no sense', () => {
    const good: Entry = { keyspace: 0, keyBytes: 1, valueBytes: 0, type: 1 }
    for (const type of [0, 4, 5, 6, 7, 0x11, 0x81, 255])
      expect(walk(encode([good, { ...good, type }]), [7]).isUnknown).toBe(true)
    for (const bad of [
      { ...good, zero: 1 },
      { ...good, type: 2, valueBytes: 1 },
      { ...good, type: 3, valueBytes: 1 },
    ]) {
      const batch = walk(encode([good, bad]), [7])
      expect([batch.isUnknown, batch.isWhole]).toEqual([false, false])
    }
  })

  it('takes lengths of 4 GiB for what they are', () => {
    const payload = encode([{ keyspace: 0, keyBytes: 0, valueBytes: 0, type: 1 }])
    payload.fill(0xff, 0, 6)
    expect(walk(payload, [12]).isWhole).toBe(false)
  })
})
