import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { SLOT_BLOCK_CURSOR, TYPE_VALUE } from '../../assembly/memory/layout.ts'
import { anyKey } from './entries.ts'
import { bareInternals, type BareInternals } from './internals.ts'
import { compareEntries, compareKeys, writeEntries, writeHandle, type TableEntry } from './table-format.ts'

const UNSURE = 0xffffffff
const SIZE_BITS = 18n

describe('fences', () => {
  let k: BareInternals
  let cursor: number
  /** Where the payload lies, and a key. */
  let at: number
  let keyAt: number

  beforeAll(async () => {
    k = await bareInternals(32)
    cursor = k.slot + SLOT_BLOCK_CURSOR
    at = k.x.allocatePage() >>> 0
    keyAt = k.x.allocatePage() >>> 0
  })

  /** Separators in order; the handle of entry i has offset 4,096 · i + `base` and size 30 + i. */
  function indexOf(keys: readonly [Uint8Array, bigint][], base = 0): TableEntry[] {
    let size = 0
    return keys
      .map(([key, seqno]) => ({ key, type: TYPE_VALUE, seqno, value: new Uint8Array(0) }))
      .sort(compareEntries)
      .filter(({ key }) => (size += key.length + 64) < 130_000)
      .map((entry, i) => ({ ...entry, value: writeHandle(base + 4096 * i, 30 + i) }))
  }

  function create(entries: TableEntry[], interval: number, isRoot: boolean): number {
    const payload = writeEntries(entries, interval, true)
    k.u8.set(payload, at)
    return k.x.fencesCreate(cursor, at, payload.length, isRoot ? 1 : 0) >>> 0
  }

  function find(fences: number, key: Uint8Array): number {
    k.u8.set(key, keyAt)
    return k.x.fencesFind(fences, keyAt, key.length) >>> 0
  }

  const anyIndex = fc
    .tuple(
      fc.uint8Array({ maxLength: 20 }),
      fc.uniqueArray(fc.tuple(anyKey, fc.oneof(fc.constant(0n), fc.bigInt(1n, 30n))), {
        minLength: 1,
        maxLength: 60,
        size: 'max',
        selector: ([key, seqno]) => `${Buffer.from(key).toString('hex')}/${seqno}`,
      }),
    )
    .map(([prefix, separators]) => ({
      prefix,
      entries: indexOf(separators.map(([key, seqno]) => [Buffer.concat([prefix, key]), seqno])),
    }))

  test('find the first separator above a key, or say that they cannot tell', () => {
    fc.assert(
      fc.property(
        anyIndex,
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        fc.array(anyKey, { maxLength: 10 }),
        ({ prefix, entries }, interval, isRoot, others) => {
          const fences = create(entries, interval, isRoot)
          expect(fences).not.toBe(0)
          const near = entries.flatMap(({ key }) => [
            key,
            Buffer.concat([key, Buffer.of(0)]),
            key.subarray(0, -1),
          ])
          const keys = [...near, ...others, ...others.map((key) => Buffer.concat([prefix, key]))]
          for (const key of keys) {
            const found = find(fences, key)
            if (found === UNSURE) continue
            const expected = entries.findIndex((entry) => compareKeys(entry.key, key) >= 0)
            expect(found).toBe(expected)
            expect(compareKeys((entries[found] as TableEntry).key, key)).toBeGreaterThan(0)
            const handle = BigInt.asUintN(64, k.x.fenceHandle(fences, found))
            expect(handle).toBe((BigInt(4096 * found) << SIZE_BITS) | BigInt(30 + found))
          }
          k.x.fencesFree(fences, isRoot ? 1 : 0)
        },
      ),
    )
  })

  test('can tell of every key that is no separator, where 8 bytes tell the separators apart', () => {
    const key = (i: number): Uint8Array => Buffer.from(String(i).padStart(16, '0'))
    const entries = indexOf(Array.from({ length: 200 }, (_, i) => [key(1_000_000 + 35 * i), 0n]))
    const fences = create(entries, 4, false)
    for (let i = 1_000_000 - 40; i < 1_000_000 + 35 * 199; i++) {
      const expected = Math.max(0, Math.ceil((i - 1_000_000) / 35))
      expect(find(fences, key(i))).toBe(i >= 1_000_000 && i % 35 === 1_000_000 % 35 ? UNSURE : expected)
    }
    expect(find(fences, key(1_000_000 + 35 * 199 + 1))).toBe(UNSURE)
    expect(find(fences, Buffer.from('1'))).toBe(UNSURE)
    expect(find(fences, Buffer.from('00'))).toBe(0)
    k.x.fencesFree(fences, 0)
  })

  test('of a root index have a word for each index block, found by its offset, and free what it names', () => {
    const entries = indexOf([
      [Buffer.from('a'), 0n],
      [Buffer.from('b'), 0n],
    ])
    const root = create(entries, 1, true)
    const children = [0n, 4096n].map((offset) => k.x.fenceChildAt(root, offset) >>> 0)
    expect(children[1]).toBe((children[0] as number) + 4)
    expect(k.x.fenceChildAt(root, 1n)).toBe(0)
    for (const child of children) expect(k.u32[child >>> 2]).toBe(0)
    const inner = create(entries, 1, false)
    k.u32[(children[1] as number) >>> 2] = inner
    k.x.fencesFree(root, 1)
    // Last in, first out.
    expect(k.x.allocateRecord(64) >>> 0).toBe(root)
    expect(k.x.allocateRecord(64) >>> 0).toBe(inner)
  })

  test('are not made for offsets that do not fit, nor where they would not fit a page', () => {
    const far = indexOf([[Buffer.from('a'), 0n]], 2 ** 46)
    expect(create(far, 1, false)).toBe(0)
    const near = indexOf([[Buffer.from('a'), 0n]], 2 ** 46 - 1)
    expect(create(near, 1, false)).not.toBe(0)
    const many = Array.from({ length: 7000 }, (_, i): TableEntry => {
      const key = Buffer.alloc(2)
      key.writeUInt16BE(i)
      return { key, type: TYPE_VALUE, seqno: 0n, value: writeHandle(4096 * i, 30) }
    })
    expect(create(many, 16, true)).toBe(0)
    expect(create(many, 16, false)).not.toBe(0)
  })
})
