/** Random keys, values and ranges. Keys come from a small set, so that overwrites, deletes and bounds meet each other. */
import fc from 'fast-check'
import type { Bytes, Range } from '../model.ts'

const longestKeyBytes = 65_535
/** Values of this length and more are stored as page chains and extents. */
const extentBytes = 32_768
/** The largest piece of an extent, and the largest value under a memoryLimit of 16 MiB. */
const extentPieceBytes = 131_008
const longestValueBytes = 1_048_576

const denseKey: fc.Arbitrary<Bytes> = fc
  .array(fc.constantFrom(0x00, 0x01, 0x61, 0x62, 0xff), { maxLength: 3 })
  .map((bytes) => Uint8Array.from(bytes))
const binaryKey: fc.Arbitrary<Bytes> = fc.uint8Array({ maxLength: 12 })
const unicodeKey: fc.Arbitrary<Bytes> = fc
  .string({ unit: 'grapheme', maxLength: 6 })
  .map((text) => new TextEncoder().encode(text))
const longKey: fc.Arbitrary<Bytes> = fc
  .tuple(
    fc.constantFrom(100, 127, 128, 255, 256, 4096, 32_767, longestKeyBytes - 1, longestKeyBytes),
    fc.constantFrom(0x00, 0x61, 0xff),
    fc.nat(2),
  )
  .map(([length, fill, last]) => {
    const key = new Uint8Array(length).fill(fill)
    key[length - 1] = last
    return key
  })

export const key: fc.Arbitrary<Bytes> = fc.oneof(
  { arbitrary: denseKey, weight: 20 },
  { arbitrary: unicodeKey, weight: 4 },
  { arbitrary: binaryKey, weight: 2 },
  { arbitrary: longKey, weight: 2 },
)

/** `length` bytes that differ from seed to seed and from offset to offset. */
export function valueBytes(length: number, seed: number): Bytes {
  const bytes = new Uint8Array(length)
  let state = (seed * 2_654_435_761 + 1) >>> 0
  for (let i = 0; i < length; i++) {
    if (i < 997) state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = i < 997 ? state >>> 24 : ((bytes[i - 997] ?? 0) + 1) & 0xff
  }
  return bytes
}

const seed = fc.nat(255)
const ofLength = (length: fc.Arbitrary<number>): fc.Arbitrary<Bytes> =>
  fc.tuple(length, seed).map(([bytes, from]) => valueBytes(bytes, from))

export const smallValue: fc.Arbitrary<Bytes> = ofLength(fc.nat(40))
export const middleValue: fc.Arbitrary<Bytes> = ofLength(fc.integer({ min: 100, max: 6000 }))
export const largeValue: fc.Arbitrary<Bytes> = ofLength(
  fc.oneof(
    { arbitrary: fc.integer({ min: extentBytes - 2, max: extentBytes + 2 }), weight: 6 },
    { arbitrary: fc.constantFrom(65_535, 65_536, 100_000), weight: 3 },
    { arbitrary: fc.integer({ min: extentPieceBytes - 1, max: extentPieceBytes + 65 }), weight: 3 },
    { arbitrary: fc.constantFrom(2 * extentPieceBytes, 500_000, longestValueBytes), weight: 1 },
  ),
)
export const value: fc.Arbitrary<Bytes> = fc.oneof(
  { arbitrary: smallValue, weight: 30 },
  { arbitrary: middleValue, weight: 6 },
  { arbitrary: largeValue, weight: 2 },
)

/** Every combination of bounds, contradictory ones included. */
export const range: fc.Arbitrary<Range> = fc.record(
  {
    gte: key,
    gt: key,
    lte: key,
    lt: key,
    prefix: fc.oneof(denseKey, unicodeKey, key),
    reverse: fc.boolean(),
    limit: fc.constantFrom(-1, 0, 1, 2, 5, Infinity),
  },
  { requiredKeys: [] },
)

/** What a failing run prints: short, the bytes can be had from seed and path. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => {
    if (item instanceof Uint8Array) return showBytes(item)
    return typeof item === 'number' && !Number.isFinite(item) ? String(item) : item
  })
}

function showBytes(bytes: Bytes): string {
  const hex = Buffer.from(bytes.subarray(0, 12)).toString('hex')
  return bytes.length <= 12 ? `<${hex}>` : `<${hex}… ${bytes.length} B, ends in ${bytes.at(-1)}>`
}
