import { expect, test } from 'vitest'
import { openText } from './support.ts'

test('stats().cache counts what reads of tables found and loaded, by kind of block', async () => {
  const db = await openText()
  for (let i = 0; i < 2000; i++) db.putSync(`key${String(i).padStart(5, '0')}`, 'v'.repeat(50))
  expect(db.getSync('key00007')).toBeDefined()
  const before = db.stats().cache
  expect([before.blocks, before.bytes, before.data.misses, before.index.misses]).toEqual([0, 0, 0, 0])
  db.flushSync()
  for (let i = 0; i < 2000; i++) expect(db.getSync(`key${String(i).padStart(5, '0')}`)).toBeDefined()
  const { cache } = db.stats()
  // Every data block was loaded once; every read after that found it.
  expect(cache.data.hits + cache.data.misses).toBe(2000)
  expect(cache.data.misses).toBeGreaterThan(20)
  expect(cache.data.misses).toBeLessThan(50)
  // The index block is looked for only by reads that its fences cannot tell: of keys that are separators.
  expect(cache.index.misses).toBe(2)
  expect(cache.index.hits).toBeLessThan(2 * cache.data.misses)
  expect(cache.blocks).toBe(cache.data.misses + 1)
  expect(cache.evictions).toBe(0)
  expect(cache.bytes).toBeGreaterThan(0)
  expect(cache.bytes).toBeLessThanOrEqual(cache.limitBytes)
  await db.close()
})
