import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareKeys } from '../../src/bytes.ts'
import { Version, type TableInfo } from '../../src/version/version.ts'
import { table } from './support.ts'

function ids(version: Version): number[][] {
  return version.runs.map((run) => run.map(({ id }) => id))
}

describe('compareKeys', () => {
  it('orders as Buffer.compare does', () => {
    const key = fc.uint8Array({ maxLength: 4 })
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(a, b))
      }),
    )
  })
})

describe('Version', () => {
  it('orders runs from new to old, and tables of a run by key', () => {
    const version = Version.of([
      table(1, 'a', 'b', { level: 1, run: 0 }),
      table(2, 'e', 'f', { level: 1, run: 0 }),
      table(3, 'c', 'd', { level: 1, run: 0 }),
      table(4, 'a', 'z', { level: 0, run: 4 }),
      table(5, 'a', 'z', { level: 0, run: 9 }),
      table(6, 'a', 'z', { level: 6, run: 1 }),
    ])
    expect(ids(version)).toEqual([[5], [4], [1, 3, 2], [6]])
    expect(version.tableCount).toBe(6)
    expect([...version.tables()].map(({ id }) => id)).toEqual([5, 4, 1, 3, 2, 6])
  })

  it('never changes', () => {
    const [a, b] = [table(1, 'a', 'b', { run: 0 }), table(2, 'c', 'd', { run: 0 })]
    const before = Version.of([a, b])
    const after = before.withTables([table(3, 'e', 'f', { run: 0 }), table(4, 'a', 'b', { run: 5 })], [a])
    expect(ids(before)).toEqual([[1, 2]])
    expect(ids(after)).toEqual([[4], [2, 3]])
    expect(ids(after.withTables([], [...after.tables()]))).toEqual([])
    expect(ids(Version.empty)).toEqual([])
  })

  it('lets a table change its run', () => {
    const old = table(1, 'a', 'b')
    const moved = { ...old, level: 3, run: 0 }
    expect(ids(Version.of([old, table(2, 'a', 'z')]).withTables([moved], [old]))).toEqual([[2], [1]])
  })

  it('refuses tables of a run that share a key', () => {
    const base = Version.of([table(1, 'c', 'e', { run: 0 }), table(2, 'k', 'm', { run: 0 })])
    for (const [from, to] of [
      ['a', 'c'],
      ['e', 'f'],
      ['d', 'd'],
      ['a', 'z'],
      ['f', 'k'],
      ['c', 'e'],
    ] as const) {
      expect(() => base.withTables([table(3, from, to, { run: 0 })], [])).toThrow(RangeError)
    }
    expect(ids(base.withTables([table(3, 'f', 'j', { run: 0 })], []))).toEqual([[1, 3, 2]])
  })

  it('refuses to remove what is not there', () => {
    const base = Version.of([table(1, 'a', 'b')])
    expect(() => base.withTables([], [table(2, 'a', 'b', { run: 1 })])).toThrow(RangeError)
    expect(() => base.withTables([], [table(1, 'a', 'b', { run: 2 })])).toThrow(RangeError)
    expect(() => base.withTables([], [table(1, 'a', 'b'), table(1, 'a', 'b')])).toThrow(RangeError)
    expect(() => Version.empty.withTables([], [table(1, 'a', 'b')])).toThrow(RangeError)
  })

  it('is the same whatever the order of changes', () => {
    const cells = fc.uniqueArray(fc.tuple(fc.nat(2), fc.nat(2), fc.nat(20)), {
      selector: String,
      maxLength: 30,
    })
    fc.assert(
      fc.property(cells, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), (places, removals) => {
        const tables = places.map(([level, run, at], i): TableInfo => {
          const key = String.fromCharCode(65 + at)
          return table(i + 1, key, `${key}x`, { level, run })
        })
        const removed = tables.filter((_, i) => removals[i])
        const kept = tables.filter((_, i) => !removals[i])
        let stepwise = Version.empty
        for (const each of tables) stepwise = stepwise.withTables([each], [])
        for (const each of removed) stepwise = stepwise.withTables([], [each])
        const sorted = [...kept].sort((a, b) => b.id - a.id)
        expect(stepwise.runs).toEqual(Version.of(sorted).runs)
        expect(Version.of(tables).withTables([], removed).runs).toEqual(stepwise.runs)
      }),
    )
  })
})
