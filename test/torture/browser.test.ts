/** T20 at a quarter: see browser.ts. More of it: npm run torture -- browser --seconds 600. */
import { expect, it } from 'vitest'
import { browser } from './browser.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 60)
const seed = Number(process.env['VARVE_SEED'] ?? Date.now() % 1_000_000)
const KILLS = 7

it('browser finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
  const summary = await browser({ seed, seconds, kills: KILLS })
  console.log(JSON.stringify(summary))
  expect(summary.kills).toBe(KILLS)
  expect(summary.acknowledged).toBeGreaterThan(20)
})

it('browser notices a step that is lost', { timeout: 120_000 }, async () => {
  await expect(browser({ seed, seconds, kills: 1, forget: true })).rejects.toThrow(/is missing/)
})
