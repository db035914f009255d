/**
 * The public API against its executable specification (test/model.ts): random commands on both, every answer compared.
 * A failing run prints its seed, path and the shortest commands found; repeat it with VARVE_SEED=<seed>.
 */
import { expect, it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { explore, firstSeed, seconds } from './explore.ts'

it(
  'the public API does what the model does, on files in memory',
  { timeout: (seconds + 90) * 1000 },
  async () => {
    const runs = await explore(
      async () => {
        const files = memoryFileSystem()
        return { open: (options) => openOn(files, options), discard: async () => {} }
      },
      { seconds, seed: firstSeed },
    )
    console.log(JSON.stringify({ runs, seed: firstSeed }))
    expect(runs).toBeGreaterThanOrEqual(100)
  },
)
