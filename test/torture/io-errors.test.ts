/** T03 in small: see io-errors.ts. More of it: node test/torture/run.mjs io-errors --seconds 600. */
import { expect, it } from 'vitest'
import { mulberry32 } from '../support/random.ts'
import { injections, ioErrors, runWithFault } from './io-errors.ts'
import type { Step, Workload } from './workload.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 20)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('io-errors finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
  const summary = await ioErrors({ seed, seconds })
  console.log(JSON.stringify(summary))
  expect(summary.runs).toBeGreaterThanOrEqual(500)
  expect(summary.poisoned).toBeGreaterThan(50)
})

// The epoch begins in the first of these steps, so files can be refused to all of them; seed 56 found the second.
const firstSteps: Record<string, Step> = {
  flush: { do: 'flush', keyspace: undefined, sync: false },
  'turn of writes': {
    do: 'turn',
    writes: [
      { keyspace: '', key: 'k1', valueBytes: 9 },
      { keyspace: '', key: 'k2', valueBytes: 9 },
    ],
    durability: undefined,
  },
}
it.each(Object.entries(firstSteps))('every fault in a %s right after a reopen', async (_, step) => {
  const write: Step = {
    do: 'write',
    write: { keyspace: '', key: 'k0', valueBytes: 9 },
    sync: true,
    durability: undefined,
  }
  const workload: Workload = {
    setting: { durability: 'os', memtableSize: 4096 },
    steps: [write, { do: 'reopen' }, step],
  }
  for (const injection of await injections(workload, mulberry32(seed)))
    await runWithFault(workload, injection)
})
