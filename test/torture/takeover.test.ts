/** A few takeovers in each browser: see takeover.ts. More: npm run torture -- takeover --kills 20 --seconds 300. */
import { expect, it } from 'vitest'
import { takeover } from './takeover.ts'

const seed = Number(process.env['VARVE_SEED'] ?? Date.now() % 1_000_000)
const KILLS = 3

it('another tab takes over, and nothing is lost', { timeout: 120_000 }, async () => {
  const summary = await takeover({ seed, seconds: 90, kills: KILLS })
  console.log(JSON.stringify(summary))
  expect(summary.kills).toBe(2 * KILLS)
  expect(summary.acknowledged).toBeGreaterThan(20)
})

it('a step that is lost is noticed', { timeout: 120_000 }, async () => {
  await expect(takeover({ seed, seconds: 60, kills: 1, forget: true })).rejects.toThrow(/are there/)
})
