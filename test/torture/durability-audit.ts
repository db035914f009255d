/**
 * T19 of RELIABILITY.md: the rules that durability rests on (audit/rules.ts), checked on what is done to the disk: by workloads on a simulated one, also where syncs of it fail, and by a real program
 * under strace, once with a sync that fails.
 */
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32, pick } from '../support/random.ts'
import type { AuditedRequest } from './audit/audited-child.ts'
import { Auditor, BrokenRule, audit, type Rule } from './audit/rules.ts'
import { eventsOf, runTraced } from './audit/strace.ts'
import { tracedDisk } from './audit/traced-disk.ts'
import type { TraceEvent } from './audit/trace.ts'
import { Run, Violation } from './runner.ts'
import { bundleWithEngine } from './threads/engine-bundle.ts'
import { SMALL_LEVELS, type Patch } from './threads/patches.ts'
import { makeWorkload, type Setting } from './workload.ts'

export interface Budget {
  readonly seed: number
  /** No workload is begun after this time, unless a configuration was not used yet. */
  readonly seconds: number
  readonly steps?: number
  /** Puts something between the database and the traced disk, for positive controls; then there is no real run. */
  readonly disk?: (files: FaultyFileSystem) => FaultyFileSystem
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  configurations: number
  workloads: number
  realRuns: number
  events: number
  /** Of real runs, and of all. */
  realFailedSyncs: number
  failedSyncs: number
  checks: Record<Rule, number>
}

interface Configuration {
  readonly setting: Setting
  /** One of its syncs fails. */
  readonly fails: boolean
}

export const CONFIGURATIONS: readonly Configuration[] = [
  { setting: { durability: 'sync', memtableSize: 4096 }, fails: false },
  { setting: { durability: 'os', memtableSize: 4096 }, fails: false },
  { setting: { durability: 'buffered', memtableSize: 16_384 }, fails: false },
  { setting: { durability: 'os', memtableSize: 1_048_576 }, fails: false },
  { setting: { durability: 'none', memtableSize: 4096 }, fails: false },
  { setting: { durability: 'sync', memtableSize: 4096 }, fails: true },
]

const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** Real runs, then workload after workload. @throws Violation with the command that repeats it */
export async function durabilityAudit(budget: Budget): Promise<Summary> {
  const { seed, seconds, steps = 60, disk } = budget
  const began = Date.now()
  const summary: Summary = {
    program: 'durability-audit',
    seed,
    seconds: 0,
    configurations: 0,
    workloads: 0,
    realRuns: 0,
    events: 0,
    realFailedSyncs: 0,
    failedSyncs: 0,
    checks: new Auditor().checks,
  }
  const checked = async (what: string, current: number, run: () => Promise<Auditor>): Promise<void> => {
    try {
      note(summary, await run())
    } catch (error) {
      if (!(error instanceof BrokenRule)) throw error
      const repeat = `node test/torture/run.mjs durability-audit --seed ${current} --seconds 1`
      throw new Violation(`${what}: ${error.message}\n  again: ${repeat}`, { cause: error })
    }
  }
  if (disk === undefined) {
    for (const inject of [undefined, failingSync(seed)]) {
      await checked(`a real run${inject === undefined ? '' : `, ${inject}`}`, seed, () =>
        realRun(seed, inject),
      )
      summary.realRuns++
      summary.realFailedSyncs = summary.failedSyncs
    }
  }
  while (summary.workloads < CONFIGURATIONS.length || Date.now() - began < seconds * 1000) {
    // NOTE: the seed says which configuration comes first, so that one workload can be repeated.
    const current = seed + summary.workloads
    const configuration = CONFIGURATIONS[current % CONFIGURATIONS.length]
    if (configuration === undefined) break
    const what = `a workload with ${JSON.stringify(configuration)}`
    await checked(what, current, () => simulatedRun(current, steps, configuration, disk))
    summary.workloads++
    summary.configurations = Math.min(summary.workloads, CONFIGURATIONS.length)
  }
  summary.seconds = (Date.now() - began) / 1000
  return summary
}

function note(summary: Summary, { events, failedSyncs, checks }: Auditor): void {
  summary.events += events
  summary.failedSyncs += failedSyncs
  for (const [rule, count] of Object.entries(checks)) summary.checks[rule as Rule] += count
}

/** One of the first syncs of journals, tables and manifests of each thread. */
function failingSync(seed: number): string {
  return `fdatasync:error=EIO:when=${12 + (seed % 20)}`
}

/** @throws BrokenRule */
export async function realRun(
  seed: number,
  inject?: string,
  patches: readonly Patch[] = [],
): Promise<Auditor> {
  const suffix = patches.length === 0 ? '' : `-patched-${process.pid}`
  const entry = 'test/torture/audit/audited-child.ts'
  const outfile = `build/torture/audit/audited${suffix}.mjs`
  const file = await bundleWithEngine(entry, outfile, [...SMALL_LEVELS, ...patches])
  const root = realpathSync(mkdtempSync(join(base, 'varve-audit-')))
  try {
    const directory = join(root, 'database')
    const traceFile = join(root, 'trace')
    const request: AuditedRequest = { directory, seed }
    await runTraced(traceFile, [file, JSON.stringify(request)], inject)
    const events: TraceEvent[] = []
    for await (const event of eventsOf(traceFile, directory)) events.push(event)
    return audit(events)
  } finally {
    rmSync(root, { recursive: true, force: true })
    if (patches.length > 0) rmSync(file)
  }
}

/** @throws BrokenRule */
async function simulatedRun(
  seed: number,
  steps: number,
  { setting, fails }: Configuration,
  disk: (files: FaultyFileSystem) => FaultyFileSystem = (files) => files,
): Promise<Auditor> {
  const random = mulberry32(seed)
  const workload = makeWorkload(random, setting, steps)
  const events: TraceEvent[] = []
  const files = new FaultyFileSystem()
  if (fails) failOneSync(files, random)
  const traced = tracedDisk(files, (event) => events.push(event))
  const run = new Run(disk(traced), setting)
  const { model } = run
  const acknowledge = model.acknowledge.bind(model)
  model.acknowledge = (durability, commits = model.commits) => {
    if (durability === 'sync') events.push({ kind: 'acknowledged', commit: commits })
    acknowledge(durability, commits)
  }
  try {
    await run.open()
    for (const step of workload.steps) await run.run(step)
    await run.close()
  } catch (error) {
    if (!fails || error instanceof Violation) throw error
    // NOTE: what the failed call left to the background must do no harm either.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    await run
      .abandon()
      ?.close()
      .catch(() => {})
  }
  return audit(events)
}

/** Later ones work again: whoever tries one is found out. */
function failOneSync(files: FaultyFileSystem, random: () => number): void {
  let left = 10 + pick(random, 60)
  files.onOperation = (_, kind) => {
    if (kind !== 'sync' && kind !== 'syncDirectory') return 'continue'
    return --left === 0 ? { syncFails: pick(random, 2) === 0 ? 'dropsPages' : 'keepsPages' } : 'continue'
  }
}
