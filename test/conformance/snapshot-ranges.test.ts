/** A range reads at the S of its snapshot to its end, whenever the snapshot ends. */
import { describe, expect, it } from 'vitest'
import { openText } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'

describe('an iterator of a snapshot that is closed before it', () => {
  it('goes on with what was there, though something was dropped between the snapshot and it', async () => {
    const db = await openText(new FaultyFileSystem())
    const keys = Array.from({ length: 500 }, (_, i) => String(i).padStart(4, '0'))
    for (const key of keys) db.putSync(key, 'old')
    const snapshot = db.snapshot()
    db.putSync('x', 'x')
    db.flushSync()
    const iterator = snapshot.rangeSync()
    expect(iterator.next().value).toEqual(['0000', 'old'])
    for (const key of keys) db.putSync(key, 'new')
    snapshot.close()
    db.compactSync()
    expect([...iterator].filter(([, value]) => value === 'old').length).toBe(499)
    await db.close()
  })

  it('goes on with what was there, though it did not begin before', async () => {
    const db = await openText(new FaultyFileSystem())
    db.putSync('a', 'old')
    const snapshot = db.snapshot()
    db.putSync('a', 'new')
    db.flushSync()
    const iterator = snapshot.rangeSync()
    snapshot.close()
    db.compactSync()
    expect([...iterator]).toEqual([['a', 'old']])
    db.compactSync()
    expect(db.stats().openReads).toBe(0)
    await db.close()
  })

  it('gives its page to a write that needs it', async () => {
    const db = await openText(new FaultyFileSystem(), { memoryLimit: 16_777_216 })
    for (let i = 0; i < 1000; i++) db.putSync(String(i).padStart(4, '0'), 'old')
    const snapshot = db.snapshot()
    db.flushSync()
    db.putSync('x', 'x')
    db.flushSync()
    const iterators = Array.from({ length: 200 }, () => {
      const iterator = snapshot.rangeSync()
      iterator.next()
      return iterator
    })
    for (let i = 0; i < 300; i++) db.putSync(`y${i}`, 'x'.repeat(10_000))
    for (const iterator of iterators) expect(iterator.next().value).toEqual(['0001', 'old'])
    for (const iterator of iterators) iterator.return?.()
    snapshot.close()
    await db.close()
  })
})
