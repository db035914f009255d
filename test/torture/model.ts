/** T09 of RELIABILITY.md: random commands on a database and on the model, every answer compared (test/model/); what fails is shrunk. */
import { openOn } from '../../src/api/open.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { explore, type Place } from '../model/explore.ts'
import { Violation } from './runner.ts'

export interface Budget {
  readonly seed: number
  readonly seconds: number
  /** Where a run has its database; positive controls give one with a bug. Default: files in memory. */
  readonly place?: () => Promise<Place>
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  /** Of up to 60 commands each. */
  runs: number
}

async function inMemory(): Promise<Place> {
  const files = memoryFileSystem()
  return { open: (options) => openOn(files, options), discard: async () => {} }
}

export async function model({ seed, seconds, place = inMemory }: Budget): Promise<Summary> {
  const began = performance.now()
  try {
    const runs = await explore(place, { seconds, seed })
    return { program: 'model', seed, seconds: (performance.now() - began) / 1000, runs }
  } catch (error) {
    // NOTE: rounds count up from the first seed; the message of fast-check names the seed of the round that failed.
    const message = error instanceof Error ? error.message : String(error)
    const failed = /seed: (-?\d+)/.exec(message)?.[1] ?? String(seed)
    throw new Violation(`${message}\n  again: node test/torture/run.mjs model --seed ${failed} --seconds 1`, {
      cause: error,
    })
  }
}
