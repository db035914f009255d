/** T03 in small: see io-errors.ts. More of it: node test/torture/run.mjs io-errors --seconds 600. */
import { expect, it } from 'vitest'
import { ioErrors } from './io-errors.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 20)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('io-errors finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
  const summary = await ioErrors({ seed, seconds })
  console.log(JSON.stringify(summary))
  expect(summary.runs).toBeGreaterThanOrEqual(500)
  expect(summary.poisoned).toBeGreaterThan(50)
})
