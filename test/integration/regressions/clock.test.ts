/** What a clock that jumps must not change. */
import { afterEach, expect, it, vi } from 'vitest'
import { openOn } from '../../../src/api/open.ts'
import { memoryFileSystem } from '../../../src/fs/memory.ts'

afterEach(() => vi.restoreAllMocks())

// Found by the torture program metamorphic, seed 1: tables were put in order by the time of their creation.
it('a FIFO keyspace drops its oldest entries though the clock was set back', async () => {
  const db = await openOn(memoryFileSystem(), {
    keyEncoding: 'utf8',
    compaction: { strategy: 'fifo', sizeLimit: 6000 },
  })
  for (const key of ['1', '2', '3']) {
    db.putSync(key, 'x'.repeat(2000))
    db.flushSync()
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now - 86_400_000)
  }
  await db.compact()
  expect([...db.keysSync()]).toEqual(['2', '3'])
  await db.close()
})
