/** T09: the model tests run in test/model/, with their positive controls; here is only what the program says when something is wrong. */
import { describe, expect, it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import type { Place } from '../model/explore.ts'
import { model } from './model.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)

describe('model', () => {
  it('finds nothing', async () => {
    const { runs } = await model({ seed, seconds: 1 })
    expect(runs).toBeGreaterThanOrEqual(20)
  })

  it('says which commands are to blame, and how to repeat it', { timeout: 120_000 }, async () => {
    const place = async (): Promise<Place> => {
      const files = memoryFileSystem()
      return {
        open: async (options) => {
          const database = await openOn(files, options)
          database.hasSync = () => true
          return database
        },
        discard: async () => {},
      }
    }
    await expect(model({ seed, seconds: 30, place })).rejects.toThrow(
      /Counterexample: \[[^]*"read":"has"[^]*again: node test\/torture\/run\.mjs model --seed \d+ --seconds 1$/,
    )
  })
})
