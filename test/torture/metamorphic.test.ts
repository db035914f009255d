/**
 * T08 in small: see metamorphic.ts. More of it: npm run torture -- metamorphic --seconds 600.
 * The positive controls below prove that the checker would notice.
 */
import { describe, expect, it } from 'vitest'
import { keeperOf } from '../integration/regressions/support.ts'
import { metamorphic } from './metamorphic.ts'
import type { TextDatabase } from './option-sets.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 30)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

describe('metamorphic', () => {
  it('finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
    const summary = await metamorphic({ seed, seconds, workloads: 50 })
    console.log(JSON.stringify(summary))
    expect(summary.histories).toBeGreaterThanOrEqual(4)
    expect(summary.executions).toBe(summary.histories * 6 * 2003)
  })
})

/** Bugs by name: what each changes of a database. */
const bugs: Record<string, (db: TextDatabase) => void> = {
  'a deletion that is forgotten now and then': (db) => {
    const right = db.deleteSync.bind(db)
    let count = 0
    db.deleteSync = (key, options) => {
      if (++count % 20 !== 0) right(key, options)
    }
  },
  'a snapshot that shows the latest state': (db) => {
    db.at = () => db as unknown as ReturnType<TextDatabase['at']>
  },
  'a value that stays in a cache though it was written again': (db) => {
    const right = db.getSync.bind(db)
    const cached = new Map<string, string | undefined>()
    db.getSync = (key, options) => {
      const name = String(key)
      if (!cached.has(name)) cached.set(name, right(key, options))
      return cached.get(name)
    }
  },
  'a count that depends on the clock': (db) => {
    const right = db.countSync.bind(db)
    const opened = Date.now()
    db.countSync = (options) => right(options) + (Date.now() < opened ? 1 : 0)
  },
  'a range of keys that is dropped with its end': (db) => {
    const right = db.dropRangeSync.bind(db)
    db.dropRangeSync = ({ gte, lt } = {}) =>
      right({ ...(gte !== undefined && { gte }), ...(lt !== undefined && { lte: lt }) })
  },
  'journals that are never deleted': (db) => {
    keeperOf(db).journals.removeObsolete = () => {}
    keeperOf(db).journals.obsolete = () => ({ edits: [], ids: [] })
  },
  'files that stay when nothing needs them': (db) => {
    keeperOf(db).files.removeOrphan = () => {}
  },
}

describe('metamorphic notices', () => {
  for (const [name, plant] of Object.entries(bugs)) {
    it(name, { timeout: 60_000 }, async () => {
      const instead = (database: TextDatabase): TextDatabase => {
        plant(database)
        return database
      }
      const search = metamorphic({ seed, seconds: 20, workloads: 3, instead, shorten: false })
      await expect(search).rejects.toThrow(/^(defaults|all tiny|random \d): act \d+/)
    })
  }

  it('which acts are to blame', { timeout: 120_000 }, async () => {
    const instead = (database: TextDatabase): TextDatabase => {
      database.firstSync = () => ['a', 'b']
      return database
    }
    await expect(metamorphic({ seed, seconds: 20, workloads: 1, steps: 300, instead })).rejects.toThrow(
      /answered\na b\n[^]*history:\n {2}0\. [^\n]*"do":"edges"[^\n]*\n {2}the whole history: node test\/torture\/run\.mjs metamorphic --seed \d+ --steps 300 --workloads 1/,
    )
  })
})
