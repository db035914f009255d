import { describe, expect, test } from 'vitest'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { openText } from '../api/support.ts'
import { left, PLACES, placed, type Step } from './places.ts'

const steps: Step[] = Array.from({ length: 30 }, (_, i) => [`k${String(i).padStart(2, '0')}`, `${i}`])

describe.each(PLACES)('%s:', (place) => {
  test('a snapshot sees what was there, by get, range and count, over writes, deletions and flushes', async () => {
    const db = await placed(place, steps)
    const snapshot = db.snapshot()
    for (let i = 0; i < 30; i += 2) db.putSync(`k${String(i).padStart(2, '0')}`, 'new')
    for (let i = 1; i < 30; i += 2) db.deleteSync(`k${String(i).padStart(2, '0')}`)
    const check = (): void => {
      expect([...snapshot.rangeSync()]).toEqual(left(steps))
      expect([...snapshot.rangeSync({ reverse: true })]).toEqual(left(steps).toReversed())
      expect(snapshot.countSync()).toBe(30)
      for (const [k, value] of steps) expect(snapshot.getSync(k)).toBe(value)
    }
    check()
    db.flushSync()
    check()
    db.putSync('after', '1')
    db.flushSync()
    check()
    expect(snapshot.hasSync('after')).toBe(false)
    expect(db.countSync()).toBe(16)
    snapshot.close()
    await db.close()
  })

  test('every version of a key is readable by its snapshot, however many there are', async () => {
    const db = await placed(place, steps)
    const snapshots = Array.from({ length: 200 }, (_, i) => {
      if (i % 10 === 9) db.deleteSync('k05')
      else db.putSync('k05', `version ${i}`.padEnd(200, '.'))
      if (i % 60 === 59) db.flushSync()
      return db.snapshot()
    })
    for (const [i, snapshot] of snapshots.entries()) {
      const expected = i % 10 === 9 ? undefined : `version ${i}`.padEnd(200, '.')
      expect(snapshot.getSync('k05')).toBe(expected)
      expect([...snapshot.keysSync({ prefix: 'k05' })].length).toBe(expected === undefined ? 0 : 1)
    }
    for (const snapshot of snapshots) snapshot.close()
    await db.close()
  })
})

test('what was deleted is not resurrected by a snapshot, a flush or a reopen', async () => {
  const files = memoryFileSystem()
  let db = await openText(files)
  db.putSync('a', '1')
  db.flushSync()
  db.deleteSync('a')
  const snapshot = db.snapshot()
  expect(snapshot.getSync('a')).toBeUndefined()
  db.flushSync()
  expect([snapshot.getSync('a'), db.getSync('a')]).toEqual([undefined, undefined])
  snapshot.close()
  await db.close()
  db = await openText(files)
  expect([db.getSync('a'), [...db.keysSync()]]).toEqual([undefined, []])
  await db.close()
})

test('snapshots of one moment are equal; one over an empty database sees nothing, ever', async () => {
  const db = await openText()
  const empty = db.snapshot()
  db.putSync('a', '1')
  const [one, two] = [db.snapshot(), db.snapshot()]
  db.putSync('a', '2')
  one.close()
  expect(two.getSync('a')).toBe('1')
  expect([...empty.rangeSync()]).toEqual([])
  expect(empty.firstSync()).toBeUndefined()
  two.close()
  empty.close()
  await db.close()
})

test('a snapshot is of all keyspaces at one moment, and half a batch is never in it', async () => {
  const db = await openText()
  const other = db.keyspaceSync('other', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  for (let i = 0; i < 50; i++) {
    db.batch().put('id', String(i)).put(other, 'id', String(i)).commitSync()
    const snapshot = db.snapshot()
    if (i % 7 === 0) db.flushSync()
    if (i % 11 === 0) other.flushSync()
    expect([snapshot.getSync('id'), other.at(snapshot).getSync('id')]).toEqual([String(i), String(i)])
    snapshot.close()
  }
  await db.close()
})

test('seqnos go on after a reopen, after tombstones too: newer writes win over what was flushed and journaled', async () => {
  const files = memoryFileSystem()
  let seqno = 0
  for (let round = 0; round < 6; round++) {
    const db = await openText(files)
    expect(db.stats().seqno).toBeGreaterThanOrEqual(seqno)
    expect(db.getSync('k')).toBe(round === 0 || round % 3 === 0 ? undefined : `round ${round - 1}`)
    if (round % 3 === 2) db.deleteSync('k')
    else db.putSync('k', `round ${round}`)
    if (round % 2 === 0) db.flushSync()
    seqno = db.stats().seqno
    await db.close()
  }
})
