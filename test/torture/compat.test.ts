/** T17, all of it: see compat.ts. Seeded bugs: damage/bugs.test.ts. */
import { expect, it } from 'vitest'
import { compat } from './compat.ts'

it('compat finds nothing', { timeout: 120_000 }, async () => {
  const summary = await compat({ seed: 1 })
  console.log(JSON.stringify(summary))
  expect(summary.goldens).toBeGreaterThanOrEqual(4)
  expect(summary.refused).toBeGreaterThan(150)
  expect(summary.unread).toBeGreaterThan(50)
  expect(summary.whole).toBeGreaterThan(10)
})
