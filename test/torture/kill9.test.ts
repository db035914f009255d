/** T05 at a quarter: see kill9.ts. More of it: npm run torture -- kill9 --seconds 600. */
import { describe, expect, it } from 'vitest'
import { kill9, type Budget } from './kill9.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 45)
const seed = Number(process.env['VARVE_SEED'] ?? Date.now() % 1_000_000)
const KILLS = 125

it('kill9 finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
  const summary = await kill9({ seed, seconds, kills: KILLS })
  console.log(JSON.stringify(summary))
  // NOTE: on a busy machine time is up before.
  expect(summary.kills).toBeGreaterThanOrEqual(KILLS / 4)
  expect(summary.opening).toBeGreaterThan(0)
  expect(summary.working).toBeGreaterThan(0)
  expect(summary.acknowledged).toBeGreaterThan(1000)
})

describe('kill9 notices', () => {
  const controls: Record<string, Pick<Budget, 'bug' | 'patches'> & { readonly says: RegExp }> = {
    'a process that acknowledges before it writes': {
      bug: 'acknowledges before it writes',
      says: /was acknowledged, and the last one there is/,
    },
    'torn batches': { bug: 'tears batches', says: /half a batch/ },
    'writes of the journal that are lost': {
      patches: [
        {
          file: 'src/journal/writer.ts',
          find: '      this.#file.write(source, start, bytes, record.length)\n',
          replace:
            '      if (Math.random() < 0.01) bytes = 0\n      this.#file.write(source, start, bytes, record.length)\n',
        },
      ],
      says: /damaged at offset|was acknowledged, and the last one there is/,
    },
    'writes that are acknowledged in the buffer': {
      patches: [
        {
          file: 'src/journal/writer.ts',
          find: '    if (hold && (this.record.flags & FLAG_FULL) === 0 && bytes < HOLD_BYTES) {\n',
          replace: '    if ((this.record.flags & FLAG_FULL) === 0 && bytes < HOLD_BYTES) {\n',
        },
      ],
      says: /was acknowledged, and the last one there is/,
    },
  }
  it.each(Object.entries(controls))('%s', { timeout: 120_000 }, async (_, { says, ...seeded }) => {
    await expect(kill9({ seed, seconds: 60, kills: 60, ...seeded })).rejects.toThrow(says)
  })
})
