/** What a flush or a compaction holds goes when it ends. */
import { expect, it } from 'vitest'
import { noPages } from '../../src/kernel/kernel.ts'
import { expectCode, openText } from '../api/support.ts'
import { engineOf, filesEnding, freePages, keeperOf, turn } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'

it('a flush that ends after a compaction leaves no table that nothing names', async () => {
  const fileSystem = new FaultyFileSystem()
  const db = await openText(fileSystem)
  for (const round of ['1', '2']) {
    db.putSync('a', round)
    db.putSync('z', round)
    db.flushSync()
  }
  for (let i = 0; i < 20_000; i++) db.putSync(String(i), 'x'.repeat(20))
  const flush = db.flush()
  // Its first slice.
  await turn()
  const { compactor, trees } = keeperOf(db)
  const tree = [...trees.values()][0]
  compactor.compactRangeSync(tree as NonNullable<typeof tree>, { lower: undefined, upper: undefined })
  await flush
  expect(filesEnding(fileSystem, '.sst').length).toBe(db.stats().keyspaces[0]?.tables)
  await db.close()
})

it('a job that finds no memory for the S of the ranges gives back what it had', async () => {
  const db = await openText(new FaultyFileSystem())
  for (const round of ['1', '2']) {
    db.putSync('a', round)
    db.flushSync()
  }
  const { snapshots } = engineOf(db)
  const beginDropping = snapshots.beginDropping.bind(snapshots)
  const failing = (): never => {
    throw noPages()
  }
  const before = freePages(db)
  snapshots.beginDropping = failing
  for (let i = 0; i < 3; i++) await expectCode('NO_MEMORY', () => db.compactSync())
  expect(freePages(db)).toBe(before)
  snapshots.beginDropping = beginDropping
  db.putSync('a', '3')
  const filled = freePages(db)
  snapshots.beginDropping = failing
  for (let i = 0; i < 3; i++) await expectCode('NO_MEMORY', () => db.flushSync())
  expect(freePages(db)).toBe(filled)
  snapshots.beginDropping = beginDropping
  await db.close()
})
