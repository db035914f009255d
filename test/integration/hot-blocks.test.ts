import { expect, it } from 'vitest'
import { openText } from '../api/support.ts'

const numbered = (i: number): string => String(i).padStart(8, '0')

it('what was read before a compaction is found in the cache after it, and what was not is not put there', async () => {
  const db = await openText(undefined, { memoryLimit: 64 * 2 ** 20 })
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 40_000; i++) db.putSync(numbered(i), `${round} ${'x'.repeat(100)}`)
    db.flushSync()
  }
  const readAll = (): number => {
    const before = db.stats().cache.data.misses
    for (let i = 10_000; i < 20_000; i++) db.getSync(numbered(i))
    return db.stats().cache.data.misses - before
  }
  const cold = readAll()
  expect(cold).toBeGreaterThan(200)
  expect(readAll()).toBe(0)
  const blocks = db.stats().cache.blocks
  db.compactSync()
  // The blocks of the inputs and those that took their place.
  expect(db.stats().cache.blocks).toBeLessThan(blocks * 2.2)
  expect(readAll()).toBeLessThan(cold / 20)
  expect(db.getSync(numbered(15_000))).toBe(`1 ${'x'.repeat(100)}`)
  await db.close()
})
