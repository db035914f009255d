/** T11 in small: see sched.ts. More of it: npm run torture -- sched --seconds 600. */
import { describe, expect, it } from 'vitest'
import { CONTROLS, findControl } from './sched/controls.ts'
import { sched } from './sched.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('sched finds nothing, and comes to every place', { timeout: 300_000 }, () => {
  const summary = sched({ seed, seconds: 0, isQuick: true })
  console.log(JSON.stringify(summary))
  expect(summary.schedules).toBeGreaterThanOrEqual(500_000)
})

describe('sched notices', () => {
  for (const control of CONTROLS) {
    it(control.name, { timeout: 120_000 }, () => {
      expect(findControl(control, seed)).toBeDefined()
    })
  }
})
