/** Compactions beside SuperVersions that only snapshots read (docs/compaction.md, "Erasing"). */
import { describe, expect, it } from 'vitest'
import { openText } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'

describe('a snapshot older than a dropRange', () => {
  it('keeps a table that was moved together with one that the range cut, and merged later', async () => {
    const db = await openText(new FaultyFileSystem())
    db.putSync('a', '1')
    db.flushSync()
    db.putSync('m', '1')
    db.putSync('n', '1')
    db.flushSync()
    const snapshot = db.snapshot()
    db.dropRangeSync({ gte: 'n' })
    db.compactSync()
    db.putSync('a', '2')
    db.compactSync()
    expect([...snapshot.rangeSync()]).toEqual([
      ['a', '1'],
      ['m', '1'],
      ['n', '1'],
    ])
    snapshot.close()
    expect([...db.rangeSync()]).toEqual([
      ['a', '2'],
      ['m', '1'],
    ])
    await db.close()
  })

  it('does not stop a compaction whose output lies where the range was', async () => {
    const db = await openText(new FaultyFileSystem())
    db.putSync('d', '1')
    db.putSync('e', '1')
    db.compactSync()
    for (const round of ['1', '2']) {
      db.putSync('a', round)
      db.putSync('b', round)
      db.flushSync()
      db.putSync('y', round)
      db.putSync('z', round)
      db.flushSync()
    }
    const snapshot = db.snapshot()
    const before = [...snapshot.rangeSync()]
    db.dropRangeSync({ gte: 'c', lt: 'x' })
    db.compactSync()
    expect([...snapshot.rangeSync()]).toEqual(before)
    snapshot.close()
    expect([...db.keysSync()]).toEqual(['a', 'b', 'y', 'z'])
    await db.close()
  })
})
