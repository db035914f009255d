import { expect, it } from 'vitest'
import { expectCode, openText } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { withSmallLevels } from '../../support/small-compactions.ts'
import { codeOf, keeperOf } from './support.ts'

// A flush whose tables were being synced went on to sync the directory and to name them in the manifest; found by durability-audit.
it('a job that is on its way writes nothing any more after a sync failed elsewhere', async () => {
  const disk = new FaultyFileSystem()
  const db = await openText(disk)
  db.keyspaceSync('x').putSync('a', 'b')
  db.putSync('a', 'b')
  let failedAt = 0
  let dropping = ''
  disk.onOperation = (index, kind, name) => {
    // The table is being synced: meanwhile a change of structure meets a superblock that cannot be.
    if (dropping === '' && kind === 'syncStart' && name.endsWith('.sst')) {
      dropping = 'soon'
      queueMicrotask(() => (dropping = codeOf(() => db.dropKeyspaceSync('x'))))
    }
    if (failedAt > 0 || kind !== 'sync' || !name.startsWith('superblock')) return 'continue'
    failedAt = index
    return { syncFails: 'dropsPages' }
  }
  await expectCode('POISONED', () => db.flush())
  expect(dropping).toBe('POISONED')
  const later = disk.log
    .slice(failedAt + 1)
    .filter(({ kind }) => kind === 'write' || kind === 'syncDirectory')
  expect(later).toEqual([])
  await db.close().catch(() => {})
})

// It was told that something had failed elsewhere, and no more; found by io-errors once syncs of their own took a turn.
it('a write whose sync is under way when something else fails is told what failed', async () => {
  const disk = new FaultyFileSystem()
  const db = await openText(disk)
  db.putSync('a', 'b')
  disk.syncsTakeTurns = true
  const write = db.put('c', 'd', { durability: 'sync' }).catch((error: unknown) => error)
  await Promise.resolve()
  expect(disk.log.at(-1)?.kind).toBe('syncStart')
  disk.onOperation = (_index, kind, name) =>
    kind === 'write' && name.endsWith('.man') ? { error: 'EIO' } : 'continue'
  expect(codeOf(() => db.keyspaceSync('x'))).toBe('POISONED')
  const error = await write
  expect(error).toMatchObject({ code: 'POISONED' })
  expect(String(error)).toContain('.man could not be written')
  await db.close().catch(() => {})
})

// It said DISK_FULL, as if nothing had happened: the first step had poisoned the database by a superblock that it could not write; found by io-errors.
it('a compaction that finds the disk full says so only if the database lives on', async () => {
  const disk = new FaultyFileSystem()
  const db = withSmallLevels(await openText(disk))
  for (let i = 0; i < 40; i++) {
    for (let j = 0; j < 40; j++) db.putSync(`key${(i * 40 + j * 7) % 997}`, `${i} `.repeat(100))
    db.flushSync()
    if (i % 5 === 4 && i < 35) keeperOf(db).compactor.compactOneSync(keeperOf(db).tree(0))
  }
  let isFull = false
  disk.onOperation = (_index, kind, name) => {
    isFull ||= kind === 'write' && name.startsWith('superblock')
    return isFull && (kind === 'write' || kind === 'create') ? { error: 'ENOSPC' } : 'continue'
  }
  expect(codeOf(() => db.compactSync())).toBe(codeOf(() => db.putSync('b', '1')))
  expect(isFull).toBe(true)
  expect(codeOf(() => db.putSync('b', '1'))).toBe('POISONED')
  await db.close().catch(() => {})
})
