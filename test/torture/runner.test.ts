/** The oracle of the torture programs: what the acknowledgement of a step lets it ask for after a crash. */
import { describe, expect, it } from 'vitest'
import { FaultyFileSystem } from '../support/faulty.ts'
import { crashEverywhere } from './crash-points.ts'
import { Run } from './runner.ts'
import type { Setting, Step } from './workload.ts'

const buffered: Setting = { durability: 'buffered', memtableSize: 4096 }
const withoutJournal: Setting = { durability: 'none', memtableSize: 4096 }

const write: Step = {
  do: 'write',
  write: { keyspace: '', key: 'k8', valueBytes: 9 },
  sync: true,
  durability: undefined,
}

/** Commits that must survive after one buffered write and then this step. */
async function durableAfter(step: Step): Promise<{ kill: number; power: number }> {
  const run = new Run(new FaultyFileSystem(), buffered)
  await run.open()
  await run.run(write)
  await run.run(step)
  const { lowest } = run.model.bounds().commits
  await run.close()
  return lowest
}

describe('dropping a range in which no key can lie', () => {
  const ranges = [
    ['with both ends the same', { from: 'k7', to: 'k7' }],
    ['with its ends the wrong way round', { from: 'k7', to: 'k1' }],
  ] as const
  const settings = [
    ['buffered', buffered],
    ['without a journal', withoutJournal],
  ] as const

  it.each(ranges)('is no commit, so it makes nothing durable: %s', async (_, range) => {
    expect(await durableAfter({ do: 'erase', keyspace: '', ...range })).toEqual({ kill: 0, power: 0 })
  })

  // What the engine did not promise must not be asked for: found by io-errors with seed 13.
  it.each(settings)('asks nothing of a crash after it: %s', async (_, setting) => {
    for (const [, range] of ranges) {
      const steps: Step[] = [write, { do: 'erase', keyspace: '', ...range }]
      await crashEverywhere({ setting, steps }, 1)
    }
  })

  it('is another thing than a range that has no keys: that is a commit', async () => {
    const erase: Step = { do: 'erase', keyspace: '', from: 'k1', to: 'k7' }
    expect(await durableAfter(erase)).toEqual({ kill: 1, power: 1 })
    for (const [, setting] of settings) await crashEverywhere({ setting, steps: [write, erase] }, 1)
  })
})
