import { expect, test } from 'vitest'
import { expectCode, openText } from '../api/support.ts'
import { filesEnding } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'

test('a block that comes back into the cache is checked again: what changed on disk meanwhile is CORRUPT', async () => {
  const disk = new FaultyFileSystem()
  const db = await openText(disk)
  const key = (i: number): string => `key${String(i).padStart(6, '0')}`
  // More than the cache can hold.
  for (let i = 0; i < 25_000; i++) db.putSync(key(i), 'v'.repeat(1000))
  db.flushSync()
  expect(db.countSync()).toBe(25_000)
  expect(db.countSync()).toBe(25_000)
  const { data, evictions } = db.stats().cache
  expect(evictions).toBeGreaterThan(1000)
  expect(data.misses).toBeGreaterThan(25_000 / 4)
  // Every block was loaded and walked; most are out again.
  const file = filesEnding(disk, '.sst').sort()[0] as string
  const flip = (): void => {
    for (let offset = 700; offset < 1_000_000; offset += 10_000) disk.flipBits(file, offset)
  }
  flip()
  const error = await expectCode('CORRUPT', () => db.countSync())
  expect(error.file).toBe(file)
  flip()
  expect(db.countSync()).toBe(25_000)
  await db.close()
})
