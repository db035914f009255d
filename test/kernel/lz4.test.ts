import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { bareInternals } from './internals.ts'
import { compressBlock, decompressBlock } from './lz4js.ts'

const { x, u8 } = await bareInternals(64)
const memoryEnd = u8.length
/** Addresses of the bytes to compress, of the output, and of the scratch, with nothing near them. */
const rawAt = 32 * PAGE_BYTES
const outAt = 40 * PAGE_BYTES
const scratchAt = 48 * PAGE_BYTES
const SCRATCH_BYTES = x.LZ4_SCRATCH_BYTES.value
const GUARD = 0xa5
const GUARD_BYTES = 64
const MAX_BYTES = 131_072

/** Runs `step` on [at, at + length) and checks that no byte beside it is written. */
function guarded<T>(at: number, length: number, step: () => T): T {
  u8.fill(GUARD, at - GUARD_BYTES, at + length + GUARD_BYTES)
  const result = step()
  for (let i = 1; i <= GUARD_BYTES; i++) {
    if (u8[at - i] !== GUARD) throw new Error(`byte −${i} was written`)
    if (u8[at + length + i - 1] !== GUARD) throw new Error(`byte ${i} behind the end was written`)
  }
  return result
}

/** The kernel's block, or undefined if it does not fit. What it reads ends where memory ends: a read past it would trap. */
function compress(
  raw: Uint8Array,
  capacity: number = raw.length + (raw.length >> 7) + 16,
): Uint8Array | undefined {
  const from = memoryEnd - raw.length
  u8.set(raw, from)
  const length = guarded(scratchAt, SCRATCH_BYTES, () =>
    guarded(outAt, capacity, () => x.lz4Compress(from, raw.length, outAt, capacity, scratchAt)),
  )
  if (length > capacity) throw new Error('more than there is room for')
  return length === 0 ? undefined : u8.slice(outAt, outAt + length)
}

/** The kernel's raw bytes, or undefined if it refuses. */
function decompress(block: Uint8Array, rawLength: number): Uint8Array | undefined {
  const from = memoryEnd - block.length
  u8.set(block, from)
  const good = guarded(rawAt, rawLength, () => x.lz4Decompress(from, block.length, rawAt, rawLength))
  return good ? u8.slice(rawAt, rawAt + rawLength) : undefined
}

function expectSame(found: Uint8Array | undefined, expected: Uint8Array): void {
  if (found === undefined) throw new Error('refused')
  if (Buffer.compare(found, expected) !== 0) throw new Error('other bytes')
}

function expectRoundTrip(raw: Uint8Array): void {
  const block = compress(raw)
  if (block === undefined) throw new Error('does not fit its bound')
  expectSame(decompress(block, raw.length), raw)
  expectSame(decompressBlock(block, raw.length), raw)
  expectEndRules(block, raw.length)
  const other = compressBlock(raw)
  if (other !== undefined) expectSame(decompress(other, raw.length), raw)
}

/** What decoders rely on: the last sequence has literals only, at least 5, and no match begins in the last 12 bytes. */
function expectEndRules(block: Uint8Array, rawLength: number): void {
  let at = 0
  let made = 0
  let lastStart = -1
  const more = (length: number): number => {
    if (length < 15) return length
    for (;;) {
      const byte = block[at++] as number
      length += byte
      if (byte < 255) return length
    }
  }
  for (;;) {
    const token = block[at++] as number
    const literals = more(token >> 4)
    at += literals
    made += literals
    if (at === block.length) {
      if (token & 15) throw new Error('the last token has a match length')
      if (lastStart >= 0 && literals < 5) throw new Error('too few literals at the end')
      break
    }
    lastStart = made
    at += 2
    made += more(token & 15) + 4
  }
  if (made !== rawLength) throw new Error('lengths do not add up')
  if (lastStart >= 0 && lastStart > rawLength - 12) throw new Error('a match begins too late')
}

// ── inputs ───────────────────────────────────────────────────────────────────────────────────────────────

