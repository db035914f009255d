import type { MacroResult, ResultRecord, Run, Verdict } from '../../bench/report/report.mjs'

/** Runs with these figures. `others`: the cores that others had in the last of them. */
export function runs(values: readonly number[], others = 0): Run[] {
  return values.map((value, i) => ({ value, othersCores: i === values.length - 1 ? others : 0 }))
}

export function line(
  engines: Readonly<Record<string, readonly Run[]>>,
  verdicts: readonly Verdict[] = [],
  unit = 'ops/s',
): MacroResult['lines'][string] {
  return { unit, runs: { ...engines }, verdicts }
}

export function macro(lines: MacroResult['lines'], kind = 'bytes'): ResultRecord {
  const names = new Set(Object.values(lines).flatMap((each) => Object.keys(each.runs)))
  const engines = Object.fromEntries([...names].map((name) => [name, { durability: `that of ${name}` }]))
  return record('macro', { kind, engines, lines } satisfies MacroResult)
}

export function record(suite: string, result: unknown): ResultRecord {
  return {
    suite,
    date: '2026-01-02T03:04:05.000Z',
    machine: {
      node: 'v20.0.0',
      cpu: 'a processor',
      cores: 2,
      kernel: '6.0',
      fileSystem: 'ext4',
      loadBefore: [0, 0, 0],
    },
    varve: { version: '0.1.0', revision: 'abc1234' },
    peers: { lmdb: '3.0.0' },
    settings: { VARVE_BENCH_ENTRIES: '20000' },
    rounds: 3,
    result,
  }
}
