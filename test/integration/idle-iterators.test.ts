/** Iterators in the middle of their ranges lose their pages when memory runs short, and read on as if nothing had been. */
import { describe, expect, it } from 'vitest'
import type { Slice } from '../../src/api/slice.ts'
import { copied } from '../model/reading.ts'
import { expectCode, openBytes, openText } from '../api/support.ts'
import { engineOf, freePages } from './regressions/support.ts'

const ITERATORS = 500

function keyOf(i: number): string {
  return `k${String(i).padStart(5, '0')}`
}

describe('idle iterators', () => {
  it('never stop writes, and continue exactly', { timeout: 180_000 }, async () => {
    const db = await openText()
    const entries: [string, string][] = []
    for (let i = 0; i < 150; i++) {
      const value = i % 47 === 5 ? 'L'.repeat(40_000 + i) : `v${i}`.repeat(1 + (i % 60))
      db.putSync(keyOf(i), value)
      entries.push([keyOf(i), value])
    }
    const snapshot = db.snapshot()
    const iterators = Array.from({ length: ITERATORS }, (_, i) => {
      const reverse = i % 3 === 0
      const limit = i % 7 === 0 ? 30 + (i % 90) : Infinity
      const options = { reverse, limit, gte: keyOf(i % 50), ...(i % 2 === 0 ? { snapshot } : {}) }
      const expected = entries.slice(i % 50)
      if (reverse) expected.reverse()
      const range = i % 5 === 4 ? db.rangeSync({ ...options, slices: true }) : db.rangeSync(options)
      return { range: range as Iterator<unknown, unknown>, expected: expected.slice(0, limit), position: 0 }
    })
    const step = (iterator: (typeof iterators)[number], steps: number): void => {
      for (let n = 0; n < steps; n++) {
        const { value, done } = iterator.range.next()
        const expected = iterator.expected[iterator.position++]
        if (done === true) expect(expected).toBeUndefined()
        else {
          const [key, content] = value as [string | Slice, string | Slice]
          expect([String(key), String(content)]).toEqual(expected)
        }
      }
    }
    for (const [i, iterator] of iterators.entries()) step(iterator, 1 + (i % 20))
    expect(db.stats().openReads).toBe(ITERATORS + 1)

    const value = 'w'.repeat(10_000)
    for (let i = 0; i < 10_000; i++) {
      if (i % 2 === 0) db.putSync(keyOf(i % 2000), value)
      else await db.put(keyOf(i % 2000), value)
      if (i % 100 === 0) step(iterators[(i / 100) % ITERATORS] as (typeof iterators)[number], 3)
    }
    // Their pages did not starve the memtables: no flood of tiny tables.
    expect(db.stats().keyspaces[0]?.tables).toBeLessThan(300)
    for (const iterator of iterators) step(iterator, iterator.expected.length - iterator.position + 1)
    expect(db.stats().openReads).toBe(1)
    expect(engineOf(db).cursorPages.pages).toBe(0)
    snapshot.close()
    await db.close()
  })

  it('keep the slices of their step: copied when the page goes, in place once a view was taken', async () => {
    const db = await openBytes()
    for (let i = 0; i < 300; i++) db.putSync(keyOf(i), `value ${i}`)
    const plain = db.rangeSync({ slices: true })
    const viewed = db.rangeSync({ slices: true })
    const [plainKey, plainValue] = plain.next().value as [Slice, Slice]
    const [viewedKey, viewedValue] = viewed.next().value as [Slice, Slice]
    const view = viewedValue.bytes
    const { cursorPages } = engineOf(db)
    cursorPages.release(10)
    expect(cursorPages.pages).toBe(1)
    for (let i = 0; i < 20; i++) db.rangeSync({ reverse: true }).next()
    expect([String(plainKey), String(plainValue), plainValue.length]).toEqual([keyOf(0), 'value 0', 7])
    expect(new TextDecoder().decode(plainValue.bytes)).toBe('value 0')
    expect([String(viewedKey), String(viewedValue)]).toEqual([keyOf(0), 'value 0'])
    expect(Buffer.from(view).toString()).toBe('value 0')
    expect(copied(plain.next().value)).toEqual(copied(viewed.next().value))
    await expectCode('STALE_SLICE', () => plainValue.bytes)
    await expectCode('STALE_SLICE', () => viewedValue.bytes)
    // Another step, and the second page can go as well.
    cursorPages.release(100)
    expect(cursorPages.pages).toBe(0)
    expect([...plain].length).toBe(298)
    expect([...viewed].length).toBe(298)
  })

  it('lose their pages in turn: those in use keep theirs', async () => {
    const db = await openText()
    for (let i = 0; i < 300; i++) db.putSync(keyOf(i), 'v'.repeat(100))
    const [idle, used, other] = [db.rangeSync(), db.keysSync(), db.valuesSync()]
    for (const range of [idle, used, other]) range.next()
    const { cursorPages } = engineOf(db)
    const free = freePages(db)
    cursorPages.release(0)
    expect(cursorPages.pages).toBe(3)
    cursorPages.release(1)
    expect([cursorPages.pages, freePages(db)]).toEqual([2, free + 1])
    used.next()
    cursorPages.release(1)
    expect([cursorPages.pages, freePages(db)]).toEqual([1, free + 2])
    // The one that was stepped is the one that is left: its next steps need no page.
    used.next()
    expect(freePages(db)).toBe(free + 2)
    expect([...idle].length + [...used].length + [...other].length).toBe(299 + 297 + 299)
    expect(cursorPages.pages).toBe(0)
    expect(freePages(db)).toBe(free + 3)
  })
})
