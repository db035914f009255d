/** T16 at a quarter, each case at least once: see lock.ts. More of it: npm run torture -- lock --seconds 600. */
import { describe, expect, it } from 'vitest'
import { lock } from './lock.ts'
import { LOCK_CASES } from './processes/lock-cases.ts'
import type { Patch } from './threads/patches.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 40)
const seed = Number(process.env['VARVE_SEED'] ?? Date.now() % 1_000_000)
const RACES = 18

it('lock finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
  const summary = await lock({ seed, seconds, races: RACES })
  console.log(JSON.stringify(summary))
  expect(summary.races).toBeGreaterThanOrEqual(Object.keys(LOCK_CASES).length)
  expect(summary.kills).toBeGreaterThan(3)
})

describe('lock notices', () => {
  const LOCK = 'src/fs/owner-lock.ts'
  const alive = "if ((await probe(root, generation)) === 'alive') return generation"
  interface Control {
    readonly patches: readonly Patch[]
    readonly only?: keyof typeof LOCK_CASES
    readonly says: RegExp
  }
  const controls: Record<string, Control> = {
    'owners that are taken for dead': {
      patches: [{ file: LOCK, find: alive, replace: 'await probe(root, generation)' }],
      // Both may be owners, or one of them trips over what the other one does.
      says: /[02] owners after a race|two owners|a race: (?:EXISTS|MISSING_FILE|CORRUPT|NOT_FOUND)/,
    },
    'dead owners that are taken for alive': {
      patches: [
        {
          file: LOCK,
          find: alive,
          replace: "if ((await probe(root, generation)) !== 'gone') return generation",
        },
      ],
      says: /0 owners after a race|no takeover within/,
    },
    'locks that are kept after close': {
      patches: [
        {
          file: LOCK,
          find: 'closed = new Promise((resolve) => void server.close(() => resolve()))',
          replace: 'closed = Promise.resolve()',
        },
      ],
      says: /0 owners after a race|no takeover within/,
    },
    'owners that are believed by their pid': {
      patches: [
        {
          file: LOCK,
          find: '  if (owner === undefined || owner.machine === self.machine) return\n',
          replace:
            "  if (owner !== undefined && owner.pid !== self.pid) {\n    try {\n      process.kill(Number(owner.pid), 0)\n    } catch {\n      return\n    }\n    throw locked('It is already open.')\n  }\n  if (owner === undefined || owner.machine === self.machine) return\n",
        },
      ],
      only: 'an owner file that names a process of another program',
      says: /a pid that was given out again: no takeover/,
    },
  }
  it.each(Object.entries(controls))('%s', { timeout: 120_000 }, async (_, { patches, only, says }) => {
    const budget = { seed, seconds: 60, races: 30, patches, ...(only !== undefined && { case: only }) }
    await expect(lock(budget)).rejects.toThrow(says)
  })
})
