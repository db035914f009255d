/** T22 in small: see bug-bench.ts. All bugs: node test/torture/run.mjs bug-bench --all 1. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bugBench } from './bug-bench.ts'
import { CATALOG } from './bugs/catalog.ts'
import { patched } from './threads/patches.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 30)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('three seeded bugs are noticed', { timeout: (seconds + 180) * 1000 }, async () => {
  // NOTE: the programs' own tests are their controls.
  const firstPrograms = ['crash-points', 'io-errors'] as const
  const summary = await bugBench({ seed, seconds, workloads: 3, firstPrograms, controls: false })
  console.log(JSON.stringify(summary))
  expect(summary.killed).toBe(summary.bugs)
})

describe('the catalog', () => {
  const bugs = Object.entries(CATALOG)

  it('has enough of both kinds', () => {
    const fromTheField = bugs.filter(([, { field }]) => field !== undefined)
    expect(fromTheField.length).toBeGreaterThanOrEqual(30)
    expect(bugs.length - fromTheField.length).toBeGreaterThanOrEqual(20)
  })

  it.each(bugs)('fits the engine: %s', (_, { patches, programs }) => {
    expect(programs.length).toBeGreaterThan(0)
    expect(patches.length).toBeGreaterThan(0)
    for (const file of new Set(patches.map((patch) => patch.file))) {
      expect(existsSync(file), file).toBe(true)
      const text = readFileSync(file, 'utf8')
      const own = patches.filter((patch) => patch.file === file)
      expect(patched(text, file, own)).not.toBe(text)
    }
  })
})
