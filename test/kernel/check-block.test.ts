import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_FILTER,
  BLOCK_INDEX,
  BLOCK_PROPERTIES,
  BLOCK_ROOT_INDEX,
  COMPRESSION_LZ4,
  PAGE_BYTES,
  SLOT_INPUT,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  STATUS_ABSENT,
  STATUS_CHECKSUM,
  STATUS_FOUND,
  STATUS_MALFORMED,
  STATUS_OK,
  STATUS_TOMBSTONE,
  STATUS_UNKNOWN_FORMAT,
  TYPE_EXTENT,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { anyKey, bytes } from './entries.ts'
import { compressBlock } from './lz4js.ts'
import { bareKernel } from './support.ts'
import {
  compareEntries,
  readEntries,
  signBlock,
  viewOf,
  writeBlock,
  writeEntries,
  writeExtentList,
  writeHandle,
  type TableEntry,
} from './table-format.ts'

const { x, slot, u8, view } = bareKernel(32)
const memoryEnd = u8.length
const saltAt = 8 * PAGE_BYTES
/** The page in which blocks are decompressed; its neighbours are guards. */
const targetAt = 12 * PAGE_BYTES
const salt = Uint8Array.from({ length: 16 }, (_, i) => 17 * i + 3)
u8.set(salt, saltAt)
/** Where the blocks below lie in their file: what they point at is before it. */
const OFFSET = 5_000_000_000

function entry(
  key: string | Uint8Array,
  seqno: number,
  value: string | Uint8Array = 'v',
  type = TYPE_VALUE,
): TableEntry {
  return { key: bytes(key), type, seqno: BigInt(seqno), value: bytes(value) }
}

/** Checks a block that ends where memory ends: a read past it would trap. */
function check(block: Uint8Array, kind: number, offset = OFFSET): number {
  const at = memoryEnd - block.length
  u8.set(block, at)
  return x.checkBlock(slot, at, block.length, kind, saltAt, offset, targetAt)
}

function checkPayload(payload: Uint8Array, kind = BLOCK_DATA): number {
  return check(writeBlock(payload, kind, salt, OFFSET), kind)
}

/** Payload of hand-made entries, restart heads at those entries. */
function handMade(
  entries: readonly number[][],
  heads: readonly number[],
  interval: number,
  trailer: { base?: bigint } = {},
): Uint8Array {
  const offsets = entries.map((_, i) => entries.slice(0, i).flat().length)
  const body = entries.flat()
  const out = new Uint8Array(body.length + 2 * heads.length + 32)
  out.set(body)
  const tail = viewOf(out)
  heads.forEach((entryNumber, i) => tail.setUint16(body.length + 2 * i, offsets[entryNumber] as number, true))
  const at = out.length - 32
  tail.setBigUint64(at, trailer.base ?? 7n, true)
  tail.setUint32(at + 8, entries.length, true)
  tail.setUint32(at + 12, heads.length, true)
  tail.setUint32(at + 16, body.length, true)
  tail.setUint8(at + 28, interval)
  return out
}

const data = writeEntries(
  [
    entry('apple', 9),
    entry('apple', 7, 'older'),
    entry('apricot', 12, '', TYPE_TOMBSTONE),
    entry('banana', 300, 'x'.repeat(200)),
    entry('bananas', 8, writeExtentList(40_000, 1_000_000, [40_024]), TYPE_EXTENT),
    entry('cherry', 10, ''),
  ],
  2,
)
const index = writeEntries(
  [
    entry('b', 0, writeHandle(64, 4096)),
    entry('c', 9, writeHandle(4160, 5000)),
    entry('c', 0, writeHandle(4_000_000_000, 131_072)),
  ],
  2,
  true,
)
const samples: [string, number, Uint8Array][] = [
  ['data', BLOCK_DATA, data],
  ['index', BLOCK_INDEX, index],
  ['root index', BLOCK_ROOT_INDEX, index],
  ['extent', BLOCK_EXTENT, Uint8Array.from({ length: 500 }, (_, i) => i)],
  ['filter', BLOCK_FILTER, Uint8Array.from({ length: 3 * 64 }, (_, i) => i)],
  ['properties', BLOCK_PROPERTIES, Uint8Array.from({ length: 100 }, (_, i) => i)],
]

