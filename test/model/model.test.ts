/**
 * The public API against its executable specification (test/model.ts): random commands on both, every answer compared.
 * A failing run prints its seed, path and the shortest commands found; repeat it with VARVE_SEED=<seed>.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { nodeFileSystem } from '../../src/fs/node.ts'
import { explore, type Place } from './explore.ts'

/** How long each test looks for a mistake. */
const seconds = Number(process.env['VARVE_MODEL_SECONDS'] ?? 25)
const seed = Number(process.env['VARVE_SEED'] ?? Date.now() % 1_000_000_000)
const timeout = (seconds + 90) * 1000

async function inMemory(): Promise<Place> {
  const files = memoryFileSystem()
  return { open: (options) => openOn(files, options), discard: async () => {} }
}

async function onNode(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-model-'))
  return {
    open: (options) => openOn(nodeFileSystem(join(directory, 'database')), options),
    discard: () => rm(directory, { recursive: true, force: true }),
  }
}

describe('the public API does what the model does', () => {
  it('on files in memory', { timeout }, async () => {
    expect(await explore(inMemory, { seconds, seed })).toBeGreaterThanOrEqual(100)
  })

  it('on files of Node', { timeout }, async () => {
    expect(await explore(onNode, { seconds, seed: seed + 500_000 })).toBeGreaterThanOrEqual(40)
  })
})
