import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  BLOCK_DATA,
  SLOT_INPUT,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  STATUS_ABSENT,
  STATUS_FOUND,
  STATUS_MALFORMED,
  STATUS_OK,
  STATUS_TOMBSTONE,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { bareInternals, type BareInternals } from './internals.ts'
import { compareEntries, hashBucket, writeBlock, writeEntries, type TableEntry } from './table-format.ts'

const salt = Uint8Array.from({ length: 16 }, (_, i) => 7 * i + 3)
const BLOCK_OFFSET = 4096

let k: BareInternals
let blockAt: number
let saltAt: number
beforeAll(async () => {
  k = await bareInternals(16)
  blockAt = k.x.allocatePage() >>> 0
  saltAt = k.x.allocatePage() >>> 0
  k.u8.set(salt, saltAt)
})

/** Puts a block in memory. @returns what checkBlock says of it */
function check(payload: Uint8Array): number {
  const block = writeBlock(payload, BLOCK_DATA, salt, BLOCK_OFFSET)
  k.u8.set(block, blockAt)
  return k.x.checkBlock(k.slot, blockAt, block.length, BLOCK_DATA, saltAt, BLOCK_OFFSET, 0)
}

type Answer = [number, string | undefined]

function answer(status: number): Answer {
  if (status !== STATUS_FOUND) return [status, undefined]
  const at = k.u32[(k.slot + SLOT_POINTER) / 4] as number
  const length = k.u32[(k.slot + SLOT_LENGTH) / 4] as number
  return [status, Buffer.from(k.u8.subarray(at, at + length)).toString('hex')]
}

/** What the block in memory says of a key at S, with and without its hash index. */
function get(payload: Uint8Array, key: Uint8Array, seqno: number): { hashed: Answer; plain: Answer } {
  const input = k.u32[(k.slot + SLOT_INPUT) / 4] as number
  k.u8.set(key, input)
  k.view.setBigUint64(k.slot + SLOT_READ_SEQNO, BigInt(seqno), true)
  const at = blockAt + 16
  const hash = k.x.keyHash(input, key.length)
  const hashed = answer(k.x.blockGetHashed(k.slot, at, payload.length, input, key.length, hash))
  return { hashed, plain: answer(k.x.blockGet(k.slot, at, payload.length, input, key.length)) }
}

function oracle(entries: readonly TableEntry[], key: Uint8Array, seqno: number): Answer {
  const newest = entries
    .filter((entry) => Buffer.compare(entry.key, key) === 0 && entry.seqno < BigInt(seqno))
    .sort(compareEntries)[0]
  if (newest === undefined) return [STATUS_ABSENT, undefined]
  if (newest.type === TYPE_TOMBSTONE) return [STATUS_TOMBSTONE, undefined]
  return [STATUS_FOUND, Buffer.from(newest.value).toString('hex')]
}

const anyKey = fc.oneof(
  fc.uint8Array({ maxLength: 3 }),
  fc.integer({ min: 0, max: 40 }).map((n) => Buffer.from(String(n).padStart(16, '0'))),
  fc
    .tuple(fc.constantFrom(20, 130, 300), fc.nat(9))
    .map(([length, n]) => Buffer.from('k'.repeat(length) + String(n))),
)
const anyBlock = fc
  .array(fc.tuple(anyKey, fc.constantFrom(TYPE_VALUE, TYPE_VALUE, TYPE_TOMBSTONE)), {
    minLength: 1,
    maxLength: 80,
    size: 'max',
  })
  .map((drawn) =>
    drawn
      .map(([key, type], i): TableEntry => {
        const value = type === TYPE_VALUE ? Buffer.from(`value ${i}`) : new Uint8Array(0)
        return { key: Uint8Array.from(key), type, seqno: BigInt(i + 1), value }
      })
      .sort(compareEntries),
  )

describe('hash index of a data block', { timeout: 60_000 }, () => {
  test('says of any key at any S what a search says', () => {
    const shape = fc.record({
      interval: fc.constantFrom(1, 2, 4, 16, 255),
      buckets: fc.constantFrom(1, 2, 7, 50, 110, 2000),
    })
    fc.assert(
      fc.property(
        anyBlock,
        shape,
        fc.array(anyKey, { maxLength: 10 }),
        (entries, { interval, buckets }, more) => {
          const payload = writeEntries(entries, interval, false, buckets)
          expect(check(payload)).toBe(STATUS_OK)
          const keys = [...entries.map(({ key }) => key), ...more.map((key) => Uint8Array.from(key))]
          for (const key of keys) {
            for (const seqno of [1, 2, 1 + (entries.length >> 1), entries.length, entries.length + 1]) {
              const { hashed, plain } = get(payload, key, seqno)
              expect(hashed).toEqual(oracle(entries, key, seqno))
              expect(plain).toEqual(hashed)
            }
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  test('any changed byte of it is refused, or changes no answer', () => {
    const entries = Array.from({ length: 60 }, (_, i): TableEntry => {
      const key = Buffer.from(`key ${String(i >> 1).padStart(4, '0')}`)
      return {
        key: Uint8Array.from(key),
        type: TYPE_VALUE,
        seqno: BigInt(i + 1),
        value: Buffer.from(`v${i}`),
      }
    }).sort(compareEntries)
    const buckets = 40
    const payload = writeEntries(entries, 4, false, buckets)
    const index = payload.length - 32 - buckets
    let refused = 0
    for (let bucket = 0; bucket < buckets; bucket++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = payload.slice()
        changed[index + bucket] = byte
        const status = check(changed)
        if (status !== STATUS_OK) {
          expect(status).toBe(STATUS_MALFORMED)
          refused++
          continue
        }
        for (const { key } of entries) {
          if (hashBucket(key, buckets) !== bucket) continue
          for (const seqno of [1, 20, 61])
            expect(get(changed, key, seqno).hashed).toEqual(oracle(entries, key, seqno))
        }
        expect(get(changed, Buffer.from('absent'), 61).hashed).toEqual([STATUS_ABSENT, undefined])
      }
    }
    // Of 256 values a bucket may have at most its own, a collision, and where it is empty any interval.
    expect(refused).toBeGreaterThan(230 * buckets)
  })

  test('is refused in blocks of more than 253 intervals', () => {
    const entries = (count: number): TableEntry[] =>
      Array.from({ length: count }, (_, i) => ({
        key: Uint8Array.from(Buffer.from(String(i).padStart(5, '0'))),
        type: TYPE_VALUE,
        seqno: 1n,
        value: new Uint8Array(0),
      }))
    expect(check(writeEntries(entries(253), 1, false, 300))).toBe(STATUS_OK)
    expect(check(writeEntries(entries(254), 1, false, 300))).toBe(STATUS_MALFORMED)
  })
})
