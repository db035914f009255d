/** See model.test.ts; here on real files. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import { nodeFileSystem } from '../../src/fs/node.ts'
import { explore, firstSeed, seconds } from './explore.ts'

it(
  'the public API does what the model does, on files of Node',
  { timeout: (seconds + 90) * 1000 },
  async () => {
    const runs = await explore(
      async () => {
        const directory = await mkdtemp(join(tmpdir(), 'varve-model-'))
        return {
          open: (options) => openOn(nodeFileSystem(join(directory, 'database')), options),
          discard: () => rm(directory, { recursive: true, force: true }),
        }
      },
      { seconds, seed: firstSeed },
    )
    console.log(JSON.stringify({ runs, seed: firstSeed }))
    expect(runs).toBeGreaterThanOrEqual(40)
  },
)
