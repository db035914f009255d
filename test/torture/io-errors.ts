/**
 * T03 of RELIABILITY.md: a workload runs again and again, each time with a fault injected at another operation. Somebody must be told,
 * the error must be typed, the database poisoned exactly when the contract says so, reads go on; and when the disk is healed and the
 * database opened again, nothing acknowledged may be missing. No file and no lock may be left open.
 */
import { VarveError } from '../../src/errors.ts'
import type { SubjectDatabase } from '../support/subject.ts'
import { FaultyFileSystem, type OperationRecord } from '../support/faulty.ts'
import { mulberry32, pick } from '../support/random.ts'
import {
  type Hits,
  type Injection,
  type Witness,
  describeInjection,
  faultsOf,
  injector,
  isOutOfSpace,
  nameOf,
  poisons,
} from './faults.ts'
import type { Image } from './images.ts'
import { Run, Violation, nothingApplied } from './runner.ts'
import { readAll, verify } from './verify.ts'
import { type Setting, type Step, type Workload, makeWorkload } from './workload.ts'

export interface FaultBudget {
  readonly seed: number
  readonly seconds: number
  readonly workloads?: number
  readonly steps?: number
  /** Goes on after a violation; then all kinds of them are reported at the end. */
  readonly all?: number
  /** What the database is given in the place of the simulated disk; positive controls put a broken one there. */
  readonly disk?: (files: FaultyFileSystem) => FaultyFileSystem
}

export interface FaultSummary {
  program: string
  seed: number
  seconds: number
  workloads: number
  /** Runs with a fault. */
  runs: number
  poisoned: number
  /** Runs by who was told of the fault. */
  caller: number
  event: number
  retry: number
  orphan: number
  unused: number
  /** Runs by the name of the fault (`EIO`, `shortRead`, …), those that stay until the disk is healed among them as `sticky`. */
  [fault: string]: number | string
}

/** However slow the machine is. */
const LEAST_RUNS = 500

const faultSettings: readonly Setting[] = [
  { durability: 'os', memtableSize: 4096 },
  { durability: 'buffered', memtableSize: 4096 },
  { durability: 'sync', memtableSize: 16_384 },
]

