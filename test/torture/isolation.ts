/**
 * T10 of RELIABILITY.md: four threads read and write one database by all the ways there are, with flushes and compactions of tiny tables beside them, run
 * after run, each in a process of its own. What every read saw is compared with what is promised: one moment, whole batches, one's own writes, the order of commits.
 * The seeded bugs prove that it would be noticed.
 */
import { rmSync } from 'node:fs'
import { Violation } from './runner.ts'
import { BUGS, type Bug } from './threads/bugs.ts'
import { runChild, type Outcome } from './threads/child.ts'
import { DAWDLING } from './threads/dawdling.ts'
import { bundleWithEngine } from './threads/engine-bundle.ts'
import type { RunReport } from './threads/isolation-child.ts'
import { SMALL_LEVELS, type Patch } from './threads/patches.ts'

export interface Budget {
  readonly seed: number
  /** No run is begun after this time, unless it is the first. */
  readonly seconds: number
  /** Seeded in the engine. */
  readonly patches?: readonly Patch[]
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  runs: number
  operations: number
  registerOperations: number
  listEntries: number
  snapshots: number
  flushes: number
  compactions: number
}

/** Seconds of a run. */
const RUN_SECONDS = 5
/** NOTE: on a busy machine a thread may wait for seconds until it is its turn. */
const STUCK_MS = 30_000

/** Run after run, from `seed` on. @throws Violation with the command that repeats it */
export async function isolation({ seed, seconds, patches = [] }: Budget): Promise<Summary> {
  const began = Date.now()
  const file = await bundle(patches.length === 0 ? 'isolation' : `isolation-patched-${process.pid}`, patches)
  const summary: Summary = {
    program: 'isolation',
    seed,
    seconds: 0,
    runs: 0,
    operations: 0,
    registerOperations: 0,
    listEntries: 0,
    snapshots: 0,
    flushes: 0,
    compactions: 0,
  }
  try {
    while (summary.runs === 0 || Date.now() - began < seconds * 1000) {
      const current = seed + summary.runs
      const { report, failure } = await run(file, current, RUN_SECONDS)
      const repeat = `\n  again, if the threads meet again: node test/torture/run.mjs isolation --seed ${current} --seconds ${RUN_SECONDS}`
      if (failure !== undefined) throw new Violation(failure + repeat)
      const { found, setting } = report
      if (found !== undefined)
        throw new Violation(
          `${found.history}: ${found.message}\n  after ${Math.round(found.afterMs)} ms of ${JSON.stringify(setting)}${repeat}`,
        )
      summary.runs++
      for (const figure of FIGURES) summary[figure] += report[figure]
    }
  } finally {
    if (patches.length > 0) rmSync(file, { force: true })
  }
  summary.seconds = (Date.now() - began) / 1000
  return summary
}

const FIGURES = [
  'operations',
  'registerOperations',
  'listEntries',
  'snapshots',
  'flushes',
  'compactions',
] as const

export interface Caught {
  readonly bug: string
  /** The history that showed it; undefined if none did. */
  readonly history: string | undefined
  readonly message: string
  /** Since the threads of the first run began. */
  readonly seconds: number
  readonly runs: number
}

/** Runs the engine with a seeded bug, up to `runs` times, until it is noticed. */
export async function seededBug(name: keyof typeof BUGS, seed: number, runs = 6): Promise<Caught> {
  const bug: Bug = BUGS[name] ?? { patches: [], histories: [] }
  const file = await bundle(`isolation-${name.replaceAll(' ', '-')}`, bug.patches)
  for (let i = 0; i < runs; i++) {
    const { report, failure } = await run(file, seed + i, RUN_SECONDS)
    if (failure !== undefined) throw new Error(`the run with a seeded bug did not report: ${failure}`)
    const { found } = report
    if (found === undefined) continue
    const seconds = i * RUN_SECONDS + found.afterMs / 1000
    return { bug: name, history: found.history, message: found.message, seconds, runs: i + 1 }
  }
  return { bug: name, history: undefined, message: '', seconds: runs * RUN_SECONDS, runs }
}

/** A run in which a thread goes to sleep with the journal lock. @returns what it says before it ends */
export async function stuckRun(seed: number): Promise<string> {
  const find = '      thread.inGroup = true\n      exports.beginGroup(slot, record.count)'
  const sleep = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'
  const patch = { file: 'src/engine/write-path.ts', find, replace: `${sleep}\n${find}` }
  const file = await bundle('isolation-stuck', [patch])
  const { failure } = await runChild(file, { seed, seconds: RUN_SECONDS, stuckMs: 5000 }, 60_000)
  return failure ?? 'it ended'
}

function bundle(name: string, patches: readonly Patch[]): Promise<string> {
  const entry = 'test/torture/threads/isolation-child.ts'
  return bundleWithEngine(entry, `build/torture/threads/${name}.mjs`, [
    ...patches,
    ...SMALL_LEVELS,
    ...DAWDLING,
  ])
}

function run(file: string, seed: number, seconds: number): Promise<Outcome<RunReport>> {
  return runChild(file, { seed, seconds, stuckMs: STUCK_MS }, seconds * 1000 + 3 * STUCK_MS)
}
