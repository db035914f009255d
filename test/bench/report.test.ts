/** `npm run bench -- report`: what it makes of the results that suites left. */
import { describe, expect, it } from 'vitest'
import { markdownOf } from '../../bench/report/markdown.mjs'
import { NOTABLE, notesOf, readNotes } from '../../bench/report/losses.mjs'
import { reportOf, type ResultRecord } from '../../bench/report/report.mjs'
import { line, macro, record, runs } from './report-fixtures.ts'

function markdown(records: Record<string, ResultRecord>, notes = new Map<string, string>()): string {
  return markdownOf(reportOf(records, notes), 'images')
}

/** The part of a page under a heading, to the next one of its level. */
function section(page: string, heading: string): string {
  const level = heading.slice(0, heading.indexOf(' ') + 1)
  const [, after = ''] = page.split(`${heading}\n`)
  return after.split(`\n${level}`)[0] ?? ''
}

describe('the ratios', () => {
  it('are of the best peer, whichever that is on the line', () => {
    const page = markdown({
      'macro-bytes': macro({
        readrandom: line(
          {
            varve: runs([900_000, 1_000_000, 1_100_000]),
            lmdb: runs([500_000]),
            rocksdb: runs([400_000]),
            'memory-level': runs([9_000_000]),
          },
          [{ least: 1.5, value: 2, best: 'lmdb', holds: true }],
        ),
      }),
    })
    expect(page).toContain('| readrandom | 1.00M | 500k, lmdb | **2.00** | ≥ 1.5 | holds |')
    expect(page).toContain('20,000 entries')
  })

  it('are computed where there is no bar, and say who is ahead', () => {
    const page = markdown({
      'macro-bytes': macro({
        'readrandom, awaited': line({ varve: runs([500]), lmdb: runs([1000]) }),
        'fillrandom, each awaited': line({ varve: runs([3000]), lmdb: runs([1000]) }),
      }),
    })
    expect(page).toContain('| readrandom, awaited | 500 | 1.0k, lmdb | **0.50** |  | **behind** |')
    expect(page).toContain('| fillrandom, each awaited | 3.0k | 1.0k, lmdb | **3.00** |  | ahead |')
  })

  it.each(['ms', 'bytes'])('are the better the less they are, in %s', (unit) => {
    const page = markdown({
      'macro-bytes': macro({
        more: line({ varve: runs([4e6]), lmdb: runs([2e6]), rocksdb: runs([8e6]) }, [], unit),
        less: line({ varve: runs([1e6]), lmdb: runs([2e6]) }, [], unit),
      }),
    })
    expect(page).toMatch(/\| more \|.*, lmdb \| \*\*2\.00\*\* \| {2}\| \*\*behind\*\* \|/)
    expect(page).toMatch(/\| less \|.*, lmdb \| \*\*0\.50\*\* \| {2}\| ahead \|/)
    expect(section(page, '## Where varve loses, and why')).toContain('2.00 × lmdb (less is better)')
  })

  it('name the peer of a bar that is not of the best one', () => {
    const page = markdown({
      'macro-bytes': macro({
        'readrandom, 8 MiB cache': line(
          { varve: runs([400]), lmdb: runs([800]), 'classic-level': runs([500]) },
          [
            { least: 1, value: 0.8, best: 'classic-level', holds: false },
            { least: 0.4, value: 0.5, best: 'lmdb', holds: true },
          ],
        ),
      }),
    })
    expect(page).toContain('| ≥ 1 × classic-level; ≥ 0.4 | 0.80 × classic-level: **missed**; holds |')
  })

  it('are marked where others disturbed one of the runs', () => {
    const lines = {
      calm: line({ varve: runs([2000]), lmdb: runs([1000], 0.2), rocksdb: runs([500], 1) }),
      disturbed: line({ varve: runs([2000]), lmdb: runs([1000, 1000], 0.21) }),
    }
    const page = markdown({ 'macro-bytes': macro(lines) })
    expect(page).toContain('1.0k, lmdb | **2.00** |')
    expect(page).toContain('1.0k, lmdb | **2.00 †** |')
    expect(section(page, '## All engines')).toContain('| calm | 2.0k | 1.0k | 500 † |')
  })
})

