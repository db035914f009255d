/** Random commands on a model and a database until time is up, or until they differ. */
import fc from 'fast-check'
import type { OpenOptions } from '../../src/api/types.ts'
import type { SubjectDatabase } from '../support/subject.ts'
import { withSmallLevels } from '../support/small-compactions.ts'
import { commands } from './commands.ts'
import { World } from './world.ts'

type Options = Pick<OpenOptions<'bytes', 'bytes'>, 'memoryLimit' | 'memtableSize' | 'durability'>

/** Where one run has its database. */
export interface Place {
  readonly open: (options: Options) => Promise<SubjectDatabase>
  readonly discard: () => Promise<void>
}

/** How long a test looks for a mistake, and the seed it begins with. */
export const seconds: number = Number(process.env['VARVE_MODEL_SECONDS'] ?? 40)
export const firstSeed: number = Number(process.env['VARVE_SEED'] ?? Date.now() % 1_000_000_000)

const memoryLimit = 16 * 1024 * 1024

const options = fc.record({
  memtableSize: fc.constantFrom(4096, 4096, 16_384, 65_536, 1_048_576),
  durability: fc.constantFrom('buffered' as const, 'os' as const, 'none' as const),
})

/** Runs commands on databases that `prepare` gives a fresh place each. @returns the number of runs */
export async function explore(
  prepare: () => Promise<Place>,
  { seconds, seed, shrink = true }: { seconds: number; seed: number; shrink?: boolean },
): Promise<number> {
  let runs = 0
  const list = fc.commands(commands, { maxCommands: 60, size: 'max' })
  const property = fc.asyncProperty(options, list, async (chosen, steps) => {
    runs++
    const place = await prepare()
    const open = async (): Promise<SubjectDatabase> =>
      withSmallLevels(await place.open({ memoryLimit, ...chosen }))
    const world = await World.open(open, chosen.durability !== 'none')
    try {
      await fc.asyncModelRun(() => ({ model: world, real: world }), steps)
      await world.finish()
    } finally {
      await world.database.close()
      await place.discard()
    }
  })
  const end = Date.now() + seconds * 1000
  // In rounds of few runs, so that a failure late in the time is still shrunk.
  for (let round = seed; Date.now() < end; round++) {
    await fc.assert(property, { seed: round, numRuns: 20, endOnFailure: !shrink })
  }
  return runs
}