/** Workload after workload, from `seed` on. @throws Violation with the command that repeats it */
export async function ioErrors(budget: FaultBudget): Promise<FaultSummary> {
  const began = Date.now()
  const { seed, seconds, workloads = Infinity, steps = 20 } = budget
  const isOver = (): boolean =>
    Date.now() - began >= seconds * 1000 && workloads === Infinity && summary.runs >= LEAST_RUNS
  const summary: FaultSummary = {
    program: 'io-errors',
    seed,
    seconds: 0,
    workloads: 0,
    runs: 0,
    poisoned: 0,
    caller: 0,
    event: 0,
    retry: 0,
    orphan: 0,
    unused: 0,
    sticky: 0,
  }
  const found = new Map<string, Violation>()
  while (summary.workloads < workloads && !isOver()) {
    const current = seed + summary.workloads
    const random = mulberry32(current)
    const setting = faultSettings[current % faultSettings.length] ?? { durability: 'os', memtableSize: 4096 }
    const workload = withReads(makeWorkload(random, setting, steps), random)
    for (const injection of await injections(workload, random)) {
      if (isOver()) break
      try {
        await runWithFault(workload, injection, summary, budget.disk)
      } catch (error) {
        if (!(error instanceof Violation)) throw error
        const violation = new Violation(
          `${describeInjection(injection)}: ${error.message}\n  setting ${JSON.stringify(setting)}\n` +
            workload.steps.map((step, i) => `  ${i}. ${JSON.stringify(step)}`).join('\n') +
            `\n  node test/torture/run.mjs io-errors --seed ${current} --steps ${steps} --workloads 1`,
          { cause: error },
        )
        if (budget.all !== 1) throw violation
        const kind = `${injection.kind} ${injection.file.split('.').at(-1)} ${nameOf(injection.fault)}`
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

/** The same steps with reads among them: of what is in memory, and of files right after an open. */
function withReads({ setting, steps }: Workload, random: () => number): Workload {
  const reads = (): Step => ({ do: 'read', sync: random() < 0.3 })
  return {
    setting,
    steps: steps.flatMap((step, i): Step[] =>
      step.do === 'reopen' || step.do === 'compact' || i === steps.length - 1 || random() < 0.1
        ? [step, reads()]
        : [step],
    ),
  }
}

/** Every operation of the workload with every fault that can hit it, once and for good, in random order. */
export async function injections(workload: Workload, random: () => number): Promise<Injection[]> {
  const files = new FaultyFileSystem({ syncsTakeTurns: true })
  const run = new Run(files, workload.setting)
  await run.open()
  for (const step of workload.steps) await run.run(step)
  await turns()
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

/** What failed in the background rests for a second before it is tried again; events come a little late. */
const RETRY_LEAST_MS = 500

/** One run with one injection. @throws Violation */
export async function runWithFault(
  workload: Workload,
  injection: Injection,
  summary?: FaultSummary,
  disk: FaultBudget['disk'] = (files) => files,
): Promise<void> {
  const files = disk(new FaultyFileSystem({ syncsTakeTurns: true }))
  const run = new Run(files, workload.setting)
  const background: unknown[] = []
  let restless = false
  run.onOpen = (database) => {
    let failedAt = -Infinity
    database.on('backgroundError', ({ job, error }) => {
      background.push(error)
      if (job !== 'compaction') return
      restless ||= performance.now() - failedAt < RETRY_LEAST_MS
      failedAt = performance.now()
    })
  }
  const hits: Hits = { count: 0, healed: false, poisoning: false, strayed: false }
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
    // Work in the background comes to its end.
    await turns()
  } catch (error) {
    failure = requireTyped(error, injection, done)
  }
  const poisoned =
    failure === undefined ? false : await afterFailure(run, injection, failure, acknowledged, hits)
  // The machine may lose power now, too: what was acknowledged as synced stands against that.
  const afterPowerLoss = imageOf(files, run, 'power')
  // NOTE: closing would hide what a write that failed left behind what was written since.
  const killed = failure === undefined || poisoned ? [] : [imageOf(files, run, 'kill')]
  const closeFailure = await close(run, injection, poisoned, failure !== undefined)
  hits.healed = true
  if (hits.strayed) throw new Error('the workload is not deterministic')
  if (restless) throw new Violation('a compaction that failed is tried again at once')
  requireClosed(files, 'close()')
  const witness = witnessOf(files, injection, failure ?? closeFailure, background)
  // Opens are all that is left to try; which of the images is written to after its recovery makes no difference to the others.
  const images = [imageOf(files, run, 'kill'), afterPowerLoss, ...killed]
  for (const [i, image] of images.entries()) {
    await verify(image, run.model, workload.setting, injection.index, i === injection.index % 2)
    requireClosed(image.files, 'the last close()')
  }
  if (summary === undefined) return
  summary.runs++
  summary[witness]++
  const fault = nameOf(injection.fault)
  summary[fault] = Number(summary[fault] ?? 0) + 1
  if (injection.sticky) summary['sticky'] = Number(summary['sticky']) + 1
  if (poisoned) summary.poisoned++
}

function requireClosed({ openFileCount, locked }: FaultyFileSystem, after: string): void {
  if (openFileCount !== 0 || locked)
    throw new Violation(`after ${after} ${openFileCount} files are open, locked: ${locked}`)
}

/** Who was told of the fault. @throws Violation if nobody was, or of something else */
function witnessOf(
  files: FaultyFileSystem,
  injection: Injection,
  failure: unknown,
  background: readonly unknown[],
): Witness {
  for (const error of [failure, ...background])
    if (error !== undefined && !isAbout(error, files))
      throw new Violation('an error says nothing of the fault', { cause: error })
  if (failure !== undefined) return 'caller'
  if (background.length > 0) return 'event'
  if (isRetried(files, injection)) return 'retry'
  if (injection.kind === 'remove') return 'orphan'
  if (isUnused(files, injection)) return 'unused'
  throw new Violation('nobody was told of it')
}

/** Whether an error leads to the fault: by its cause; a file that seems to end early is damaged, and is named. */
function isAbout(error: unknown, { log }: FaultyFileSystem): boolean {
  const isShort = (file: string | undefined): boolean =>
    log.some(({ name, fault }) => name === file && typeof fault === 'object' && 'shortRead' in fault)
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each.message.includes('injected')) return true
    if (each instanceof VarveError && isShort(each.file)) return true
  }
  return false
}

/**
 * Whether the same was done another time: a write that found no space was made in the same place; what a short read left out was asked
 * for again, or had come before: two asynchronous reads may have asked for one block, and the first of them brought it into the cache.
 */
function isRetried({ log }: FaultyFileSystem, { index, kind, fault }: Injection): boolean {
  const first = log[index]
  if (first === undefined) return false
  const others = log.filter(
    (each) => each.kind === kind && each.inode === first.inode && each.fault === undefined,
  )
  if ('shortRead' in fault) {
    const missing = first.offset + fault.shortRead
    return others.some(({ offset, length }) => offset <= missing && missing < offset + length)
  }
  return kind === 'write' && isOutOfSpace(fault) && others.some(({ offset }) => offset === first.offset)
}

/** Whether what a read left out was not needed any more: the table was given up meanwhile, and its entries were found elsewhere. */
function isUnused({ log }: FaultyFileSystem, { index, fault }: Injection): boolean {
  const inode = log[index]?.inode
  return (
    'shortRead' in fault && log.slice(index).some((each) => each.kind === 'remove' && each.inode === inode)
  )
}

async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
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
  await turns()
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

function requireTyped(error: unknown, { fault }: Injection, step: number): VarveError {
  const codes = 'shortRead' in fault ? ['CORRUPT', 'IO', 'POISONED'] : ['DISK_FULL', 'IO', 'POISONED']
  if (error instanceof VarveError && codes.includes(error.code)) return error
  if (error instanceof Violation) throw error
  throw new Violation(`step ${step - 1} failed with ${String(error)}`, { cause: error })
}

/** Closes what is open. On a healed disk that must work; what a poisoned database says when closing promises nothing. @returns what it said */
async function close(run: Run, injection: Injection, poisoned: boolean, healed: boolean): Promise<unknown> {
  if (run.openDatabase === undefined) return undefined
  try {
    if (poisoned) await run.abandon()?.close()
    else await run.close()
    return undefined
  } catch (error) {
    requireTyped(error, injection, 0)
    if (!healed || poisoned) return error
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