describe('all engines', () => {
  it('have medians with the lowest and the highest, and what each promises', () => {
    const page = markdown({
      'macro-bytes': macro({ fillrandom: line({ varve: runs([300, 100, 200]), lmdb: runs([50]) }) }),
    })
    const part = section(page, '## All engines')
    expect(part).toContain('| fillrandom | 200 (100 – 300) | 50 |')
    expect(part).toContain('| lmdb | 3.0.0 | that of lmdb |')
  })

  it('say where each write is synced', () => {
    const page = markdown({ 'macro-bytes': macro({ fillsync: line({ varve: runs([300]) }) }) })
    expect(page.match(/\| fillsync \(each write synced\) \|/g)).toHaveLength(2)
  })

  it('tell a call that is not there from a run that failed', () => {
    const page = markdown({
      'macro-bytes': macro({
        'readrandom, views': line({
          varve: runs([100]),
          lmdb: [{ isAbsent: true }],
          rocksdb: [{ isAbsent: true, why: 'it did' }],
        }),
      }),
    })
    expect(page).toContain('| readrandom, views | 100 | – | failed |')
  })

  it('say what is left to do after a write', () => {
    const page = markdown({
      'macro-bytes': macro({
        fillrandom: line({
          varve: [{ value: 1000, settleMs: 2500, pendingBytes: 7_000_000 }],
          lmdb: [{ value: 500, settleMs: 10 }],
        }),
        readrandom: line({ varve: [{ value: 1000, settleMs: 100, pendingBytes: 0 }] }),
      }),
    })
    const part = section(page, '## All engines')
    expect(part).toContain('| fillrandom | 2.50 | 0.01 | 7.0 MB |')
    expect(part).not.toContain('| readrandom | 0.10')
  })
})

describe('where varve loses', () => {
  const behind = macro({
    readrandom: line({ varve: runs([500]), lmdb: runs([1000]) }, [
      { least: 1.5, value: 0.5, best: 'lmdb', holds: false },
    ]),
    reopen: line({ varve: runs([8]) }, [{ most: 5, value: 8, holds: false }], 'ms'),
    readmissing: line({ varve: runs([3000]), lmdb: runs([1000]) }),
  })

  it('has each such line, and what is known of it', () => {
    const notes = notesOf('# Title\n\nPreface.\n\n## readrandom\n\nBecause of `this`\nand that.\n')
    const part = section(markdown({ 'macro-bytes': behind }, notes), '## Where varve loses, and why')
    expect(part).toContain('**readrandom** – bytes: 0.50 × lmdb, its bar is ≥ 1.5.')
    expect(part).toContain('Because of `this` and that.')
    expect(part).toContain('**reopen** – bytes: 8.00 ms, its bar is ≤ 5.00 ms.\n\nNo explanation yet.')
    expect(part).not.toContain('readmissing')
  })

  it('has a line once for both kinds of data', () => {
    const strings = macro({ readrandom: line({ varve: runs([400]), lmdb: runs([1000]) }) }, 'strings')
    const page = markdown({ 'macro-bytes': behind, 'macro-strings': strings })
    expect(page).toContain('**readrandom** – bytes: 0.50 × lmdb, its bar is ≥ 1.5; strings: 0.40 × lmdb.')
  })

  it('has lines of the reference and bars of the allocations', () => {
    const spread = (median: number): object => ({ median, lowest: median, highest: median })
    const page = markdown({
      reference: record('reference', {
        isMeasuredBeside: false,
        lines: [
          {
            name: 'contains, hasSync',
            rate: spread(1e6),
            reference: spread(1e6),
            ratio: spread(1.1),
            least: 1.2,
            holds: false,
            latencyNs: { p50: 1, p99: 2, p999: 3 },
            isDisturbed: false,
          },
        ],
      }),
      allocations: record('allocations', {
        bars: [{ name: 'putSync', bytes: 3, bar: '≤ 2 B', reached: false }],
        calls: [],
      }),
    })
    expect(page).toContain(
      '**contains, hasSync** – one memtable: 1.10 × native code, where ≥ 1.2 is the bar.',
    )
    expect(page).toContain('**putSync** – allocations: 3.00, where ≤ 2 B is the bar.')
    expect(page).toContain('figures that were recorded of the Rust crate lsm-tree 3.1.9')
  })

  it('has no note of a line that does not exist', () => {
    const names = [...readNotes().keys()]
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name) => !NOTABLE.includes(name))).toEqual([])
    expect([...readNotes().values()].filter((text) => text === '')).toEqual([])
  })
})

