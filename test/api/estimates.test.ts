import { describe, expect, it, test } from 'vitest'
import { overlapOf, shareOf, type Overlap } from '../../src/engine/estimate.ts'
import type { RangeBound, RangeSpan } from '../../src/engine/key-span.ts'
import { table } from '../version/support.ts'
import { expectCode, openText, type TextDatabase } from './support.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const gte = (text: string): RangeBound => ({ key: bytes(text), after: false })
const gt = (text: string): RangeBound => ({ key: bytes(text), after: true })
const lt = gte
const lte = gt

describe('how a table from d to m lies to a span', () => {
  const cases: [string, RangeBound | undefined, RangeBound | undefined, Overlap][] = [
    ['all keys', undefined, undefined, 'inside'],
    ['from d', gte('d'), undefined, 'inside'],
    ['above d', gt('d'), undefined, 'partly'],
    ['up to m', undefined, lte('m'), 'inside'],
    ['below m', undefined, lt('m'), 'partly'],
    ['exactly', gte('d'), lte('m'), 'inside'],
    ['around', gte('a'), lt('z'), 'inside'],
    ['within', gte('e'), lt('f'), 'partly'],
    ['over its end', gte('k'), lt('z'), 'partly'],
    ['from its last key', gte('m'), undefined, 'partly'],
    ['above its last key', gt('m'), undefined, 'outside'],
    ['below its first key', undefined, lt('d'), 'outside'],
    ['up to its first key', undefined, lte('d'), 'partly'],
  ]
  test.each(cases)('%s', (_, lower, upper, expected) => {
    const span: RangeSpan = { lower, upper, reverse: false, limit: Infinity, keysOnly: true }
    expect(overlapOf(table(1, 'd', 'm'), span)).toBe(expected)
  })

  test('the share of a file is between 0 and 1, whatever the offsets', () => {
    expect(shareOf(64, 1064, 1064)).toBe(1)
    expect(shareOf(64, 564, 1064)).toBe(0.5)
    expect(shareOf(500, 400, 1064)).toBe(0)
    expect(shareOf(0, 9999, 1064)).toBe(1)
    expect(shareOf(64, 64, 64)).toBe(0)
  })
})

const ENTRIES = 20_000
const key = (i: number): string => `key${String(i).padStart(6, '0')}`

async function filled(flushes: number): Promise<TextDatabase> {
  const db = await openText()
  for (let i = 0; i < ENTRIES; i++) {
    // In an order in which every flush has keys of the whole range.
    db.putSync(key((i * 7919) % ENTRIES), 'v'.repeat(40))
    if (flushes > 0 && (i + 1) % (ENTRIES / flushes) === 0) db.flushSync()
  }
  return db
}

describe('estimates', () => {
  it('of tables are exact for all, and off by less than a block of each table at the edges of a range', async () => {
    const db = await filled(4)
    const { tables, tableBytes } = db.stats().keyspaces[0] as { tables: number; tableBytes: number }
    expect(db.approximateCountSync()).toBe(ENTRIES)
    expect(await db.approximateSize()).toBe(tableBytes)
    const blockEntries = 80
    for (const [from, to] of [
      [0, 5000],
      [5000, 15_000],
      [19_000, 20_000],
    ] as const) {
      const count = db.approximateCountSync({ gte: key(from), lt: key(to) })
      expect(Math.abs(count - (to - from))).toBeLessThan(2 * tables * blockEntries)
      const size = db.approximateSizeSync({ gte: key(from), lt: key(to) })
      expect(size / tableBytes).toBeCloseTo((to - from) / ENTRIES, 1)
    }
    expect(db.approximateCountSync({ gt: key(ENTRIES) })).toBe(0)
    expect(db.approximateSizeSync({ prefix: 'nothing' })).toBe(0)
    // No data block was read for any of this.
    expect(db.stats().cache.data).toEqual({ hits: 0, misses: 0 })
    await db.close()
  })

  it('of memtables are exact for all, and about right for a range', async () => {
    const db = await filled(0)
    expect(db.approximateCountSync()).toBe(ENTRIES)
    expect(db.approximateSizeSync()).toBe(0)
    const count = await db.approximateCount({ gte: key(5000), lt: key(15_000) })
    expect(count).toBeGreaterThan(4000)
    expect(count).toBeLessThanOrEqual(16_000)
    await db.close()
  })

  it('take a deleted entry away, and never less than nothing', async () => {
    const db = await filled(1)
    for (let i = 0; i < 5000; i++) db.deleteSync(key(i))
    db.flushSync()
    expect(db.approximateCountSync()).toBe(ENTRIES - 5000)
    for (let i = 0; i < ENTRIES; i++) db.deleteSync(key(i))
    for (let i = 0; i < ENTRIES; i++) db.deleteSync(key(i))
    db.flushSync()
    expect(db.approximateCountSync()).toBe(0)
    await db.close()
  })

  it('refuse what an estimate does not have', async () => {
    const db = await openText()
    expect(() => db.approximateCountSync({ limit: 5 } as object)).toThrow(TypeError)
    await expect(db.approximateSize({ reverse: true } as object)).rejects.toThrow(TypeError)
    await db.close()
    await expectCode('CLOSED', () => db.approximateCount())
  })
})
