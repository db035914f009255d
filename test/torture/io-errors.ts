/**
 * T03 of RELIABILITY.md: a workload runs again and again, each time with a fault injected at another operation. The error must be
 * typed, the database poisoned exactly when the contract says so, reads go on; and when the disk is healed and the database
 * opened again, nothing acknowledged may be missing.
 */
import { VarveError } from '../../src/errors.ts'
import type { SubjectDatabase } from '../support/subject.ts'
import { FaultyFileSystem, type OperationRecord } from '../support/faulty.ts'
import { mulberry32, pick } from '../support/random.ts'
import {
  type Injection,
  describeInjection,
  faultsOf,
  injector,
  isOutOfSpace,
  poisons,
  type Hits,
} from './faults.ts'
import type { Image } from './images.ts'
import { Run, Violation, nothingApplied } from './runner.ts'
import { readAll, verify } from './verify.ts'
import { type Setting, type Workload, makeWorkload } from './workload.ts'

export interface FaultBudget {
  readonly seed: number
  readonly seconds: number
  readonly workloads?: number
  readonly steps?: number
  /** Goes on after a violation; then all kinds of them are reported at the end. */
  readonly all?: number
}

export interface FaultSummary {
  program: string
  seed: number
  seconds: number
  workloads: number
  /** Runs with a fault. */
  runs: number
  /** Runs whose fault made a call fail. */
  failed: number
  poisoned: number
  byKind: Record<string, number>
}

const faultSettings: readonly Setting[] = [
  { durability: 'os', memtableSize: 4096 },
  { durability: 'buffered', memtableSize: 4096 },
  { durability: 'sync', memtableSize: 16_384 },
]

/** Workload after workload, from `seed` on. @throws Violation with the command that repeats it */
export async function ioErrors(budget: FaultBudget): Promise<FaultSummary> {
  const began = Date.now()
  const { seed, seconds, workloads = Infinity, steps = 20 } = budget
  const inTime = (): boolean => Date.now() - began < seconds * 1000
  const summary: FaultSummary = {
    program: 'io-errors',
    seed,
    seconds: 0,
    workloads: 0,
    runs: 0,
    failed: 0,
    poisoned: 0,
    byKind: {},
  }
  const found = new Map<string, Violation>()
  while (summary.workloads < workloads && (summary.workloads === 0 || inTime())) {
    const current = seed + summary.workloads
    const random = mulberry32(current)
    const setting = faultSettings[current % faultSettings.length] ?? { durability: 'os', memtableSize: 4096 }
    const workload = makeWorkload(random, setting, steps)
    for (const injection of await injections(workload, random)) {
      if (!inTime() && workloads === Infinity && summary.runs >= 500) break
      try {
        await runWithFault(workload, injection, summary)
      } catch (error) {
        if (!(error instanceof Violation)) throw error
        const violation = new Violation(
          `${describeInjection(injection)}: ${error.message}\n  setting ${JSON.stringify(setting)}\n` +
            workload.steps.map((step, i) => `  ${i}. ${JSON.stringify(step)}`).join('\n') +
            `\n  node test/torture/run.mjs io-errors --seed ${current} --steps ${steps} --workloads 1`,
          { cause: error },
        )
        if (budget.all !== 1) throw violation
        const kind = `${injection.kind} ${injection.file.split('.').at(-1)} ${JSON.stringify(injection.fault)}`
        found.set(`${kind}: ${error.message.replaceAll(/[0-9a-f]{16}|\d+/g, 'n')}`, violation)
      }
    }
    summary.workloads++
  }
  summary.seconds = (Date.now() - began) / 1000
  if (found.size > 0) {
    const list = [...found].map(
      ([kind, violation]) => `${kind}\n    e.g. ${violation.message.split('\n')[0]}`,
    )
    throw new Violation(`${found.size} kinds of violations:\n${list.join('\n')}`)
  }
  return summary
}

/** Every operation of the workload with every fault that can hit it, once and for good, in random order. */
export async function injections(workload: Workload, random: () => number): Promise<Injection[]> {
  const files = new FaultyFileSystem()
  const run = new Run(files, workload.setting)
  await run.open()
  for (const step of workload.steps) await run.run(step)
  await run.close()
  const list = files.log.flatMap(({ kind, name, length }: OperationRecord, index) =>
    faultsOf(kind, length).flatMap((fault) =>
      [false, true, undefined].flatMap((sticky): Injection[] => {
        const injection = { index, kind, file: name, fault }
        if (sticky !== undefined) return [{ ...injection, sticky, cutFails: false }]
        const cuts = isOutOfSpace(fault) && kind === 'write' && /\.(wal|man)$/.test(name)
        return cuts ? [{ ...injection, sticky: false, cutFails: true }] : []
      }),
    ),
  )
  for (let i = list.length - 1; i > 0; i--) {
    const j = pick(random, i + 1)
    const [a, b] = [list[i], list[j]]
    if (a !== undefined && b !== undefined) [list[i], list[j]] = [b, a]
  }
  return list
}

