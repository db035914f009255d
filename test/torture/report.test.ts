/** docs/reliability.md says what was found, and what was not looked for. */
import { describe, expect, it } from 'vitest'
import type { EngineFigures } from './peers/figures.ts'
import { newFigures } from './peers/figures.ts'
import { PROGRAMS, type Program } from './programs.mjs'
import { CATALOGUE } from './report/catalogue.ts'
import { reliabilityMarkdown } from './report/markdown.ts'
import { type RunRecord, type StoredSummary, rowsOf } from './report/rows.ts'

const crashPoints: Program = {
  name: 'crash-points',
  run: 'crashPoints',
  test: 'T01, T01b',
  bars: { images: 60_000 },
}
const peerParity: Program = { name: 'peer-parity', run: 'peerParity', test: 'T23', bars: {} }
const run: RunRecord = {
  options: { seed: 7, seconds: 120 },
  seconds: 121,
  date: '2026-01-02',
  node: 'v20.0.0',
  platform: 'linux x64',
  cpu: 'A CPU',
  cores: 2,
}
const enough: StoredSummary = {
  program: 'crash-points',
  seed: 7,
  images: 61_234,
  doubleCrashes: 12_345,
  byPolicy: { keepAll: 9000, loseAll: 8000 },
  run,
}

function report(
  summaries: Readonly<Record<string, StoredSummary>>,
  programs: readonly Program[] = [crashPoints, peerParity],
): string {
  return reliabilityMarkdown({ programs, summaries: new Map(Object.entries(summaries)), columns: [] })
}

/** The row of a program in the table of programs. */
function rowOf(markdown: string, name: string): string {
  return markdown.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${name}\``)) ?? ''
}

describe('a program', () => {
  it('that passed has its figures, bars, seconds and seed in its row', () => {
    const markdown = report({ 'crash-points': enough })
    const row = rowOf(markdown, 'crash-points')
    expect(row).toMatch(/^\| T01, T01b .*images 61,234 \(60,000\) \| 121 \| 7 \| passed \|$/)
    expect(markdown).toContain('double crashes 12,345; by policy: keep all 9,000, lose all 8,000')
    expect(markdown).toContain('| A CPU | 2 | linux x64 | v20.0.0 | 2026-01-02 |')
    expect(markdown).toContain('Of 2 programs 1 ran without a violation')
  })

  it('that did too little is said to be below its bar', () => {
    const markdown = report({ 'crash-points': { ...enough, images: 59_999 } })
    expect(rowOf(markdown, 'crash-points')).toContain('**below its bar**')
    expect(markdown).toContain('less than asked was done by: `crash-points` (T01)')
  })

  it('that failed is said so, with what it found', () => {
    const markdown = report({ 'crash-points': { violation: 'a batch was torn\n  again: node …', run } })
    expect(rowOf(markdown, 'crash-points')).toContain('**failed**')
    expect(markdown).toContain('a batch was torn\n  again: node …')
    expect(markdown).toContain('Of 2 programs 0 ran')
  })

  it('that was not run is said to be missing, and listed as not covered', () => {
    const markdown = report({})
    expect(rowOf(markdown, 'crash-points')).toContain('**missing: not run**')
    expect(markdown).toContain(
      '**What was not run for this page:** `crash-points` (T01), `peer-parity` (T23).',
    )
    expect(markdown).toContain('**Missing: `peer-parity` was not run, or did not end.**')
  })

  it('that the design asks for and nobody wrote is said to be missing', () => {
    const markdown = report({ 'crash-points': enough })
    expect(rowOf(markdown, 'kill9')).toContain('**missing: no program**')
    expect(markdown).toMatch(/has no program:\*\* .*`kill9` \(T05\)/)
  })

  it('goes by its id in the design, whatever it is called', () => {
    const program: Program = { name: 'slaughter', run: 'slaughter', test: 'T05', bars: {} }
    expect(rowOf(report({ slaughter: { run } }, [program]), 'slaughter')).toMatch(/^\| T05 .*passed/)
  })

  it('that does two tests has one row', () => {
    const program: Program = { name: 'kill9', run: 'kill9', test: 'T05, T19', bars: {} }
    const markdown = report({ kill9: { run } }, [program])
    expect(rowOf(markdown, 'kill9')).toMatch(/^\| T05, T19 .*passed/)
    expect(rowOf(markdown, 'durability-audit')).toBe('')
  })

  it('that the catalogue does not have is in the table all the same', () => {
    const program: Program = { name: 'new', run: 'newOne', test: 'T99', bars: {} }
    expect(rowOf(report({}, [program]), 'new')).toContain('(not described)')
  })
})

it('every program of run.mjs is described', () => {
  const rows = rowsOf(CATALOGUE, PROGRAMS, new Map())
  expect(rows.filter(({ does }) => does === '(not described)')).toEqual([])
  expect(rows.filter(({ program }) => program !== undefined)).toHaveLength(PROGRAMS.length)
})

describe('the table of peers', () => {
  const engines: EngineFigures[] = [
    {
      engine: 'varve',
      version: '1.0.0',
      kinds: [{ ...newFigures('table', 'flip', 4096), runs: 500, reported: 500 }],
    },
    {
      engine: 'other',
      version: '3.0.0',
      kinds: [{ ...newFigures('log', 'flip', 1000), runs: 400, silent: 399, died: 1 }],
    },
    { engine: 'lmdb', version: '', missing: 'lmdb is not installed', kinds: [] },
  ]

  it('has a row for each kind of file, and says why an engine has none', () => {
    const markdown = report({ 'peer-parity': { engines, run } })
    expect(markdown).toContain('| varve 1.0.0 | table | 4,096 | 500 | 0 | 500 (100.0 %) | 0 | 0 | 0 | 0 |')
    expect(markdown).toContain(
      '| other 3.0.0 | log | 1,000 | 400 | 0 | 0 | 0 | 399 (99.8 %) | 1 (0.3 %) | 0 |',
    )
    expect(markdown).toContain('| lmdb | not measured |')
    expect(markdown).toContain('Not measured: lmdb. lmdb is not installed.')
  })
})

it('runs of all programs are named with what failed', () => {
  const results = [
    { name: 'spin', passed: true },
    { name: 'sched', passed: false },
  ]
  const columns = [{ column: 'short', seed: 3, minutes: 4.5, date: '2026-01-02', results }] as const
  const markdown = reliabilityMarkdown({ programs: [], summaries: new Map(), columns })
  expect(markdown).toContain(
    'Last run of `npm run torture -- short --seed 3`: 2026-01-02, 2 programs in 4.5 minutes, failed: `sched`.',
  )
})
