/** abstract-level's own suite on databases of a browser: each test of it is one here. */
import suite from 'abstract-level/test'
import { describe, expect, test } from 'vitest'
import { VarveLevel } from '../../src/level/index.ts'
import { AssertionCount, tapeOn } from '../level/tape-shim.ts'

export function levelSuite(name: string, least: number): void {
  const count = new AssertionCount()
  const prefix = `level-${crypto.randomUUID()}`
  let databases = 0
  describe(name, () => {
    suite({
      test: tapeOn(count),
      factory: (options) => new VarveLevel(`${prefix}/${databases++}`, { memoryLimit: 16 << 20, ...options }),
    })
    test('all assertions were made', async () => {
      const root = await navigator.storage.getDirectory()
      await root.removeEntry(prefix, { recursive: true })
      console.log(`abstract-level's suite: ${count.tests} tests, ${count.assertions} assertions`)
      expect(count.assertions).toBeGreaterThanOrEqual(least)
    })
  })
}
