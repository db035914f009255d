// abstract-level's own test suite, on the source: every test of it is one here. The same on tape, with the built package: control.test.ts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import suite from 'abstract-level/test'
import { afterAll, describe, expect, test } from 'vitest'
import { VarveLevel } from '../../src/level/index.ts'
import { SUITE_ASSERTIONS } from './suite-figures.ts'
import { AssertionCount, tapeOn } from './tape-shim.ts'

const directory = mkdtempSync(join(tmpdir(), 'varve-level-'))
const count = new AssertionCount()
let databases = 0

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('abstract-level', () => {
  suite({
    test: tapeOn(count),
    factory: (options) => new VarveLevel(join(directory, String(databases++)), options),
  })

  test('all assertions were made, as many as classic-level passes', () => {
    console.log(
      `abstract-level's suite: ${count.tests} tests, ${count.assertions} assertions, ${databases} databases`,
    )
    expect(count.assertions).toBe(SUITE_ASSERTIONS)
  })
})
