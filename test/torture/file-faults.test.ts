/** T07 in small: see file-faults.ts. More of it: npm run torture -- file-faults --seconds 600. Seeded bugs: damage/bugs.test.ts. */
import { expect, it } from 'vitest'
import { fileFaults } from './file-faults.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 0)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('file-faults finds nothing', { timeout: (seconds + 900) * 1000 }, async () => {
  const summary = await fileFaults({ seed, seconds, brief: 1 })
  console.log(JSON.stringify(summary))
  expect(summary.cases).toBeGreaterThan(30_000)
  expect(summary.told).toBeGreaterThan(1000)
  expect(summary.realCases).toBeGreaterThan(200)
})
