/**
 * T13: the models of test/torture/spin, searched to the end within their bounds by the model checker Spin. Each has seeded bugs, which must be found: what it would
 * overlook is no proof. For as long as asked: npm run torture -- spin --seconds 60 [--case mutex]. The short column and all bugs come first, bounds of the long
 * one as long as there is time; one that was begun is finished.
 */
import { described, search, type Found, type Search } from './spin/checker.ts'
import { MODELS, type Column, type Model, type SeededBug } from './spin/models.ts'

export interface SpinOptions {
  /** A longer search begins only before. */
  readonly seconds: number
  /** Which quarter of the bugs a quarter run looks for. */
  readonly seed: number
  /** A model, or all of them. */
  readonly case?: string | undefined
  /** The smallest bounds, and a quarter of the bugs. */
  readonly quarter?: boolean
  /** 1: all bounds, however long they take. */
  readonly all?: number
}

export interface ModelSummary {
  readonly model: string
  /** Bounds that were searched to the end. */
  searches: number
  states: number
  depth: number
  seconds: number
  memoryMB: number
  bugsFound: number
  bugs: number
}

export interface SpinSummary {
  readonly program: 'spin'
  readonly seconds: number
  readonly memoryMB: number
  readonly states: number
  readonly bugsFound: number
  readonly bugs: number
  readonly models: readonly ModelSummary[]
}

export async function spin(options: SpinOptions): Promise<SpinSummary> {
  const startMs = performance.now()
  const passedSeconds = (): number => (performance.now() - startMs) / 1000
  const models = MODELS.filter(({ name }) => options.case === undefined || name === options.case)
  if (models.length === 0) throw new Error(`there is no model ${options.case}`)
  const summaries = models.map((model) => ({ model, summary: emptySummary(model) }))
  for (const { model, summary } of summaries) {
    await searchColumn(model, summary, 'quarter')
    if (options.quarter !== true) await searchColumn(model, summary, 'short')
    for (const bug of options.quarter === true ? everyFourth(model.bugs, options.seed) : model.bugs) {
      await searchBug(model, bug, summary)
    }
  }
  const inTime = (): boolean => options.all === 1 || passedSeconds() < options.seconds
  if (options.quarter !== true) {
    for (const { model, summary } of summaries) await searchColumn(model, summary, 'long', inTime)
  }
  const results = summaries.map(({ summary }) => summary)
  for (const result of results) result.seconds = Math.round(result.seconds * 10) / 10
  return {
    program: 'spin',
    seconds: Math.round(passedSeconds()),
    memoryMB: Math.max(...results.map(({ memoryMB }) => memoryMB)),
    states: sum(results.map(({ states }) => states)),
    bugsFound: sum(results.map(({ bugsFound }) => bugsFound)),
    bugs: sum(results.map(({ bugs }) => bugs)),
    models: results,
  }
}

/** The model holds in the bounds of a column. @throws Error with the trail if it does not */
async function searchColumn(
  model: Model,
  summary: ModelSummary,
  wanted: Column,
  goesOn: () => boolean = () => true,
): Promise<void> {
  for (const { column, macros, liveness } of model.bounds) {
    if (column !== wanted || !goesOn()) continue
    const what = { model: model.name, macros, liveness, isLarge: column === 'long', withTrail: true }
    mustHold(what, count(summary, await search(what)))
    summary.searches++
  }
}

async function searchBug(
  model: Model,
  { name, macros, liveness }: SeededBug,
  summary: ModelSummary,
): Promise<void> {
  summary.bugs++
  const what = { model: model.name, macros: { ...macros, [name]: 1 }, liveness }
  if (count(summary, await search(what)).holds)
    throw new Error(`Spin does not find the seeded bug of ${described(what)}`)
  summary.bugsFound++
}

function mustHold(what: Search, { holds, error, trail }: Found): void {
  if (!holds) throw new Error(`${described(what)}: ${error}\n${trail}`)
}

function everyFourth(bugs: readonly SeededBug[], seed: number): readonly SeededBug[] {
  return bugs.filter((_, i) => (i + seed) % 4 === 0)
}

function emptySummary({ name }: Model): ModelSummary {
  const zero = { searches: 0, states: 0, depth: 0, seconds: 0, memoryMB: 0, bugsFound: 0, bugs: 0 }
  return { model: name, ...zero }
}

function count(summary: ModelSummary, found: Found): Found {
  summary.states += found.states
  summary.depth = Math.max(summary.depth, found.depth)
  summary.seconds += found.seconds
  summary.memoryMB = Math.max(summary.memoryMB, found.memoryMB)
  return found
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
