import type { Program } from '../programs.mjs'
import type { Test } from './catalogue.ts'

/** What a program left behind when it ended, and run.mjs with it. */
export interface StoredSummary extends Readonly<Record<string, unknown>> {
  readonly violation?: string
  /** Missing if the process ended before it could say anything. */
  readonly run?: RunRecord
}

export interface RunRecord {
  readonly options: Readonly<Record<string, number | string>>
  /** From its beginning to its end. */
  readonly seconds: number
  readonly date: string
  readonly node: string
  readonly platform: string
  readonly cpu: string
  readonly cores: number
}

/** A test, with its program and what that found, as far as there are any. */
export interface Row extends Test {
  readonly program: Program | undefined
  readonly summary: StoredSummary | undefined
  readonly state: 'passed' | 'below its bar' | 'failed' | 'not run' | 'no program' | 'suite'
}

/** Every test of the catalogue, and every program that it does not have. */
export function rowsOf(
  catalogue: readonly Test[],
  programs: readonly Program[],
  summaries: ReadonlyMap<string, StoredSummary>,
): Row[] {
  const named = programs.filter(({ name }) => catalogue.some((test) => test.name === name))
  // A program that is here by its name may do another test as well: that has no row of its own.
  const described = catalogue
    .map((test) => ({ test, program: programOf(test, programs) }))
    .filter(
      ({ test, program }) => program === undefined || program.name === test.name || !named.includes(program),
    )
  const others = programs
    .filter((program) => described.every((each) => each.program !== program))
    .map((program) => ({ test: { id: program.test, name: program.name, does: '(not described)' }, program }))
  return [...described, ...others].map(({ test, program }) => {
    const name = program?.name ?? test.name
    const summary = summaries.get(name)
    return { ...test, name, program, summary, state: stateOf(test, program, summary) }
  })
}

/** By its id, whatever it came to be called. */
function programOf({ id, name }: Test, programs: readonly Program[]): Program | undefined {
  return (
    programs.find((program) => program.name === name) ??
    programs.find((program) => program.test.split(', ').includes(id))
  )
}

function stateOf(
  { suite }: Test,
  program: Program | undefined,
  summary: StoredSummary | undefined,
): Row['state'] {
  if (program === undefined) return suite === undefined ? 'no program' : 'suite'
  if (summary === undefined) return 'not run'
  if (summary.violation !== undefined) return 'failed'
  const isBelow = Object.entries(program.bars).some(([figure, bar]) => !(Number(summary[figure]) >= bar))
  return isBelow ? 'below its bar' : 'passed'
}
