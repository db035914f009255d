/** abstract-level's own suite on databases of a browser: each test of it is one here. */
import suite from 'abstract-level/test'
import { describe, expect, test } from 'vitest'
import { VarveLevel } from '../../src/level/index.ts'
import { AssertionCount, tapeOn } from '../level/tape-shim.ts'

/** The suite leaves databases open, each with a worker and its memory. Those that nobody can reach any more are closed when they are collected as garbage, which is now and then. */
const COLLECT_EVERY = 20

declare const gc: () => void

export function levelSuite(name: string, least: number): void {
  const count = new AssertionCount()
  const prefix = `level-${crypto.randomUUID()}`
  let databases = 0
  describe(name, () => {
    suite({
      test: tapeOn(count),
      factory: (options) => {
        if (databases % COLLECT_EVERY === 0) gc()
        return new VarveLevel(`${prefix}/${databases++}`, options)
      },
    })
    test('all assertions were made', () => {
      console.log(`abstract-level's suite: ${count.tests} tests, ${count.assertions} assertions`)
      expect(count.assertions).toBeGreaterThanOrEqual(least)
    })
  })
}
