/** In small: see salvage.ts. More of it: npm run torture -- salvage --seconds 60. */
import { expect, it } from 'vitest'
import { salvage } from './salvage.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 8)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it(
  'salvage loses no more than it says, and makes nothing up',
  { timeout: (seconds + 60) * 1000 },
  async () => {
    const summary = await salvage({ seed, seconds })
    console.log(JSON.stringify(summary))
    expect(summary.runs).toBeGreaterThan(50)
    // The damages are many; most entries lie elsewhere.
    expect(summary.saved).toBeGreaterThan(summary.entries / 2)
  },
)
