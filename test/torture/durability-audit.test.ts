/** T19 at a quarter: see durability-audit.ts. More of it: npm run torture -- durability-audit --seconds 600. */
import { describe, expect, it } from 'vitest'
import { Auditor, BrokenRule, type Rule } from './audit/rules.ts'
import type { TraceEvent } from './audit/trace.ts'
import { misled, type Mischief } from './controls.ts'
import { CONFIGURATIONS, durabilityAudit, realRun } from './durability-audit.ts'
import { Violation } from './runner.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 6)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

it('durability-audit finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
  const summary = await durabilityAudit({ seed, seconds })
  console.log(JSON.stringify(summary))
  expect(summary.configurations).toBe(CONFIGURATIONS.length)
  expect(summary.realRuns).toBe(2)
  expect(summary.realFailedSyncs).toBeGreaterThan(0)
  // Every rule was asked.
  expect(Object.values(summary.checks).every((count) => count > 10)).toBe(true)
})

/** The rule that was broken, if that is why. */
function brokenBy(error: unknown): Rule | undefined {
  const cause = error instanceof Violation ? error.cause : error
  return cause instanceof BrokenRule ? cause.rule : undefined
}

describe('durability-audit notices', () => {
  const withoutSyncsOf = (pattern: RegExp): Mischief => ({
    sync: (file, go) => (pattern.test(file.name) ? undefined : go()),
  })
  const controls: Record<string, { readonly mischief: () => Mischief; readonly rule: Rule }> = {
    'acknowledgements without a sync of the journal': {
      mischief: () => withoutSyncsOf(/\.wal$/),
      rule: 'acknowledged',
    },
    'tables that are named before they are synced': {
      mischief: () => withoutSyncsOf(/\.sst$/),
      rule: 'table',
    },
    'manifests that are recorded before they are synced': {
      mischief: () => withoutSyncsOf(/\.man$/),
      rule: 'recorded',
    },
    'removals that no superblock covers': {
      mischief: () => withoutSyncsOf(/^superblock/),
      rule: 'unlinked',
    },
    'files that are named before the directory is synced': {
      mischief: () => {
        let syncs = 0
        return { syncDirectory: (go) => (++syncs === 1 ? go() : undefined) }
      },
      rule: 'named',
    },
  }
  it.each(Object.entries(controls))('%s', { timeout: 60_000 }, async (_, { mischief, rule }) => {
    const auditing = durabilityAudit({ seed: 6, seconds: 5, disk: (files) => misled(files, mischief()) })
    expect(brokenBy(await auditing.catch((error: unknown) => error))).toBe(rule)
  })

  const write = (file: string): TraceEvent[] => [
    { kind: 'write', file, offset: 0, bytes: new Uint8Array(200) },
    { kind: 'written', file },
  ]
  const [first, second] = ['0000000000000001.wal', '0000000000000002.wal'] as const
  const twoJournals: TraceEvent[] = [
    { kind: 'create', file: first },
    ...write(first),
    { kind: 'create', file: second },
    ...write(second),
  ]
  const failedSync: TraceEvent[] = [
    ...twoJournals,
    { kind: 'syncStart', file: first, token: 1 },
    { kind: 'sync', file: first, token: 1, failed: true },
  ]
  it.each<[string, Rule, TraceEvent[]]>([
    [
      'a journal that is synced before the one before it',
      'rotated',
      [...twoJournals, { kind: 'syncStart', file: second, token: 1 }],
    ],
    [
      'a sync after a failed one of the same file',
      'failed',
      [...failedSync, { kind: 'syncStart', file: first, token: 2 }],
    ],
    ['a write after a failed sync', 'poisoned', [...failedSync, { kind: 'settled' }, ...write(second)]],
    [
      'a sync that covers what was written after it began',
      'rotated',
      [
        ...twoJournals,
        { kind: 'syncStart', file: first, token: 1 },
        ...write(first),
        { kind: 'sync', file: first, token: 1, failed: false },
        { kind: 'syncStart', file: second, token: 2 },
      ],
    ],
  ])('%s', (_, rule, events) => {
    const auditor = new Auditor()
    const see = (): void => events.forEach((event) => auditor.see(event))
    let broken: unknown
    try {
      see()
    } catch (error) {
      broken = error
    }
    expect(brokenBy(broken)).toBe(rule)
  })

  it('a real program that does not sync its journals', { timeout: 60_000 }, async () => {
    const patches = [
      {
        file: 'src/fs/node-file.ts',
        find: '      fdatasyncSync(this.#descriptor)\n',
        replace: "      if (!this.name.endsWith('.wal')) fdatasyncSync(this.#descriptor)\n",
      },
    ]
    const broken = await realRun(seed, undefined, patches).catch((error: unknown) => error)
    expect(['acknowledged', 'rotated']).toContain(brokenBy(broken))
  })
})