describe('a good block', () => {
  test.each(samples)('%s: OK, and the payload is named', (_name, kind, payload) => {
    const block = writeBlock(payload, kind, salt, OFFSET)
    expect(check(block, kind)).toBe(STATUS_OK)
    expect(view.getUint32(slot + SLOT_POINTER, true)).toBe(memoryEnd - block.length + 16)
    expect(view.getUint32(slot + SLOT_LENGTH, true)).toBe(payload.length)
  })
})

describe('accidents', () => {
  test.each(samples)('%s: no changed byte is OK', (_name, kind, payload) => {
    const block = writeBlock(payload, kind, salt, OFFSET)
    for (let i = 0; i < block.length; i++) {
      for (const change of [1, 0x80, 0xff, 1 + (i % 254)]) {
        block[i] = (block[i] as number) ^ change
        expect(check(block, kind), `byte ${i} ^ ${change}`).not.toBe(STATUS_OK)
        block[i] = (block[i] as number) ^ change
      }
    }
    expect(check(block, kind)).toBe(STATUS_OK)
  })

  test('another place, kind, salt or size is not OK', () => {
    const block = writeBlock(data, BLOCK_DATA, salt, OFFSET)
    expect(check(block, BLOCK_DATA, OFFSET + 1)).toBe(STATUS_CHECKSUM)
    expect(check(block, BLOCK_DATA, OFFSET - 4294967296)).toBe(STATUS_CHECKSUM)
    expect(check(block, BLOCK_INDEX)).toBe(STATUS_CHECKSUM)
    expect(check(writeBlock(data, BLOCK_DATA, salt.toReversed(), OFFSET), BLOCK_DATA)).toBe(STATUS_CHECKSUM)
    expect(check(block.subarray(0, block.length - 1), BLOCK_DATA)).toBe(STATUS_CHECKSUM)
    expect(check(block.subarray(0, 23), BLOCK_DATA)).toBe(STATUS_MALFORMED)
    expect(check(new Uint8Array(131_073), BLOCK_DATA)).toBe(STATUS_MALFORMED)
    expect(check(new Uint8Array(0), BLOCK_DATA)).toBe(STATUS_MALFORMED)
  })
})

describe('headers with a right checksum', () => {
  const signed = (
    change: (view: DataView, block: Uint8Array) => void,
    kind = BLOCK_DATA,
    payload = data,
  ): number => {
    const block = writeBlock(payload, kind, salt, OFFSET)
    change(viewOf(block), block)
    signBlock(block, kind, salt, OFFSET)
    return check(block, kind)
  }

  test.each<[string, number, (view: DataView) => void]>([
    ['kind', STATUS_MALFORMED, (v) => v.setUint8(0, BLOCK_INDEX)],
    ['compression 2', STATUS_UNKNOWN_FORMAT, (v) => v.setUint8(1, 2)],
    ['compression', STATUS_UNKNOWN_FORMAT, (v) => v.setUint8(1, 200)],
    ['flags', STATUS_UNKNOWN_FORMAT, (v) => v.setUint16(2, 0x100, true)],
    ['stored length', STATUS_MALFORMED, (v) => v.setUint32(4, data.length + 1, true)],
    ['stored length 2^32 − 1', STATUS_MALFORMED, (v) => v.setUint32(4, 0xffffffff, true)],
    ['raw length', STATUS_MALFORMED, (v) => v.setUint32(8, data.length - 1, true)],
    ['zero', STATUS_UNKNOWN_FORMAT, (v) => v.setUint32(12, 1, true)],
  ])('%s', (_name, status, change) => {
    expect(signed(change)).toBe(status)
  })

  test('a kind that does not exist yet', () => {
    for (const kind of [0, 6, 7, 9, 255]) expect(signed(() => undefined, kind)).toBe(STATUS_UNKNOWN_FORMAT)
  })

  test('a filter block holds 1 to 512 lines of 64 bytes', () => {
    for (let length = 0; length <= 192; length++) {
      const isWhole = length > 0 && length % 64 === 0
      expect(checkPayload(new Uint8Array(length).fill(255), BLOCK_FILTER)).toBe(
        isWhole ? STATUS_OK : STATUS_MALFORMED,
      )
    }
    expect(checkPayload(new Uint8Array(32_768), BLOCK_FILTER)).toBe(STATUS_OK)
    expect(checkPayload(new Uint8Array(32_768 + 64), BLOCK_FILTER)).toBe(STATUS_MALFORMED)
    expect(checkPayload(new Uint8Array(131_008), BLOCK_FILTER)).toBe(STATUS_MALFORMED)
  })

  test('an extent may hold anything, even nothing', () => {
    expect(checkPayload(new Uint8Array(0), BLOCK_EXTENT)).toBe(STATUS_OK)
    expect(checkPayload(new Uint8Array(131_048), BLOCK_EXTENT)).toBe(STATUS_OK)
  })
})

