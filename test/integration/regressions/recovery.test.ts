import { expect, it } from 'vitest'
import { openText } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { turn } from './support.ts'

// Nothing was compacted after a recovery until something was flushed again; found by kill9.
it('what a killed process left to be compacted does not wait for the next flush', async () => {
  const disk = new FaultyFileSystem()
  const killed = await openText(disk)
  for (let i = 0; i < 4; i++) {
    for (const key of ['a', 'b', 'c']) killed.putSync(key, `${i}`)
    killed.flushSync()
  }
  const db = await openText(disk.crashImage('keepAll', Math.random))
  for (let i = 0; i < 1000 && db.stats().keyspaces[0]?.tables !== 1; i++) await turn()
  expect(db.stats().keyspaces[0]).toMatchObject({ tables: 1, compactions: 1 })
  expect(db.getSync('a')).toBe('3')
  await db.close()
  await killed.close()
})
