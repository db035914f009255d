import { keeperOf } from '../integration/regressions/support.ts'
import { describe, expect, it } from 'vitest'
import type { KeyspaceStats } from '../../src/index.ts'
import { openText, type TextDatabase } from '../api/support.ts'
import { expectExactly, type History, numbered, states } from './states.ts'

function figures(db: TextDatabase): KeyspaceStats {
  return db.stats().keyspaces[0] as KeyspaceStats
}

const history: History = [
  [
    ['a', '1'],
    ['b', '1'],
    ['a', '2'],
  ],
  [
    ['b', undefined],
    ['a', '3'],
  ],
  [
    ['c', '1'],
    ['never', undefined],
  ],
]
const versions = history.flat().length

describe.each(states)('entries, $name', ({ build }) => {
  it('are counted with all their versions and deletions, and as many keys as are there', async () => {
    const db = await build(history)
    const { memtableEntries, tableEntries } = figures(db)
    // A flush drops versions that nobody can ask for.
    if (tableEntries === 0) expect(memtableEntries).toBe(versions)
    else expect(memtableEntries + tableEntries).toBeLessThanOrEqual(versions)
    expect([...db.keysSync()].length).toBe(2)
    db.flushSync()
    expect(figures(db).memtableEntries).toBe(0)
    expect(figures(db).tableEntries).toBeLessThanOrEqual(memtableEntries + tableEntries)
    expect(figures(db).tableEntries).toBeGreaterThanOrEqual(2)
    expect([...db.keysSync()].length).toBe(2)
    await db.close()
  })

  it('have a seqno each, one after the other', async () => {
    const db = await build(history)
    const seqno = db.stats().seqno
    db.putSync('d', '1')
    db.deleteSync('d')
    db.deleteSync('never')
    db.batch().put('e', '1').delete('e').put('e', '2').commitSync()
    expect(db.stats().seqno).toBe(seqno + 6)
    db.flushSync()
    db.getSync('a')
    db.snapshot().close()
    expect(db.stats().seqno).toBe(seqno + 6)
    await db.close()
  })

  it('keep their tombstones through a flush as long as something older lies below', async () => {
    const db = await build([
      [
        ['a', 'old'],
        ['b', 'old'],
      ],
      [['a', undefined]],
    ])
    for (let round = 0; round < 3; round++) {
      db.flushSync()
      expectExactly(db, [['b', 'old']], ['a'])
      db.putSync('b', 'old')
    }
    await db.close()
  })
})

describe('a memtable', () => {
  it('is accounted for while it is filled, and is nothing after its flush', async () => {
    const db = await openText()
    expect(figures(db)).toMatchObject({ memtables: 0, memtableBytes: 0, memtableEntries: 0 })
    let bytes = 0
    for (let i = 1; i <= 5000; i++) {
      db.putSync(numbered(i % 100), 'x'.repeat(100))
      const { memtableBytes, memtableEntries } = figures(db)
      expect(memtableEntries).toBe(i)
      expect(memtableBytes).toBeGreaterThanOrEqual(Math.max(bytes, 106 * i))
      expect(memtableBytes).toBeLessThanOrEqual(4 * 131_072 + 256 * i)
      bytes = memtableBytes
    }
    db.flushSync()
    expect(figures(db)).toMatchObject({ memtables: 0, memtableBytes: 0, memtableEntries: 0, tables: 1 })
    await db.close()
  })

  it('that is full is sealed and flushed, in one turn and in the background, and nothing is missing', async () => {
    const db = await openText(undefined, { memtableSize: 8192 })
    const write = (from: number): void => {
      for (let i = from; i < from + 2000; i++) db.putSync(numbered((i * 7919) % 4000), `value ${i}`)
    }
    write(0)
    expect(figures(db).tables).toBeGreaterThan(1)
    write(2000)
    for (let i = 0; figures(db).memtables > 1; i++) {
      expect(i).toBeLessThan(1000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(figures(db).tables).toBeGreaterThan(0)
    expect(figures(db).memtableEntries + figures(db).tableEntries).toBe(4000)
    expectExactly(
      db,
      Array.from({ length: 4000 }, (_, i) => i)
        .map((i): [string, string] => [numbered((i * 7919) % 4000), `value ${i}`])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    )
    await db.close()
  })

  it('gives its memory back: filling and flushing again and again ends with the same free memory', async () => {
    const db = await openText()
    const free: number[] = []
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 2000; i++) db.putSync(numbered(i), `${round} ${'x'.repeat(200)}`)
      db.putSync('large', 'y'.repeat(500_000))
      for (let i = 0; i < 2000; i += 2) db.deleteSync(numbered(i))
      if (round % 2 === 0) db.flushSync()
      else await db.flush()
      // A compaction in the background has pages of its own until it ends.
      while (keeperOf(db).compactor.request()) await new Promise((resolve) => setImmediate(resolve))
      free.push(db.stats().memoryFreeBytes)
    }
    expect(new Set(free).size).toBe(1)
    await db.close()
  })

  it('of one key written again and again holds memory within bounds', async () => {
    const db = await openText(undefined, { memtableSize: 262_144 })
    const value = 'x'.repeat(1000)
    for (let i = 0; i < 20_000; i++) db.putSync('k', `${value}${i}`)
    expect(figures(db).memtables).toBeLessThanOrEqual(5)
    expect(figures(db).memtableBytes).toBeLessThanOrEqual(8 * 1048576)
    expectExactly(db, [['k', `${value}19999`]])
    await db.close()
  })

  it('is readable by every read while a flush of it is under way', async () => {
    const db = await openText()
    const entries = Array.from({ length: 5000 }, (_, i): [string, string] => [numbered(i), `value ${i}`])
    for (const [key, value] of entries) db.putSync(key, value)
    const flush = db.flush()
    let ended = false
    void flush.then(() => (ended = true))
    let looks = 0
    while (!ended) {
      expect(db.getSync(numbered(looks % 5000))).toBe(`value ${looks % 5000}`)
      expect(db.firstSync({ gt: numbered(2499) })).toEqual([numbered(2500), 'value 2500'])
      looks++
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(looks).toBeGreaterThan(0)
    expectExactly(db, entries)
    await db.close()
  })
})