const anyLength = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 80 }) },
  { weight: 3, arbitrary: fc.nat({ max: 6000 }) },
  { weight: 1, arbitrary: fc.nat({ max: 131_000 }) },
)

/** Repeats a piece up to a length. */
function periodic(piece: Uint8Array, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => piece[i % piece.length] as number)
}

function pseudoRandom(seed: number, length: number): Uint8Array {
  let state = seed | 1
  return Uint8Array.from({ length }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state
  })
}

/** Pieces that are new, come again, or repeat themselves. */
const structured = fc
  .array(
    fc.record({
      kind: fc.constantFrom('new', 'again', 'run'),
      seed: fc.nat(),
      length: fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 700 })),
      back: fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 70_000 })),
    }),
    { maxLength: 60 },
  )
  .map((pieces) => {
    const bytes: number[] = []
    for (const { kind, seed, length, back } of pieces) {
      if (kind === 'new') bytes.push(...pseudoRandom(seed, length))
      else {
        const from = Math.max(0, bytes.length - 1 - back)
        const period = kind === 'run' ? Math.min(1 + back, 20) : Infinity
        for (let i = 0; i < length; i++) bytes.push(bytes[from + (i % period)] ?? seed & 255)
      }
    }
    return Uint8Array.from(bytes)
  })

const anyInput = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.tuple(fc.nat(), anyLength).map(([seed, length]) => pseudoRandom(seed, length)),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), anyLength)
    .map(([piece, length]) => periodic(piece, length)),
  fc.array(fc.constantFrom(0, 1), { maxLength: 400 }).map((bits) => Uint8Array.from(bits)),
  structured,
)

/** 16-byte keys and 100-byte values of which half can be compressed. */
function records(length: number): Uint8Array {
  const noise = pseudoRandom(7, length)
  const key = (i: number): string => String(Math.floor(i / 116)).padStart(16, '0')
  return noise.map((byte, i) => {
    const at = i % 116
    return at < 16 ? key(i).charCodeAt(at) : at < 66 ? byte : 0x78
  })
}

// ── round trips ──────────────────────────────────────────────────────────────────────────────────────────

describe('round trips, with this and another implementation on either side', () => {
  test('of anything', () => {
    fc.assert(
      fc.property(anyInput, (raw) => expectRoundTrip(raw)),
      { numRuns: 400 },
    )
  })

  test('of every short length', () => {
    for (let length = 0; length <= 70; length++) {
      expectRoundTrip(new Uint8Array(length))
      expectRoundTrip(pseudoRandom(length + 1, length))
      for (let period = 1; period <= 20; period++)
        expectRoundTrip(periodic(pseudoRandom(period, period), length))
    }
  })

  test('of the longest block, with matches and literals as long as they get', () => {
    expectRoundTrip(new Uint8Array(MAX_BYTES))
    expectRoundTrip(pseudoRandom(1, MAX_BYTES))
    expectRoundTrip(records(MAX_BYTES))
    // The same bytes again, as far away as a match reaches and one byte further.
    for (const distance of [65_535, 65_536]) {
      const raw = pseudoRandom(3, MAX_BYTES)
      raw.copyWithin(distance, 0, 1000)
      expectRoundTrip(raw)
      expect((compress(raw) as Uint8Array).length < raw.length).toBe(distance === 65_535)
    }
  })

  test('of lengths around each limit of a length byte', () => {
    for (const length of [14, 15, 16, 18, 19, 20, 269, 270, 271, 273, 274, 275, 524, 525, 526, 529, 530]) {
      const noise = pseudoRandom(length, length)
      expectRoundTrip(Uint8Array.from([...noise, ...noise, ...pseudoRandom(1, 20)]))
      expectRoundTrip(Uint8Array.from([...noise, ...new Uint8Array(length), ...pseudoRandom(1, 20)]))
    }
  })
})

