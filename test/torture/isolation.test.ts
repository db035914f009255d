/** T10 in small: see isolation.ts. More of it: npm run torture -- isolation --seconds 600. */
import { describe, expect, it } from 'vitest'
import { isolation, seededBug, stuckRun } from './isolation.ts'
import { BUGS } from './threads/bugs.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 25)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('isolation finds nothing', { timeout: (seconds + 240) * 1000 }, async () => {
  const summary = await isolation({ seed, seconds })
  console.log(JSON.stringify(summary))
  expect(summary.operations).toBeGreaterThan(1000)
  expect(summary.flushes).toBeGreaterThan(10)
})

describe('isolation notices that', () => {
  it.each(Object.keys(BUGS))('%s', { timeout: 240_000 }, async (name) => {
    const caught = await seededBug(name, seed)
    console.log(JSON.stringify(caught))
    expect(BUGS[name]?.histories, caught.message).toContain(caught.history)
  })
})

it('a run that is stuck says where and ends', { timeout: 90_000 }, async () => {
  const said = await stuckRun(seed)
  expect(said).toMatch(/^it ended with SIGKILL/)
  expect(said).toMatch(/guest \d: call \d+, \w+\n/)
  expect(said).toMatch(/journal lock [1-9]/)
})
