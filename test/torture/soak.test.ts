/** T15 in small: see soak.ts. More of it: npm run torture -- soak --seconds 600. */
import { describe, expect, it } from 'vitest'
import type { Lap, SoakReport } from './processes/soak-report.ts'
import { problemOf, soak } from './soak.ts'
import { LEAKS } from './threads/leaks.ts'
import type { Patch } from './threads/patches.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 15)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('soak finds nothing', { timeout: (4 * seconds + 120) * 1000 }, async () => {
  const summary = await soak({ seed, seconds, idleSeconds: 4 })
  console.log(JSON.stringify(summary))
  expect(summary.laps).toBeGreaterThanOrEqual(5)
  expect(summary.operations).toBeGreaterThan(10_000)
  expect(summary.abandoned).toBeGreaterThan(100)
})

describe('soak notices', () => {
  interface Control {
    readonly patches: readonly Patch[]
    readonly lapSeconds?: number
    readonly lapsMin?: number
    readonly says: RegExp
  }
  const controls: Record<string, Control> = {
    'that files of dead tables stay': {
      patches: LEAKS['the files of tables are closed and kept'] ?? [],
      says: /\.sst files are in use, and there are/,
    },
    'that files of dead tables stay open': {
      patches: LEAKS['the files of tables are deleted and kept open'] ?? [],
      says: /descriptors are open after close/,
    },
    'that an idle keyspace holds journals back': {
      patches: [
        {
          file: 'src/engine/journals.ts',
          find: '    if (!this.crowded) return\n    const',
          replace: '    if (this.crowded || !this.crowded) return\n    const',
        },
      ],
      lapSeconds: 5,
      lapsMin: 1,
      says: /B of journals in lap/,
    },
    'that each batch leaves something in memory': {
      patches: [
        {
          file: 'src/engine/write-path.ts',
          find: '      applyPayload(kernel, this.#page, record.bytes,',
          replace:
            '      Object.assign(globalThis, { leak: [Reflect.get(globalThis, "leak"), Buffer.alloc(50_000, 1)] })\n      applyPayload(kernel, this.#page, record.bytes,',
        },
      ],
      says: /the heap grew by/,
    },
  }
  it.each(Object.entries(controls))('%s', { timeout: 120_000 }, async (_, { says, ...budget }) => {
    await expect(soak({ seed, seconds: 3, idleSeconds: 0, ...budget })).rejects.toThrow(says)
  })

  // What is hard to seed is noted in a report that is made up.
  const lap: Lap = {
    operations: 1,
    writtenBytes: 1,
    rssBytes: 100e6,
    usedPages: 20,
    madePages: 256,
    descriptors: 20,
    diskBytes: 200,
    logicalBytes: 100,
    mostJournalBytes: 1,
    heapBytes: 10e6,
  }
  const idle = { seconds: 10, cpuMs: 50, changes: '' }
  const report = (last: Partial<Lap>, atRest: Partial<SoakReport['idle']> = {}): SoakReport => ({
    laps: [...Array.from({ length: 8 }, () => lap), { ...lap, ...last }],
    abandoned: 1,
    idle: { ...idle, ...atRest },
    failure: undefined,
  })
  it('nothing in a good report', () => {
    expect(problemOf(report({}), 1)).toBeUndefined()
  })
  it.each([
    ['too much on disk', report({ diskBytes: 251 }), /251 B on disk/],
    ['a memory more', report({ madePages: 512 }), /memories of 512 pages/],
    ['pages that stay in use', report({ usedPages: 29 }), /29 pages are in use/],
    ['a write while idle', report({}, { changes: 'a file' }), /idle, and written to/],
    ['time burnt while idle', report({}, { cpuMs: 111 }), /it burnt 111 ms/],
    ['a failure', { ...report({}), failure: 'k1 is wrong' }, /k1 is wrong/],
  ])('%s', (_, made, says) => {
    expect(problemOf(made, 1)).toMatch(says)
  })
})
