/**
 * T11: interleavings of what several threads do at once, one access at a time: the real kernel, compiled with a point in front of each atomic access
 * (scripts/build-explored.mjs), and the engine's own TypeScript. Every schedule with few switches, a thread that dies or traps at every point, then random schedules.
 * docs/exploration.md.
 */
import { type Case, CASES, type Extent } from './sched/cases.ts'
import { CONTROLS, findControl } from './sched/controls.ts'
import { Explorer, FailedSchedule } from './sched/explorer.ts'
import { exploredKernel } from './sched/explored-kernel.ts'
import { sourcePlaces } from './sched/explored-sources.ts'
import { failure } from './sched/minimise.ts'
import type { Fault } from './sched/scene.ts'
import { parseSchedule, Violation } from './sched/violation.ts'

export interface SchedOptions {
  readonly seed: number
  /** When the schedules that every run has are done, random ones go on until then. */
  readonly seconds: number
  /** As npm test runs it: about a quarter of the schedules. */
  readonly isQuick?: boolean
  /** Cases whose names contain this. */
  readonly case?: string
  /** Runs this schedule of `case`, and nothing else; with a thread and point that it dies at, `1:4`, or traps at, `1:4:trap`. */
  readonly schedule?: string
  readonly death?: string
}

export interface ScenarioSummary {
  schedules: number
  /** Of these, with a thread that died or trapped. */
  faults: number
  /** Points that threads came to. */
  points: number
  seconds: number
}

export interface SchedSummary {
  readonly program: 'sched'
  readonly seed: number
  readonly schedules: number
  readonly faults: number
  readonly scenarios: Readonly<Record<string, ScenarioSummary>>
  /** Places in the code with an atomic access that threads came to. */
  readonly kernelPlaces: string
  readonly sourcePlaces: string
  readonly seededBugs: string
  readonly seconds: number
}

