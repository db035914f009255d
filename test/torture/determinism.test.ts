/** T21: see determinism.ts. The positive controls prove that it would notice what an engine's files must not depend on. */
import { describe, expect, it } from 'vitest'
import { determinism } from './determinism.ts'
import type { Patch } from './threads/patches.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('determinism finds nothing', { timeout: 240_000 }, async () => {
  const summary = await determinism({ seed, seconds: 120, workloads: 3 })
  console.log(JSON.stringify(summary))
  expect(summary.processes).toBe(12)
  expect(summary.files).toBeGreaterThan(60)
})

/** By what the engine then depends on: a change, and the circumstances that have to show it. */
const dependences: Record<string, [patch: Patch, shownBy: string]> = {
  'random numbers of its own': [
    {
      file: 'src/bytes.ts',
      find: 'return crypto.getRandomValues(new Uint8Array(length))',
      replace: 'return new Uint8Array(length).map(() => 256 * Math.random())',
    },
    'once more',
  ],
  'the time zone': [
    {
      file: 'src/engine/table-output.ts',
      find: 'writer.finish(Date.now())',
      replace: 'writer.finish(Date.now() - new Date(0).getTimezoneOffset())',
    },
    'elsewhere',
  ],
  'the order of a directory': [
    {
      file: 'src/engine/read-database.ts',
      find: 'highestFileId(names) + 1)',
      replace: "highestFileId(names) + 1) + names.indexOf('superblock-a')",
    },
    'elsewhere',
  ],
}

describe('determinism notices a dependence on', () => {
  it.each(Object.entries(dependences))('%s', { timeout: 120_000 }, async (_, [patch, shownBy]) => {
    const search = determinism({ seed, seconds: 60, workloads: 3, patches: [patch] })
    await expect(search).rejects.toThrow(
      new RegExp(
        `^${shownBy}: .*(differs|is new)[^]*again: node test/torture/run\\.mjs determinism --seed ${seed} `,
      ),
    )
  })
})
