import { expect, test } from 'vitest'
import { openText } from './support.ts'

test('stats() lists open snapshots with what they see and their age, and counts iterators', async () => {
  const db = await openText()
  db.putSync('a', '1')
  expect(db.stats()).toMatchObject({ openReads: 0, openIterators: 0, openSnapshots: [] })
  const first = db.snapshot()
  const seqno = db.stats().seqno
  db.putSync('b', '2')
  await new Promise((resolve) => setTimeout(resolve, 30))
  const second = db.snapshot()
  const range = db.rangeSync()
  range.next()
  const stats = db.stats()
  expect(stats.openSnapshots.map((snapshot) => snapshot.seqno)).toEqual([seqno, seqno + 1])
  expect(stats.openSnapshots[0]?.ageMs).toBeGreaterThanOrEqual(25)
  expect(stats.openSnapshots[1]?.ageMs).toBeLessThan(stats.openSnapshots[0]?.ageMs as number)
  expect([stats.openReads, stats.openIterators]).toEqual([3, 1])
  first.close()
  range.return()
  expect(db.stats()).toMatchObject({ openReads: 1, openIterators: 0 })
  expect(db.stats().openSnapshots.map((snapshot) => snapshot.seqno)).toEqual([seqno + 1])
  second.close()
  await db.close()
})

test('thousands of snapshots, closed in any order and after the database too', async () => {
  const db = await openText()
  const snapshots = Array.from({ length: 3000 }, (_, i) => {
    db.putSync('k', String(i))
    return db.snapshot()
  })
  for (let i = 0; i < 3000; i += 7) snapshots[i]?.close()
  expect(db.stats().openSnapshots.length).toBe(3000 - Math.ceil(3000 / 7))
  expect(snapshots[1000]?.getSync('k')).toBe('1000')
  await db.close()
  for (const snapshot of snapshots) snapshot.close()
})
