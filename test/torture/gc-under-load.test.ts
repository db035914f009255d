/** In small: see gc-under-load.ts. More of it: npm run torture -- gc-under-load --seconds 60. */
import { describe, expect, it } from 'vitest'
import { gcUnderLoad } from './gc-under-load.ts'
import { LEAKS } from './threads/leaks.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 15)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('gc-under-load leaves nothing in use', { timeout: (4 * seconds + 180) * 1000 }, async () => {
  const summary = await gcUnderLoad({ seed, seconds })
  console.log(JSON.stringify(summary))
  expect(summary.flushes).toBeGreaterThan(20)
  expect(summary.snapshots).toBeGreaterThan(100)
  // It did use something.
  expect(summary.mostUsedPages).toBeGreaterThan(summary.baseline.usedPages)
  expect(summary.mostFiles).toBeGreaterThan(summary.baseline.files)
})

describe('gc-under-load notices that', () => {
  it.each(Object.entries(LEAKS))('%s', { timeout: 180_000 }, async (_, patches) => {
    const leaking = gcUnderLoad({ seed, seconds: 1, roundSeconds: 1.5, settleSeconds: 3, patches })
    await expect(leaking).rejects.toThrow('in use')
  })
})
