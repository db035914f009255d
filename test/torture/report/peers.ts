/** The table of what the engines made of the same damages. */
import type { Damage } from '../peers/damage.ts'
import type { EngineFigures, KindFigures } from '../peers/figures.ts'
import { count, percent } from './numbers.ts'

/** Markdown, without the heading. */
export function peersTable(engines: readonly EngineFigures[], type: Damage['type']): string {
  const noun = type === 'flip' ? 'flips' : 'cuts'
  const columns = [
    'engine',
    'file',
    'bytes',
    noun,
    'no effect',
    'reported',
    'reported, wrong data served too',
    '**silently wrong or missing**',
    '**process died**',
    '**hung**',
  ]
  const alignment = columns.map((_, i) => (i < 2 ? '---' : '---:'))
  const rows = engines.flatMap(({ engine, version, missing, kinds }) => {
    if (missing !== undefined) {
      const name = `${engine} ${version}`.trim()
      return [[name, 'not measured', ...columns.slice(2).map(() => '–')]]
    }
    return kinds.filter((row) => row.type === type).map((row) => cells(`${engine} ${version}`, row))
  })
  return [columns, alignment, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function cells(engine: string, row: KindFigures): string[] {
  const share = (part: number): string => (part === 0 ? '0' : `${count(part)} (${percent(part, row.runs)})`)
  return [
    engine,
    row.kind,
    count(row.sizeBytes),
    count(row.runs),
    share(row.noEffect),
    share(row.reported),
    share(row.reportedButWrong),
    share(row.silent),
    share(row.died),
    share(row.hung),
  ]
}
