import { expect, it } from 'vitest'
import { expectCode, openText } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { codeOf } from './support.ts'

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
