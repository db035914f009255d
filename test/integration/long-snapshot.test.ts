import { describe, expect, it } from 'vitest'
import { openText } from '../api/support.ts'
import { freePages } from './regressions/support.ts'

const KEYS = 200
const key = (i: number): string => `key${String(i).padStart(4, '0')}`

describe('a snapshot held over many flushes', () => {
  it('reads exactly what it saw, by get and by range, both ways', async () => {
    const db = await openText()
    for (let i = 0; i < KEYS; i++) db.putSync(key(i), `first ${i}`)
    db.deleteSync(key(3))
    const snapshot = db.snapshot()
    const expected = Array.from({ length: KEYS }, (_, i) => [key(i), `first ${i}`]).filter(
      ([name]) => name !== key(3),
    )
    for (let rotation = 0; rotation < 12; rotation++) {
      for (let i = rotation % 2; i < KEYS; i += 2) {
        if (i % 10 === rotation % 10) db.deleteSync(key(i))
        else db.putSync(key(i), `rotation ${rotation}`)
      }
      db.putSync(`new${rotation}`, 'v')
      db.flushSync()
      expect([...snapshot.rangeSync()]).toEqual(expected)
      expect([...snapshot.rangeSync({ reverse: true })]).toEqual(expected.toReversed())
      for (let i = 0; i < KEYS; i += 17)
        expect(snapshot.getSync(key(i))).toBe(i === 3 ? undefined : `first ${i}`)
      expect(snapshot.hasSync(`new${rotation}`)).toBe(false)
    }
    expect(db.stats().keyspaces[0]).toMatchObject({ tables: 12, memtables: 0 })
    snapshot.close()
    await db.close()
  })

  it('keeps no flushed memtable in memory', async () => {
    const db = await openText()
    const fill = (round: number): void => {
      for (let i = 0; i < 40; i++) db.putSync(key(i), `${round} `.repeat(5000))
      db.flushSync()
    }
    fill(0)
    const before = freePages(db)
    const snapshot = db.snapshot()
    for (let round = 1; round <= 10; round++) fill(round)
    // What is left of ten flushes of some 800 KB each are their tables' records.
    expect(before - freePages(db)).toBeLessThanOrEqual(1)
    expect(snapshot.getSync(key(7))).toBe('0 '.repeat(5000))
    snapshot.close()
    await db.close()
  })
})