/** One run with one injection. @throws Violation */
export async function runWithFault(
  workload: Workload,
  injection: Injection,
  summary?: FaultSummary,
): Promise<void> {
  const files = new FaultyFileSystem()
  const run = new Run(files, workload.setting)
  const hits: Hits = { count: 0, healed: false, poisoning: false }
  files.onOperation = injector(injection, hits)
  /** Commits that were acknowledged at all, in whatever mode: a database that stays open shows them. */
  let acknowledged = 0
  let failure: unknown
  let done = 0
  try {
    await run.open()
    for (const step of workload.steps) {
      done++
      await run.run(step)
      acknowledged = run.model.commits
    }
  } catch (error) {
    failure = requireTyped(error, done)
  }
  const poisoned =
    failure === undefined ? false : await afterFailure(run, injection, failure, acknowledged, hits)
  // The machine may lose power now, too: what was acknowledged as synced stands against that.
  const afterPowerLoss = imageOf(files, run, 'power')
  await close(run, poisoned, failure !== undefined)
  hits.healed = true
  const leak = files.openFileCount !== 0 || files.locked
  await verify(imageOf(files, run, 'kill'), run.model, workload.setting, injection.index)
  await verify(afterPowerLoss, run.model, workload.setting, injection.index)
  if (leak)
    throw new Violation(`after close() ${files.openFileCount} files are open, locked: ${files.locked}`)
  if (summary === undefined) return
  const key = `${injection.kind} ${injection.file.split('.').at(-1) ?? ''} ${JSON.stringify(injection.fault)}`
  summary.runs++
  summary.byKind[key] = (summary.byKind[key] ?? 0) + 1
  if (failure !== undefined) summary.failed++
  if (poisoned) summary.poisoned++
}

/** A call failed. The disk is healed; the database goes on or is poisoned, as the contract says. @returns whether it is */
async function afterFailure(
  run: Run,
  injection: Injection,
  failure: unknown,
  acknowledged: number,
  hits: Hits,
): Promise<boolean> {
  hits.healed = true
  const database = run.openDatabase
  // The failure was in open(): there is no database that could be poisoned.
  if (database === undefined) return false
  const contents = await readAll(database).catch((error: unknown) => {
    throw new Violation(`after ${String(failure)} reads fail: ${String(error)}`, { cause: error })
  })
  const { commits, ...rest } = run.model.bounds()
  const lowest = { kill: acknowledged, power: acknowledged }
  const shown = run.model.matching(contents, { ...rest, commits: { ...commits, lowest } }, 'kill')
  if (shown === undefined) throw new Violation(`after ${String(failure)} it shows what was never there`)
  const unknown = run.model.commits - shown.commits
  // NOTE: what the failed call left to the background must do no harm either.
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
  const poisoned = isPoisoned(database)
  // Where nothing was there to be cut back, that could not fail either.
  const cutFails = injection.cutFails && hits.count > 1
  if (poisoned !== (poisons({ ...injection, cutFails }) || hits.poisoning)) {
    throw new Violation(`after ${String(failure)} the database is ${poisoned ? '' : 'not '}poisoned`)
  }
  if (poisoned && nothingApplied(failure)) throw new Violation(`${String(failure)} does not say POISONED`)
  // A database that lives on has made up its mind: what it does not show has not happened.
  if (!poisoned) {
    run.model.revoke(unknown)
    const write = { keyspace: '', key: 'k0', valueBytes: 9 }
    await run.run({ do: 'write', write, sync: true, durability: 'os' })
  }
  return poisoned
}

/** Tries a write that changes nothing. */
function isPoisoned(database: SubjectDatabase): boolean {
  try {
    database.deleteSync('no such key', { durability: 'os' })
    return false
  } catch (error) {
    if (error instanceof VarveError && error.code === 'POISONED') return true
    throw new Violation(`the disk is healed and a write fails: ${String(error)}`, { cause: error })
  }
}

function requireTyped(error: unknown, step: number): VarveError {
  if (error instanceof VarveError && ['DISK_FULL', 'IO', 'POISONED'].includes(error.code)) return error
  if (error instanceof Violation) throw error
  throw new Violation(`step ${step - 1} failed with ${String(error)}`, { cause: error })
}

/** Closes what is open. On a healed disk that must work; what a poisoned database says when closing promises nothing. */
async function close(run: Run, poisoned: boolean, healed: boolean): Promise<void> {
  if (run.openDatabase === undefined) return
  try {
    if (poisoned) await run.abandon()?.close()
    else await run.close()
  } catch (error) {
    requireTyped(error, 0)
    if (!healed || poisoned) return
    throw new Violation(`the disk is healed and close() fails: ${String(error)}`, { cause: error })
  }
}

function imageOf(files: FaultyFileSystem, run: Run, crash: 'kill' | 'power'): Image {
  const policy = crash === 'kill' ? 'keepAll' : 'loseAll'
  return {
    files: files.crashImage(policy, () => 0),
    crash,
    policy,
    // A failed write may have left an incomplete end of the log, which is dropped.
    whole: false,
    operation: files.log.length,
    kind: 'end',
    file: '',
    bounds: run.model.bounds(),
    torn: undefined,
  }
}
