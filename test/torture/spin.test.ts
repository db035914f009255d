/** T13 in small: see spin.ts. All of it: npm run torture -- spin --seconds 60. */
import { describe, expect, it } from 'vitest'
import { spin } from './spin.ts'
import { search } from './spin/checker.ts'
import { MODELS } from './spin/models.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)

describe('spin', () => {
  for (const { name, bugs } of MODELS) {
    it(`holds in ${name}, and finds its seeded bugs`, { timeout: 300_000 }, async () => {
      const summary = await spin({ seconds: 0, seed, case: name, quarter: true })
      console.log(JSON.stringify(summary.models[0]))
      expect(summary.bugsFound).toBeGreaterThanOrEqual(Math.floor(bugs.length / 4))
      expect(summary.bugsFound).toBe(summary.bugs)
    })
  }

  it('takes no search for a proof that was cut short', { timeout: 60_000 }, async () => {
    const [mutex] = MODELS
    const macros = mutex?.bounds[0]?.macros ?? {}
    await expect(search({ model: 'mutex', macros, depth: 50 })).rejects.toThrow('is not complete')
  })
})
