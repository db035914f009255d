/** docs/reliability.md, from what the programs left behind. Only the figures, and which programs there are, change from one run to the next. */
import type { EngineFigures } from '../peers/figures.ts'
import type { Program } from '../programs.mjs'
import { CATALOGUE } from './catalogue.ts'
import { count, figuresOf, words } from './numbers.ts'
import { peersTable } from './peers.ts'
import { type Row, type RunRecord, type StoredSummary, rowsOf } from './rows.ts'
import { AFTER_TABLE, NOT_COVERED, PEERS, PROMISES, REPEAT } from './text.ts'

/** A run of all programs, as run.mjs leaves it. */
export interface ColumnRun {
  readonly column: 'short' | 'long'
  readonly seed: number
  readonly minutes: number
  readonly date: string
  readonly results: readonly { readonly name: string; readonly passed: boolean }[]
}

export interface ReportInput {
  readonly programs: readonly Program[]
  /** The last of each program, by its name. */
  readonly summaries: ReadonlyMap<string, StoredSummary>
  readonly columns: readonly ColumnRun[]
}

export function reliabilityMarkdown({ programs, summaries, columns }: ReportInput): string {
  const rows = rowsOf(CATALOGUE, programs, summaries)
  const parts = [
    '<!-- Made by `npm run torture -- report` (test/torture/report); what is changed here is lost. -->',
    '# Reliability: what was tried, and what came of it',
    standing(rows),
    '## What is promised',
    PROMISES,
    '## The programs',
    programsTable(rows),
    AFTER_TABLE,
    ...violations(rows),
    '## Damaged files: varve and its peers',
    PEERS,
    ...peers(summaries.get('peer-parity')),
    '## All figures',
    allFigures(rows),
    '## The machine',
    machines([...summaries.values()].flatMap(({ run }) => run ?? [])),
    '## How to repeat it',
    REPEAT,
    ...columns.map(columnLine),
    '## What is not covered',
    [...NOT_COVERED, ...notTested(rows)].map((line) => `- ${line}`).join('\n'),
  ]
  return `${parts.join('\n\n')}\n`
}

/** In one paragraph what the table says. */
function standing(rows: readonly Row[]): string {
  const named = (state: Row['state']): string => namesOf(rows.filter((row) => row.state === state))
  const all = rows.filter((row) => row.program !== undefined)
  const passed = rows.filter((row) => row.state === 'passed').length
  const sentences = [
    `Of ${all.length} programs ${passed} ran without a violation and did as much as they have to.`,
  ]
  for (const [state, what] of [
    ['failed', 'Failed, as is said below the table'],
    ['below its bar', 'Without a violation, but less than asked was done by'],
    ['not run', 'Missing because they were not run'],
    ['no program', 'Missing because they have no program'],
  ] as const) {
    if (named(state) !== '') sentences.push(`${what}: ${named(state)}.`)
  }
  return sentences.join(' ')
}

function namesOf(rows: readonly Row[]): string {
  return rows.map(({ id, name }) => (id === '' ? `\`${name}\`` : `\`${name}\` (${id})`)).join(', ')
}

function programsTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const seed = row.summary?.run?.options['seed'] ?? row.summary?.['seed']
    const seconds = row.summary?.run?.seconds
    return [
      row.id === '' ? '–' : (row.program?.test ?? row.id),
      `\`${row.name}\``,
      row.does,
      barsOf(row),
      seconds === undefined ? '–' : count(seconds),
      typeof seed === 'number' ? String(seed) : '–',
      resultOf(row),
    ]
  })
  const head = [
    ['test', 'program', 'what it does', 'figures (at least)', 'seconds', 'seed', 'result'],
    ['---', '---', '---', '---', '---:', '---:', '---'],
  ]
  return [...head, ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

function barsOf({ program, summary }: Row): string {
  const bars = Object.entries(program?.bars ?? {})
  if (bars.length === 0) return '–'
  return bars
    .map(([figure, bar]) => `${words(figure)} ${figureOf(summary, figure)} (${count(bar)})`)
    .join(', ')
}

function figureOf(summary: StoredSummary | undefined, figure: string): string {
  const value = summary?.[figure]
  return typeof value === 'number' ? count(value) : '–'
}

function resultOf({ state, suite = '' }: Row): string {
  switch (state) {
    case 'suite':
      return `by \`${suite}\``
    case 'not run':
      return '**missing: not run**'
    case 'no program':
      return '**missing: no program**'
    case 'passed':
      return state
    default:
      return `**${state}**`
  }
}

function violations(rows: readonly Row[]): string[] {
  return rows.flatMap(({ name, summary }) =>
    summary?.violation === undefined ? [] : [`\`${name}\`:`, `\`\`\`\`text\n${summary.violation}\n\`\`\`\``],
  )
}

function peers(summary: StoredSummary | undefined): string[] {
  // The summary is that of peer-parity.ts: it has been through JSON.
  const engines = (summary?.['engines'] ?? []) as readonly EngineFigures[]
  if (engines.length === 0) return ['**Missing: `peer-parity` was not run, or did not end.**']
  const why = engines.flatMap(({ engine, missing }) =>
    missing === undefined ? [] : [`Not measured: ${engine}. ${missing}.`],
  )
  return [
    'One random bit flipped:',
    peersTable(engines, 'flip'),
    'One file cut off at a random length:',
    peersTable(engines, 'truncation'),
    ...why,
  ]
}

function allFigures(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ name, summary }) => {
    const figures = figuresOf(summary ?? {})
    return figures.length === 0 ? [] : [`- \`${name}\`: ${figures.join('; ')}`]
  })
  return lines.length === 0 ? 'None: no program was run.' : lines.join('\n')
}

/** Every machine that a figure is from. */
function machines(runs: readonly RunRecord[]): string {
  const byMachine = new Map<string, string[]>()
  for (const { cpu, cores, node, platform, date } of runs) {
    const machine = `| ${cpu} | ${cores} | ${platform} | ${node} |`
    byMachine.set(machine, [...(byMachine.get(machine) ?? []), date])
  }
  if (byMachine.size === 0) return 'None: no program was run.'
  const lines = [...byMachine].map(([machine, dates]) => {
    const [first = '', ...others] = [...new Set(dates)].sort()
    const last = others.at(-1)
    return `${machine} ${last === undefined ? first : `${first} to ${last}`} |`
  })
  return ['| CPU | cores | platform | Node.js | date |', '| --- | ---: | --- | --- | --- |', ...lines].join(
    '\n',
  )
}

function columnLine({ column, seed, minutes, date, results }: ColumnRun): string {
  const command = `npm run torture -- ${column === 'short' ? 'short' : 'all'} --seed ${seed}`
  const failed = results.filter(({ passed }) => !passed).map(({ name }) => `\`${name}\``)
  const outcome = failed.length === 0 ? 'all passed' : `failed: ${failed.join(', ')}`
  return `Last run of \`${command}\`: ${date}, ${results.length} programs in ${minutes} minutes, ${outcome}.`
}

function notTested(rows: readonly Row[]): string[] {
  const named = (state: Row['state']): string => namesOf(rows.filter((row) => row.state === state))
  return [
    ...(named('no program') === ''
      ? []
      : [
          `**What the design asks for and has no program:** ${named('no program')}. The table has what each would do.`,
        ]),
    ...(named('not run') === '' ? [] : [`**What was not run for this page:** ${named('not run')}.`]),
  ]
}