describe('hot paths', () => {
  const spread = (median: number): object => ({ median, lowest: median - 1, highest: median + 1 })

  it('are listed with the reason where Wasm is not faster than the twin', () => {
    const page = markdown({
      micro: record('micro', {
        lines: [
          { name: 'skiplist scan', wasm: spread(20), twin: spread(10), native: spread(8) },
          { name: 'block build', wasm: spread(20), twin: spread(10) },
          { name: 'key compare', wasm: spread(10), twin: spread(25), isDisturbed: true },
        ],
        boundary: [{ name: 'copy 16 B in', ...spread(9) }],
      }),
    })
    expect(page).toContain('| skiplist scan | 0.50 | a walk has nothing to compute')
    expect(page).toContain('| block build | 0.50 | no explanation yet |')
    expect(page).toContain('| key compare | **2.50 †** | – | 10.0 (9.0 – 11.0) |')
    expect(page).not.toContain('| key compare | 2.50')
    expect(page).toContain('| copy 16 B in | 9.0 (8.0 – 10.0) |')
  })
})

describe('threads', () => {
  it('have the verdicts of all lines', () => {
    const shared = {
      what: '1. two threads',
      figures: '1 M/s',
      value: 0.9,
      lowest: 0.8,
      highest: 1,
      unit: '×',
    }
    const page = markdown({
      concurrency: record('concurrency', {
        'shared-reads': { verdicts: [{ ...shared, bar: { least: 0.85 }, holds: true, calm: 3, rounds: 4 }] },
        'event-loop': { verdicts: [{ ...shared, bar: { most: 0.5 }, holds: false, calm: 3, rounds: 3 }] },
      }),
    })
    expect(page).toContain('| 1. two threads | 0.90 (0.80 – 1.00) × | ≥ 0.85 | holds | 1 M/s | 3 of 4 |')
    expect(page).toContain('| 1. two threads | 0.90 (0.80 – 1.00) × | ≤ 0.5 | **missed** | 1 M/s | 3 of 3 |')
  })
})

describe('what was not measured', () => {
  it('is named with the command that does, and nothing is made up', () => {
    const page = markdown({})
    for (const command of [
      'npm run bench',
      'npm run bench -- macro',
      'VARVE_BENCH_KIND=strings npm run bench -- macro',
      'npm run bench -- reference',
      'npm run bench -- micro',
      'npm run bench -- allocations',
      'npm run bench -- concurrency',
    ])
      expect(page).toContain(`Not measured yet: \`${command}\` does.`)
    expect(page).not.toContain('|')
  })
})

describe('the circumstances', () => {
  it('are machine, versions and the commands that repeat it', () => {
    const page = markdown({ 'macro-bytes': macro({ reopen: line({ varve: runs([1]) }, [], 'ms') }) })
    expect(page).toContain('varve 0.1.0 (abc1234) on 2 cores of a processor, Node.js v20.0.0, 2026-01-02')
    expect(page).toContain('| macro, bytes | 2026-01-02 | 0.1.0 (abc1234) | a processor | 2 | – | v20.0.0 |')
    expect(page).toContain("VARVE_BENCH_ENTRIES='20000' npm run bench -- macro --rounds 3")
    expect(page).toContain('Peers: lmdb 3.0.0.')
  })

  it('say what older results have not recorded', () => {
    const { varve, settings, ...older } = record('allocations', { bars: [], calls: [] })
    expect(varve).toBeDefined()
    expect(settings).toBeDefined()
    const page = markdown({ allocations: { ...older, machine: { ...older.machine, fileSystem: undefined } } })
    expect(page).toContain('not recorded')
    expect(page).toContain('\nnpm run bench -- allocations --rounds 3\n')
  })
})
