/** In small: see gc-under-load.ts. More of it: npm run torture -- gc-under-load --seconds 60. */
import { expect, it } from 'vitest'
import { gcUnderLoad } from './gc-under-load.ts'

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
