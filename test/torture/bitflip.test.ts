/** T06 in small: see bitflip.ts. More of it: npm run torture -- bitflip --seconds 600. Seeded bugs: damage/bugs.test.ts. */
import { expect, it } from 'vitest'
import { bitflip } from './bitflip.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 0)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('bitflip finds nothing: one bit of every byte', { timeout: (seconds + 900) * 1000 }, async () => {
  const summary = await bitflip({ seed, seconds })
  console.log(JSON.stringify(summary))
  expect(summary).toMatchObject({ percentOfBytes: 100, detected: 100 })
  expect(summary.flips).toBeGreaterThan(17_000)
  expect(summary.recovered).toBe(512)
})