/** Places that no schedule here comes to, and why. */
const EXCEPTED: readonly (readonly [place: RegExp, because: string])[] = [
  [/^memtable\/memtable\/memtableInsert(?:Chain)?: load u64$/, 'for a second thread that inserts'],
  [/^cache\/shard\/shardLockSlowly: load u32$/, 'after 65,536 looks at a lock'],
  [
    /^read\/(?:merge-run\/(?:stepRoot|stepIndex)|table-get\/seekIndex): add u32$/,
    'tables here have one index block with fences, and no filter',
  ],
  [/^read\/merge-run\/seekFences: load u32$/, 'for ranges that begin in a table'],
  [/^read\/table-filter\/askFilter: /, 'tables here have no filter'],
  [/^engine\/tree-door: Atomics\.store\(words, this\.record \+ TREE_GAP/, 'for ranges over deleted entries'],
  [/^engine\/tree: Atomics\.store\(kernel\.words, identity\.record/, 'before anybody else has the keyspace'],
  [/^engine\/thread: .*CONTROL_SHUT/, 'when the database is closed'],
]

/** Random schedules of a case at a time, when there is time left. */
const ROUND = 2000
/** Lines that are shown of what threads did. */
const TOLD_MAX = 200

class Exploration {
  readonly scenarios: Record<string, ScenarioSummary> = {}
  readonly #options: SchedOptions
  readonly #visited = new Set<number>()

  constructor(options: SchedOptions) {
    this.#options = options
  }

  total(what: 'schedules' | 'faults'): number {
    return Object.values(this.scenarios).reduce((sum, scenario) => sum + scenario[what], 0)
  }

  /** @throws Violation */
  explore(each: Case, seed: number, { every, faults, random }: Extent): void {
    const start = performance.now()
    const machine = each.make()
    const explorer = new Explorer(machine, seed)
    try {
      if (every >= 0) explorer.all({ preemptions: every, reduced: true })
      if (faults >= 0) explorer.allFaults({ preemptions: faults, reduced: true })
      explorer.random(random, true)
    } catch (error) {
      if (error instanceof FailedSchedule) throw described(each, error, this.#options.seed)
      throw error
    }
    const [name = ''] = each.name.split(': ')
    const summary = (this.scenarios[name] ??= { schedules: 0, faults: 0, points: 0, seconds: 0 })
    summary.schedules += explorer.schedules
    summary.faults += explorer.faults
    summary.points += machine.points
    summary.seconds += (performance.now() - start) / 1000
    for (const [place, visited] of machine.visited.entries()) if (visited !== 0) this.#visited.add(place)
  }

  /** @throws Violation if there are places that no schedule came to */
  places(): { kernelPlaces: string; sourcePlaces: string } {
    const kernel = exploredKernel().places.map((name, place) => ({ name, place }))
    const sources = sourcePlaces()
      .map(({ name, isCounted }, i) => ({ name, place: kernel.length + i, isCounted }))
      .filter(({ isCounted }) => isCounted)
    const missing = [...kernel, ...sources].filter(({ place }) => !this.#visited.has(place))
    const unexpected = missing.filter(({ name }) => !EXCEPTED.some(([place]) => place.test(name)))
    if (unexpected.length > 0)
      throw new Violation(`no schedule came to:\n${unexpected.map(({ name }) => name).join('\n')}`)
    const counted = (all: readonly { name: string; place: number }[]): string => {
      const visited = all.filter(({ place }) => this.#visited.has(place)).length
      return `${visited} of ${all.length}, ${all.length - visited} excepted`
    }
    return { kernelPlaces: counted(kernel), sourcePlaces: counted(sources) }
  }
}

/** @throws Violation, with the schedule and the command that repeats it */
export function sched(options: SchedOptions): SchedSummary {
  const { seed, seconds, isQuick = false, case: wanted = '' } = options
  const cases = CASES.filter(({ name }) => name.includes(wanted))
  if (options.schedule !== undefined) repeat(options)
  if (cases.length === 0) throw new RangeError(`no case is called ${wanted}`)
  const start = performance.now()
  const elapsed = (): number => (performance.now() - start) / 1000
  const exploration = new Exploration(options)
  for (const each of cases) exploration.explore(each, seed, isQuick ? each.quick : each.full)
  const isAll = wanted === ''
  const seededBugs = isAll && !isQuick ? checkControls(seed) : 'not tried'
  for (let round = 1; !isQuick && elapsed() < seconds; round++) {
    for (const each of cases) {
      if (elapsed() >= seconds) break
      exploration.explore(each, seed + 1_000_003 * round, { every: -1, faults: -1, random: ROUND })
    }
  }
  const places = isAll ? exploration.places() : { kernelPlaces: 'not counted', sourcePlaces: 'not counted' }
  const { scenarios } = exploration
  for (const scenario of Object.values(scenarios)) scenario.seconds = Math.round(scenario.seconds * 10) / 10
  return {
    program: 'sched',
    seed,
    schedules: exploration.total('schedules'),
    faults: exploration.total('faults'),
    scenarios,
    ...places,
    seededBugs,
    seconds: Math.round(elapsed()),
  }
}

/** @throws Violation if a seeded bug is not found */
function checkControls(seed: number): string {
  const missed = CONTROLS.filter((control) => findControl(control, seed) === undefined)
  if (missed.length > 0)
    throw new Violation(`seeded bugs not found: ${missed.map(({ name }) => name).join('; ')}`)
  return `${CONTROLS.length} of ${CONTROLS.length} found`
}

function repeat({ case: wanted = '', schedule = '', death }: SchedOptions): void {
  const each = CASES.find(({ name }) => name.includes(wanted))
  if (each === undefined) throw new RangeError(`no case is called ${wanted}`)
  const machine = each.make()
  machine.tells = true
  const failed = failure(machine, parseSchedule(schedule), parseFault(death))
  console.log(`${each.name}, schedule ${schedule}\n${shown(machine.told)}`)
  if (failed !== undefined) throw new Violation(failed.message)
  console.log('nothing is violated')
}

function parseFault(text: string | undefined): Fault | undefined {
  const [thread, point, trap] = text?.split(':') ?? []
  if (thread === undefined || point === undefined) return undefined
  return { thread: Number(thread), point: Number(point), traps: trap === 'trap' }
}

function described(
  { name }: Case,
  { message, schedule, fault, told }: FailedSchedule,
  seed: number,
): Violation {
  const at = fault === undefined ? '' : ` --death ${fault.thread}:${fault.point}${fault.traps ? ':trap' : ''}`
  const command = `npm run torture -- sched --seed ${seed} --case "${name}" --schedule ${schedule}${at}`
  return new Violation(`${name}: ${message}\nseed ${seed}; to repeat it: ${command}\n${shown(told)}`)
}

function shown(told: readonly string[]): string {
  const lines = told.slice(0, TOLD_MAX).map((line) => `  ${line}`)
  if (told.length > TOLD_MAX) lines.push(`  … ${told.length - TOLD_MAX} more`)
  return lines.join('\n')
}