describe('compressed blocks', () => {
  const header = (block: Uint8Array, rawLength: number): Uint8Array => {
    block[1] = COMPRESSION_LZ4
    viewOf(block).setUint32(8, rawLength, true)
    return block
  }
  /** A block with these stored bytes and a right checksum. */
  const compressed = (stored: Uint8Array, rawLength: number, kind: number): Uint8Array => {
    const block = header(writeBlock(stored, kind, salt, OFFSET), rawLength)
    signBlock(block, kind, salt, OFFSET)
    return block
  }
  /** Checks a block, and that only the page to decompress into is written. */
  const checkGuarded = (block: Uint8Array, kind: number): number => {
    u8.fill(0xa5, targetAt - 64, targetAt + PAGE_BYTES + 64)
    const status = check(block, kind)
    for (let i = 1; i <= 64; i++) {
      if (u8[targetAt - i] !== 0xa5 || u8[targetAt + PAGE_BYTES + i - 1] !== 0xa5) throw new Error('outside')
    }
    return status
  }
  const long = writeEntries(
    Array.from({ length: 60 }, (_, i) => entry(`key ${String(i).padStart(4, '0')}`, i + 1, 'v'.repeat(i))),
    16,
  )
  const longIndex = writeEntries(
    Array.from({ length: 60 }, (_, i) =>
      entry(`key ${String(i).padStart(4, '0')}`, 0, writeHandle(4096 * i + 64, 4096)),
    ),
    16,
    true,
  )
  const bytesOf = (raw: Uint8Array): Uint8Array => {
    const block = compressBlock(raw)
    if (block === undefined || block.length >= raw.length) throw new Error('nothing saved')
    return block
  }

  test.each<[string, number, Uint8Array]>([
    ['data', BLOCK_DATA, long],
    ['index', BLOCK_INDEX, longIndex],
    ['extent', BLOCK_EXTENT, new Uint8Array(5000)],
    ['longest extent', BLOCK_EXTENT, new Uint8Array(131_048)],
  ])('%s: OK, and the raw payload is named', (_name, kind, raw) => {
    const block = compressed(bytesOf(raw), raw.length, kind)
    expect(checkGuarded(block, kind)).toBe(STATUS_OK)
    expect(view.getUint32(slot + SLOT_POINTER, true)).toBe(targetAt)
    expect(view.getUint32(slot + SLOT_LENGTH, true)).toBe(raw.length)
    expect(Buffer.compare(u8.subarray(targetAt, targetAt + raw.length), raw)).toBe(0)
  })

  test('the checksum is that of the stored bytes, and comes first', () => {
    const block = compressed(bytesOf(long), long.length, BLOCK_DATA)
    for (let i = 0; i < block.length; i++) {
      block[i] = (block[i] as number) ^ 1
      expect(check(block, BLOCK_DATA)).toBe(STATUS_CHECKSUM)
      block[i] = (block[i] as number) ^ 1
    }
  })

  test.each([BLOCK_ROOT_INDEX, BLOCK_PROPERTIES, BLOCK_FILTER, 9])('none of kind %i', (kind) => {
    expect(checkGuarded(compressed(bytesOf(longIndex), longIndex.length, kind), kind)).toBe(
      STATUS_UNKNOWN_FORMAT,
    )
  })

  test('a wrong raw length is malformed, whatever it is', () => {
    const stored = bytesOf(long)
    const lengths = [
      0,
      1,
      stored.length - 1,
      stored.length,
      stored.length + 1,
      long.length - 1,
      long.length + 1,
    ]
    for (const rawLength of [...lengths, 131_048, 131_049, 131_072, 0x7fffffff, 0xffffffff]) {
      expect(checkGuarded(compressed(stored, rawLength, BLOCK_DATA), BLOCK_DATA)).toBe(STATUS_MALFORMED)
    }
    // What decompresses well, but to more than a block may hold.
    const tooLong = new Uint8Array(131_049)
    expect(checkGuarded(compressed(bytesOf(tooLong), 131_049, BLOCK_EXTENT), BLOCK_EXTENT)).toBe(
      STATUS_MALFORMED,
    )
  })

  test('a compressed block that saves nothing is malformed', () => {
    // Literals only: one byte longer than what they make.
    const raw = Uint8Array.of(1, 2, 3)
    expect(checkGuarded(compressed(Uint8Array.of(0x30, ...raw), 3, BLOCK_EXTENT), BLOCK_EXTENT)).toBe(
      STATUS_MALFORMED,
    )
  })

  test('truncated, or with something behind', () => {
    const stored = bytesOf(long)
    for (let length = 0; length < stored.length; length++) {
      const block = compressed(stored.subarray(0, length), long.length, BLOCK_DATA)
      expect(checkGuarded(block, BLOCK_DATA)).toBe(STATUS_MALFORMED)
    }
    const block = compressed(Uint8Array.of(...stored, 0), long.length, BLOCK_DATA)
    expect(checkGuarded(block, BLOCK_DATA)).toBe(STATUS_MALFORMED)
  })

  test('an offset before the start', () => {
    const stored = Uint8Array.of(0x1f, 7, 2, 0, 81, 0x50, 1, 2, 3, 4, 5)
    expect(checkGuarded(compressed(stored, 106, BLOCK_EXTENT), BLOCK_EXTENT)).toBe(STATUS_MALFORMED)
    stored[2] = 0
    expect(checkGuarded(compressed(stored, 106, BLOCK_EXTENT), BLOCK_EXTENT)).toBe(STATUS_MALFORMED)
    stored[2] = 1
    expect(checkGuarded(compressed(stored, 106, BLOCK_EXTENT), BLOCK_EXTENT)).toBe(STATUS_OK)
  })

  test('the raw payload is walked', () => {
    const bad = long.slice()
    viewOf(bad).setUint32(bad.length - 24, 61, true)
    expect(checkGuarded(compressed(bytesOf(bad), bad.length, BLOCK_DATA), BLOCK_DATA)).toBe(STATUS_MALFORMED)
    const flagged = long.slice()
    flagged[flagged.length - 3] = 2
    const block = compressed(bytesOf(flagged), flagged.length, BLOCK_DATA)
    expect(checkGuarded(block, BLOCK_DATA)).toBe(STATUS_UNKNOWN_FORMAT)
  })

  test('mutated stored bytes with a right checksum write nowhere else and never trap', () => {
    const stored = bytesOf(long)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: stored.length - 1 }), fc.nat({ max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.constantFrom(long.length, 131_048, stored.length + 1),
        (changes, rawLength) => {
          const changed = stored.slice()
          for (const [at, byte] of changes) changed[at] = byte
          const status = checkGuarded(compressed(changed, rawLength, BLOCK_DATA), BLOCK_DATA)
          expect([STATUS_OK, STATUS_MALFORMED, STATUS_UNKNOWN_FORMAT]).toContain(status)
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('payloads with a right checksum', () => {
  const trailer = (change: (view: DataView) => void): Uint8Array => {
    const payload = data.slice()
    change(viewOf(payload.subarray(payload.length - 32)))
    return payload
  }
  const changed = (payload: Uint8Array, change: (view: DataView) => void): Uint8Array => {
    const copy = payload.slice()
    change(viewOf(copy))
    return copy
  }
  const a = 0x61
  const b = 0x62

  test.each<[string, number, Uint8Array]>([
    ['no trailer', STATUS_MALFORMED, new Uint8Array(31)],
    ['all zero', STATUS_MALFORMED, new Uint8Array(64)],
    ['all ones', STATUS_UNKNOWN_FORMAT, new Uint8Array(64).fill(255)],
    ['base seqno below the smallest', STATUS_MALFORMED, handMade([[1, 0, 1, 0, 1, a]], [0], 16)],
    ['base seqno too high', STATUS_MALFORMED, trailer((v) => v.setBigUint64(0, 1n << 53n, true))],
    ['base seqno 2^64 − 1', STATUS_MALFORMED, trailer((v) => v.setBigUint64(0, (1n << 64n) - 1n, true))],
    ['no entries', STATUS_MALFORMED, trailer((v) => v.setUint32(8, 0, true))],
    ['one entry less', STATUS_MALFORMED, trailer((v) => v.setUint32(8, 5, true))],
    ['one entry more', STATUS_MALFORMED, trailer((v) => v.setUint32(8, 7, true))],
    ['2^32 − 1 entries', STATUS_MALFORMED, trailer((v) => v.setUint32(8, 0xffffffff, true))],
    ['restarts', STATUS_MALFORMED, trailer((v) => v.setUint32(12, 2, true))],
    ['2^31 restarts', STATUS_MALFORMED, trailer((v) => v.setUint32(12, 0x80000000, true))],
    ['restart array', STATUS_MALFORMED, trailer((v) => v.setUint32(16, v.getUint32(16, true) - 2, true))],
    ['restart array 2^32 − 1', STATUS_MALFORMED, trailer((v) => v.setUint32(16, 0xffffffff, true))],
    ['hash index without buckets', STATUS_MALFORMED, trailer((v) => v.setUint32(20, 1, true))],
    ['hash buckets without bytes', STATUS_MALFORMED, trailer((v) => v.setUint32(24, 1, true))],
    ['2^32 − 1 hash buckets', STATUS_MALFORMED, trailer((v) => v.setUint32(24, 0xffffffff, true))],
    ['interval 0', STATUS_MALFORMED, trailer((v) => v.setUint8(28, 0))],
    ['interval', STATUS_MALFORMED, trailer((v) => v.setUint8(28, 3))],
    ['wide restarts', STATUS_MALFORMED, trailer((v) => v.setUint8(29, 1))],
    ['flag', STATUS_UNKNOWN_FORMAT, trailer((v) => v.setUint8(29, 2))],
    ['zero', STATUS_UNKNOWN_FORMAT, trailer((v) => v.setUint16(30, 1, true))],
    ['order of keys', STATUS_MALFORMED, writeEntries([entry('b', 1), entry('a', 2)], 1)],
    [
      'order of keys in an interval',
      STATUS_MALFORMED,
      handMade(
        [
          [1, 0, 2, 0, 0, a, b],
          [1, 1, 1, 0, 1, a],
        ],
        [0],
        16,
      ),
    ],
    ['order of versions', STATUS_MALFORMED, writeEntries([entry('a', 1), entry('a', 2)], 16)],
    ['order of versions over intervals', STATUS_MALFORMED, writeEntries([entry('a', 1), entry('a', 2)], 1)],
    ['the same entry twice', STATUS_MALFORMED, writeEntries([entry('a', 1), entry('a', 1)], 16)],
    [
      'order across intervals',
      STATUS_MALFORMED,
      writeEntries([entry('aa', 4), entry('ab', 3), entry('aab', 2)], 2),
    ],
    ['shared in a head', STATUS_MALFORMED, handMade([[1, 1, 1, 0, 0, a]], [0], 16)],
    [
      'shared beyond the head',
      STATUS_MALFORMED,
      handMade(
        [
          [1, 0, 1, 0, 0, a],
          [1, 2, 1, 0, 1, b],
        ],
        [0],
        16,
      ),
    ],
    [
      'shared not the longest',
      STATUS_MALFORMED,
      handMade(
        [
          [1, 0, 2, 0, 0, a, a],
          [1, 0, 2, 0, 1, a, b],
        ],
        [0],
        16,
      ),
    ],
    [
      'shared grows',
      STATUS_MALFORMED,
      handMade(
        [
          [1, 0, 2, 0, 0, a, a],
          [1, 0, 1, 0, 1, b],
          [1, 1, 1, 0, 1, b],
        ],
        [0],
        16,
      ),
    ],
    [
      'a prefix of the head',
      STATUS_MALFORMED,
      handMade(
        [
          [1, 0, 2, 0, 0, a, a],
          [1, 1, 0, 0, 1],
        ],
        [0],
        16,
      ),
    ],
    ['rest too long', STATUS_MALFORMED, handMade([[1, 0, 100, 0, 0, a]], [0], 16)],
    ['rest 2^32 − 1', STATUS_MALFORMED, handMade([[1, 0, 255, 255, 255, 255, 15, 0, 0, a]], [0], 16)],
    [
      'shared 2^32 − 1',
      STATUS_MALFORMED,
      handMade(
        [
          [1, 0, 1, 0, 0, a],
          [1, 255, 255, 255, 255, 15, 1, 0, 0, b],
        ],
        [0],
        16,
      ),
    ],
    ['value too long', STATUS_MALFORMED, handMade([[1, 0, 1, 1, 0, a]], [0], 16)],
    ['value 2^32 − 1', STATUS_MALFORMED, handMade([[1, 0, 1, 255, 255, 255, 255, 15, 0, a]], [0], 16)],
    ['a varint not shortest', STATUS_MALFORMED, handMade([[1, 0, 0x81, 0, 0, 0, a]], [0], 16)],
    ['a varint of 33 bits', STATUS_MALFORMED, handMade([[1, 0, 1, 255, 255, 255, 255, 31, 0, a]], [0], 16)],
    ['a varint cut off', STATUS_MALFORMED, handMade([[1, 0, 1, 0, 0x80]], [0], 16)],
    ['seqno not shortest', STATUS_MALFORMED, handMade([[1, 0, 1, 0, 0x80, 0, a]], [0], 16)],
    [
      'seqno 2^53',
      STATUS_MALFORMED,
      handMade([[1, 0, 1, 0, 255, 255, 255, 255, 255, 255, 255, 31, a]], [0], 16),
    ],
    [
      'seqno 2^64 − 1',
      STATUS_MALFORMED,
      handMade([[1, 0, 1, 0, ...Array<number>(9).fill(255), 1, a]], [0], 16),
    ],
    [
      'base seqno and difference make 2^53',
      STATUS_MALFORMED,
      handMade(
        [
          [1, 0, 1, 0, 0, a],
          [1, 0, 1, 0, 1, b],
        ],
        [0],
        16,
        { base: (1n << 53n) - 1n },
      ),
    ],
    [
      'an extent list that goes on behind memory',
      STATUS_MALFORMED,
      handMade([[5, 0, 1, 0x80, 0x80, 1, 0, a, 0xc0, 0xb8, 2, 64, 0x80, 0x20]], [0], 16),
    ],
    ['restart offset', STATUS_MALFORMED, changed(data, (v) => v.setUint16(data.length - 36, 1, true))],
    ['something between entries and restarts', STATUS_MALFORMED, handMade([[1, 0, 1, 0, 0, a, 0]], [0], 16)],
    ['type 0', STATUS_UNKNOWN_FORMAT, writeEntries([entry('a', 1, '', 0)], 16)],
    ['blob pointer', STATUS_UNKNOWN_FORMAT, writeEntries([entry('a', 1, '', 4)], 16)],
    ['merge operand', STATUS_UNKNOWN_FORMAT, writeEntries([entry('a', 1, '', 6)], 16)],
    ['expiry', STATUS_UNKNOWN_FORMAT, writeEntries([entry('a', 1, '', 0x11)], 16)],
    ['tombstone with a value', STATUS_MALFORMED, writeEntries([entry('a', 1, 'v', TYPE_TOMBSTONE)], 16)],
    ['inline value of 32,768', STATUS_MALFORMED, writeEntries([entry('a', 1, new Uint8Array(32768))], 16)],
    ['key of 65,536', STATUS_MALFORMED, writeEntries([entry(new Uint8Array(65536), 1)], 16)],
    [
      'shared and rest make 65,536',
      STATUS_MALFORMED,
      writeEntries([entry(new Uint8Array(65535), 1), entry(new Uint8Array(65536), 1)], 16),
    ],
  ])('%s', (_name, status, payload) => {
    expect(() => readEntries(payload, false, OFFSET)).toThrow()
    expect(checkPayload(payload)).toBe(status)
  })

  test.each<[string, Uint8Array]>([
    ['shorter than 32,768', writeExtentList(32_767, 64, [32_791])],
    ['no extent', writeExtentList(40_000, 64, [])],
    ['shorter than its extents', writeExtentList(39_999, 64, [40_024])],
    ['too long for its extents', writeExtentList(131_049, 64, [40_024])],
    ['longer than 255 times its extents', writeExtentList(255 * 200 + 1, 64, [224])],
    ['empty extent', writeExtentList(40_000, 64, [40_024, 24])],
    ['extent larger than a block', writeExtentList(131_049, 64, [131_073])],
    ['more than 4,096', writeExtentList(40_970, 64, Array<number>(4097).fill(34))],
    ['behind its entry', writeExtentList(40_000, OFFSET - 40_023, [40_024])],
    ['at 2^53', writeExtentList(40_000, 2 ** 53, [40_024])],
    ['cut off', writeExtentList(40_000, 64, [40_024]).subarray(0, -1)],
    ['with more behind', Uint8Array.from([...writeExtentList(40_000, 64, [40_024]), 0])],
    ['empty', new Uint8Array(0)],
  ])('extent list: %s', (_name, list) => {
    const payload = writeEntries([entry('a', 1, list, TYPE_EXTENT)], 16)
    expect(() => readEntries(payload, false, OFFSET)).toThrow()
    expect(checkPayload(payload)).toBe(STATUS_MALFORMED)
  })

  test.each<[string, number, TableEntry[]]>([
    ['type', STATUS_UNKNOWN_FORMAT, [entry('a', 0, writeHandle(64, 100), TYPE_TOMBSTONE)]],
    ['handle of an empty block', STATUS_MALFORMED, [entry('a', 0, writeHandle(64, 24))]],
    ['handle of a huge block', STATUS_MALFORMED, [entry('a', 0, writeHandle(64, 131_073))]],
    ['handle past the block', STATUS_MALFORMED, [entry('a', 0, writeHandle(OFFSET - 99, 100))]],
    ['handle of itself', STATUS_MALFORMED, [entry('a', 0, writeHandle(OFFSET, 100))]],
    [
      'overlapping handles',
      STATUS_MALFORMED,
      [entry('a', 0, writeHandle(64, 100)), entry('b', 0, writeHandle(163, 100))],
    ],
    ['handle cut off', STATUS_MALFORMED, [entry('a', 0, writeHandle(64, 100).subarray(0, -1))]],
    [
      'handle with more behind',
      STATUS_MALFORMED,
      [entry('a', 0, Uint8Array.from([...writeHandle(64, 100), 0]))],
    ],
    [
      'order of versions',
      STATUS_MALFORMED,
      [entry('a', 0, writeHandle(64, 100)), entry('a', 3, writeHandle(200, 100))],
    ],
  ])('index: %s', (_name, status, entries) => {
    const payload = writeEntries(entries, 16, true)
    expect(() => readEntries(payload, true, OFFSET)).toThrow()
    expect(checkPayload(payload, BLOCK_INDEX)).toBe(status)
    expect(checkPayload(payload, BLOCK_ROOT_INDEX)).toBe(status)
  })

  test('an index block with a base seqno', () => {
    const payload = index.slice()
    viewOf(payload).setBigUint64(payload.length - 32, 1n, true)
    expect(checkPayload(payload, BLOCK_INDEX)).toBe(STATUS_MALFORMED)
  })
})

describe('hostile payloads', () => {
  const anyEntries = fc
    .uniqueArray(
      fc.record({
        key: anyKey.filter((key) => key.length < 400),
        type: fc.constantFrom(TYPE_VALUE, TYPE_TOMBSTONE, TYPE_EXTENT),
        seqno: fc.bigInt({ min: 1n, max: 700n }),
        value: fc.uint8Array({ maxLength: 200 }),
      }),
      {
        minLength: 1,
        maxLength: 60,
        size: 'max',
        selector: ({ key, seqno }) => `${Buffer.from(key).toString('hex')}/${seqno}`,
      },
    )
    .map((entries) =>
      entries
        .map((e) => ({
          ...e,
          value:
            e.type === TYPE_VALUE
              ? e.value
              : e.type === TYPE_EXTENT
                ? writeExtentList(50_000, 64, [50_024])
                : new Uint8Array(0),
        }))
        .sort(compareEntries),
    )

  const anyIndexEntries = anyEntries.map((entries) =>
    entries.map((e, i) => ({ ...e, type: TYPE_VALUE, value: writeHandle(100_000 * i, 30 + i) })),
  )

  /** Mostly small changes: bytes set, a stretch removed, doubled or moved, a trailer word changed. */
  const mutations = fc.array(
    fc.record({
      kind: fc.constantFrom('byte', 'bit', 'trailer', 'restart', 'cut', 'copy'),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      to: fc.double({ min: 0, max: 1, noNaN: true }),
      byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 127, 128, 255)),
    }),
    { maxLength: 4 },
  )

  function mutate(
    payload: Uint8Array,
    changes: { kind: string; at: number; to: number; byte: number }[],
  ): Uint8Array {
    let out = payload.slice()
    for (const { kind, at, to, byte } of changes) {
      const i = Math.min(Math.floor(at * out.length), out.length - 1)
      const j = Math.min(Math.floor(to * out.length), out.length - 1)
      if (kind === 'byte') out[i] = byte
      else if (kind === 'bit') out[i] = (out[i] as number) ^ (1 << (byte & 7))
      else if (kind === 'trailer') out[Math.max(0, out.length - 32 + (i % 32))] = byte
      else if (kind === 'restart') out[Math.max(0, out.length - 48 + (i % 16))] = byte
      else if (kind === 'cut' && out.length > 8)
        out = Uint8Array.from([...out.subarray(0, i), ...out.subarray(i + (byte & 7))])
      else if (kind === 'copy') out.copyWithin(i, j, j + (byte & 31))
    }
    return out
  }

  /** Uses everything in a block that passed. */
  function readAll(payload: number, length: number, isIndex: boolean, entries: TableEntry[]): void {
    const input = view.getUint32(slot + SLOT_INPUT, true)
    view.setBigUint64(slot + SLOT_READ_SEQNO, 1n << 53n, true)
    expect(x.blockEntries(payload, length)).toBe(entries.length)
    for (const [i, { key }] of entries.entries()) {
      u8.set(key, input)
      if (isIndex) {
        expect(x.indexEntry(slot, payload, length, i)).toBe(STATUS_FOUND)
        expect(x.indexSeek(slot, payload, length, input, key.length, i % 3)).toBeOneOf([
          STATUS_FOUND,
          STATUS_ABSENT,
        ])
      } else {
        expect(x.blockGet(slot, payload, length, input, key.length)).toBeOneOf([
          STATUS_FOUND,
          STATUS_TOMBSTONE,
        ])
      }
    }
  }

  test.each([
    ['data', BLOCK_DATA],
    ['index', BLOCK_INDEX],
  ])('%s: OK exactly where the page says so; then all of it can be read', (_name, kind) => {
    const isIndex = kind === BLOCK_INDEX
    let passed = 0
    let refused = 0
    fc.assert(
      fc.property(
        isIndex ? anyIndexEntries : anyEntries,
        fc.integer({ min: 1, max: 20 }),
        mutations,
        (entries, interval, changes) => {
          const payload = mutate(writeEntries(entries, interval, isIndex), changes)
          let expected: TableEntry[] | undefined
          try {
            expected = readEntries(payload, isIndex, OFFSET)
          } catch {
            expected = undefined
          }
          const status = checkPayload(payload, kind)
          if (expected === undefined) {
            refused++
            expect(status).toBeOneOf([STATUS_MALFORMED, STATUS_UNKNOWN_FORMAT])
          } else {
            passed++
            expect(status).toBe(STATUS_OK)
            readAll(memoryEnd - 8 - payload.length, payload.length, isIndex, expected)
          }
        },
      ),
      { numRuns: 3000 },
    )
    expect(passed).toBeGreaterThan(100)
    expect(refused).toBeGreaterThan(100)
  })

  test('random bytes with a plausible trailer', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 300 }),
        fc.nat({ max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        (payload, count, interval, isIndex) => {
          const restarts = Math.ceil(count / interval)
          const trailer = viewOf(payload.subarray(payload.length - 32))
          trailer.setBigUint64(0, isIndex ? 0n : 5n, true)
          trailer.setUint32(8, count, true)
          trailer.setUint32(12, restarts, true)
          trailer.setUint32(16, payload.length - 32 - 2 * restarts, true)
          trailer.setBigUint64(20, 0n, true)
          trailer.setUint32(28, interval, true)
          let isGood = true
          try {
            readEntries(payload, isIndex, OFFSET)
          } catch {
            isGood = false
          }
          expect(checkPayload(payload, isIndex ? BLOCK_ROOT_INDEX : BLOCK_DATA) === STATUS_OK).toBe(isGood)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
