/** abstract-level's own suite on databases of a browser: each test of it is one here. */
import suite from 'abstract-level/test'
import { describe, expect, test } from 'vitest'
import { VarveLevel } from '../../src/level/index.ts'
import { AssertionCount, tapeOn } from '../level/tape-shim.ts'

/** The suite leaves some open, each with a worker and its memory; the oldest are closed. */
const OPEN_MAX = 60

export function levelSuite(name: string, least: number): void {
  const count = new AssertionCount()
  const prefix = `level-${crypto.randomUUID()}`
  const open: VarveLevel[] = []
  let databases = 0
  describe(name, () => {
    suite({
      test: tapeOn(count),
      factory: (options) => {
        const db = new VarveLevel(`${prefix}/${databases++}`, options)
        open.push(db)
        if (open.length > OPEN_MAX) void closeQuietly(open.shift())
        return db
      },
    })
    test('all assertions were made', async () => {
      await Promise.all(open.map(closeQuietly))
      console.log(`abstract-level's suite: ${count.tests} tests, ${count.assertions} assertions`)
      expect(count.assertions).toBeGreaterThanOrEqual(least)
    })
  })
}

/** NOTE: what a test that is over listens for does not concern it any more. */
async function closeQuietly(db: VarveLevel | undefined): Promise<void> {
  db?.removeAllListeners()
  await db?.close().catch(() => undefined)
}