describe('compressing', () => {
  test('saves what can be saved', () => {
    expect((compress(new Uint8Array(100_000)) as Uint8Array).length).toBeLessThan(420)
    expect((compress(records(4096)) as Uint8Array).length).toBeLessThan(0.65 * 4096)
    expect((compress(records(100_000)) as Uint8Array).length).toBeLessThan(0.65 * 100_000)
  })

  test('fits exactly or not at all', () => {
    fc.assert(
      fc.property(anyInput, fc.nat({ max: 40 }), (raw, less) => {
        const block = compress(raw) as Uint8Array
        expectSame(compress(raw, block.length), block)
        expect(compress(raw, block.length - 1)).toBeUndefined()
        expect(compress(raw, Math.max(0, block.length - 1 - less))).toBeUndefined()
        expect(compress(raw, 0)).toBeUndefined()
      }),
      { numRuns: 200 },
    )
  })

  test('does not depend on what the scratch holds', () => {
    fc.assert(
      fc.property(structured, fc.nat(), (raw, seed) => {
        const block = compress(raw) as Uint8Array
        const from = memoryEnd - raw.length
        u8.set(raw, from)
        // Addresses of the input itself are the worst garbage.
        const words = new Uint32Array(u8.buffer, scratchAt, SCRATCH_BYTES / 4)
        for (let i = 0; i < words.length; i++) words[i] = from + ((seed + i) % (raw.length + 1))
        const length = x.lz4Compress(from, raw.length, outAt, block.length, scratchAt)
        expectSame(u8.slice(outAt, outAt + length), block)
      }),
      { numRuns: 100 },
    )
  })
})

// ── hostile bytes ────────────────────────────────────────────────────────────────────────────────────────

