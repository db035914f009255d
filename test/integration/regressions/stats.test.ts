import { expect, it } from 'vitest'
import { openText } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { turn } from './support.ts'

// The score of a level was 0 while it was compacted, so who waited for scores below 1 went on too early; found by the macro benches.
it('a level needs its compaction until that has ended', async () => {
  const db = await openText(new FaultyFileSystem())
  for (let i = 0; i < 4; i++) {
    for (let key = 0; key < 20_000; key++) db.putSync(`${key}`, `${i}`)
    db.flushSync()
  }
  const scores: number[] = []
  for (;;) {
    const [keyspace] = db.stats().keyspaces
    if (keyspace === undefined || keyspace.compactions > 0) break
    if (keyspace.levels[0]?.runs === 4) scores.push(keyspace.levels[0].score)
    await turn()
  }
  expect(scores.length).toBeGreaterThan(1)
  expect(Math.min(...scores)).toBe(1)
  await db.close()
})