describe('decompressing hostile bytes', () => {
  /** Nothing is written outside (guarded), nothing traps, and what is accepted is what the other implementation makes of it. */
  const expectTame = (block: Uint8Array, rawLength: number): void => {
    const found = decompress(block, rawLength)
    if (found !== undefined) expectSame(found, decompressBlock(block, rawLength))
  }

  test('a changed byte', () => {
    fc.assert(
      fc.property(
        fc.oneof(structured, anyInput),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 30 }),
        (raw, changes) => {
          const block = compress(raw) as Uint8Array
          for (const [at, change] of changes) {
            const changed = block.slice()
            changed[at % block.length] = (changed[at % block.length] as number) ^ change
            expectTame(changed, raw.length)
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  test('every byte of a block set to every value that is a limit', () => {
    const raw = Uint8Array.from([...records(400), ...new Uint8Array(100), ...pseudoRandom(5, 40)])
    const block = compress(raw) as Uint8Array
    for (let i = 0; i < block.length; i++) {
      for (const value of [0, 1, 14, 15, 16, 0x0f, 0x1f, 0xe0, 0xef, 0xf0, 0xfe, 0xff]) {
        const changed = block.slice()
        changed[i] = value
        expectTame(changed, raw.length)
      }
    }
  })

  test('every truncation, and a block that goes on', () => {
    for (const raw of [records(500), new Uint8Array(300), pseudoRandom(9, 300)]) {
      const block = compress(raw) as Uint8Array
      for (let length = 0; length < block.length; length++) {
        expect(decompress(block.subarray(0, length), raw.length)).toBeUndefined()
      }
      expect(decompress(Uint8Array.from([...block, 0]), raw.length)).toBeUndefined()
    }
  })

  test('any other raw length', () => {
    for (const raw of [records(500), new Uint8Array(300), pseudoRandom(9, 300), new Uint8Array(0)]) {
      const block = compress(raw) as Uint8Array
      for (let length = 0; length < raw.length + 70; length++) {
        expect(decompress(block, length) !== undefined, `${length}`).toBe(length === raw.length)
      }
    }
  })

  test('bytes that are no block', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), anyLength, (block, rawLength) => {
        expectTame(block, rawLength)
      }),
      { numRuns: 1000 },
    )
  })

  test.each<[string, number[], number]>([
    ['nothing', [], 0],
    ['offset 0', [0x14, 1, 0, 0, 0x50, 1, 2, 3, 4, 5], 14],
    ['an offset before the start', [0x14, 1, 200, 0, 0x50, 1, 2, 3, 4, 5], 14],
    ['an offset before the start, in the middle', [0x14, 1, 1, 0, 0x14, 1, 200, 0, 0x50, 1, 2, 3, 4, 5], 23],
    ['no offset', [0x14, 1], 9],
    ['half an offset', [0x14, 1, 1], 9],
    ['a match at the very end', [0x14, 1, 1, 0], 9],
    ['literals that are not there', [0x50, 1, 2, 3, 4], 5],
    ['a length that does not end', [0xf0, 255, 255, 255], 1000],
    ['a match length that does not end', [0x1f, 1, 1, 0, 255, 255], 1000],
    ['a match past the raw length', [0x1f, 1, 1, 0, 255, 255, 0, 0x50, 1, 2, 3, 4, 5], 100],
  ])('%s', (_name, block, rawLength) => {
    expect(decompress(Uint8Array.from(block), rawLength)).toBeUndefined()
    // The same behind and before enough good bytes for the fast path.
    const before = [0xf4, 85, ...Array<number>(100).fill(7), 1, 0]
    expect(decompress(Uint8Array.from([...before, ...block]), rawLength + 108)).toBeUndefined()
  })

  test('an offset reaches to the first byte and no further', () => {
    for (let literals = 1; literals < 15; literals++) {
      // Short, and with enough behind it for the fast path.
      for (const rest of [5, 14, 80]) {
        const block = [literals << 4, ...Array<number>(literals).fill(1), literals, 0]
        block.push(...(rest < 15 ? [rest << 4] : [0xf0, rest - 15]), ...Array<number>(rest).fill(2))
        expect(decompress(Uint8Array.from(block), literals + 4 + rest)).toBeDefined()
        block[literals + 1] = literals + 1
        expect(decompress(Uint8Array.from(block), literals + 4 + rest)).toBeUndefined()
      }
    }
    // The fast path takes offsets of 16 and more.
    const block = [
      0x44,
      1,
      2,
      3,
      4,
      4,
      0,
      0x60,
      1,
      2,
      3,
      4,
      5,
      6,
      18,
      0,
      0xf0,
      65,
      ...Array<number>(80).fill(2),
    ]
    expect(decompress(Uint8Array.from(block), 102)).toBeDefined()
    block[14] = 19
    expect(decompress(Uint8Array.from(block), 102)).toBeUndefined()
  })

  test('whole words are written only where they fit', () => {
    const run = (length: number, byte: number): number[] => Array<number>(length).fill(byte)
    for (let literals = 0; literals < 15; literals++) {
      for (let rest = 5; rest < 40; rest++) {
        const last = rest < 15 ? [rest << 4] : [0xf0, rest - 15]
        const block = [0xf0, 15, ...run(30, 1), 1, 0, literals << 4, ...run(literals, 2), 16, 0]
        block.push(...last, ...run(rest, 3))
        const rawLength = 30 + 4 + literals + 4 + rest
        expectSame(
          decompress(Uint8Array.from(block), rawLength),
          decompressBlock(Uint8Array.from(block), rawLength),
        )
      }
    }
  })

  test('what the list above varies is good', () => {
    expectSame(
      decompress(Uint8Array.from([0x14, 1, 1, 0, 0x50, 1, 2, 3, 4, 5]), 14),
      Uint8Array.from([...Array<number>(9).fill(1), 1, 2, 3, 4, 5]),
    )
  })

  test('lengths that would overflow 32 bits', () => {
    const block = new Uint8Array(MAX_BYTES).fill(255)
    expect(decompress(block, MAX_BYTES)).toBeUndefined()
    block[0] = 0x1f
    block.set([1, 1, 0], 1)
    expect(decompress(block, MAX_BYTES)).toBeUndefined()
  })
})
