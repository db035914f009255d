/**
 * T04 of RELIABILITY.md: a workload runs again and again, each time with another allocation of pages or records failing, alone or with all that
 * follow in the same step. The error must be NO_MEMORY or WRITE_STALLED and say the truth: nothing was applied. Then there is memory
 * again, and the same step must succeed; at the end nothing may be missing, and what is in use is what an unfailed run has in use.
 */
import { VarveError } from '../../src/errors.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32, pick } from '../support/random.ts'
import { engineOf, keeperOf } from '../integration/regressions/support.ts'
import { type Account, type Allocation, GIVERS, type Shortage, ScarcePool } from './oom/shortage.ts'
import { Run, Violation } from './runner.ts'
import { readAll, requireNoOrphans } from './verify.ts'
import { type Setting, type Step, type Workload, type Write, makeWorkload } from './workload.ts'

/** Pages of the smallest memory, and the longest value there. */
const PAGES = 128
const VALUE_LIMIT_BYTES = 1_048_576

export interface OomBudget {
  readonly seed: number
  readonly seconds: number
  readonly workloads?: number
  readonly steps?: number
  /** Goes on after a violation; then all kinds of them are reported at the end. */
  readonly all?: number
}

export interface OomSummary {
  program: string
  seed: number
  seconds: number
  workloads: number
  /** Runs with a shortage. */
  runs: number
  /** Runs in which a call of the database failed with NO_MEMORY or WRITE_STALLED. */
  failed: number
  /** Allocations of the workloads, each of which failed in some runs. */
  allocations: number
  /** Runs with fewer pages from the beginning to the end. */
  capped: number
  byCall: Record<string, number>
}

const oomSettings: readonly Setting[] = [
  { durability: 'os', memtableSize: 4096, stallTimeout: 0 },
  { durability: 'none', memtableSize: 4096, stallTimeout: 0 },
  { durability: 'buffered', memtableSize: 4096, stallTimeout: 0 },
  { durability: 'sync', memtableSize: 16_384, stallTimeout: 0 },
]

/** Workload after workload, from `seed` on. @throws Violation with the command that repeats it */
export async function oom(budget: OomBudget): Promise<OomSummary> {
  const began = Date.now()
  const { seed, seconds, workloads = Infinity, steps = 20 } = budget
  const inTime = (): boolean => Date.now() - began < seconds * 1000
  const summary: OomSummary = {
    program: 'oom',
    seed,
    seconds: 0,
    workloads: 0,
    runs: 0,
    failed: 0,
    allocations: 0,
    capped: 0,
    byCall: {},
  }
  const found = new Map<string, Violation>()
  while (summary.workloads < workloads && (summary.workloads === 0 || inTime())) {
    const current = seed + summary.workloads
    const workload = workloadOf(current, steps)
    const { allocations, account } = await unfailed(workload)
    // INVARIANT: the first workload goes through to its end: coverage of allocations is never cut.
    const goesOn = (): boolean => inTime() || workloads !== Infinity || summary.workloads === 0
    const attempt = async (what: string, name: string, run: () => Promise<boolean>): Promise<void> => {
      try {
        if (await run()) summary.failed++
        summary.runs++
      } catch (error) {
        if (!(error instanceof Violation)) throw error
        const violation = new Violation(
          `${what}: ${error.message}\n  setting ${JSON.stringify(workload.setting)}\n` +
            workload.steps.map((step, i) => `  ${i}. ${JSON.stringify(step)}`).join('\n') +
            `\n  node test/torture/run.mjs oom --seed ${current} --steps ${steps} --workloads 1`,
          { cause: error },
        )
        if (budget.all !== 1) throw violation
        found.set(`${name}: ${error.message.replaceAll(/[0-9a-f]{16}|\d+/g, 'n')}`, violation)
      }
    }
    for (const shortage of shortagesOf(allocations, mulberry32(current))) {
      if (!goesOn()) break
      await attempt(describe(shortage), shortage.name, () => runWithShortage(workload, shortage, account))
      summary.byCall[shortage.name] = (summary.byCall[shortage.name] ?? 0) + 1
    }
    const heavy = withLargeValues(workload)
    for (let pages = 0; pages <= PAGES && goesOn(); pages++) {
      await attempt(`${pages} pages in all, values of up to 1 MiB`, 'cap', () => runWithCap(heavy, pages))
      summary.capped++
    }
    summary.allocations += allocations.length
    summary.workloads++
  }
  summary.seconds = (Date.now() - began) / 1000
  if (found.size > 0) {
    const list = [...found].map(
      ([kind, violation]) =>
        `${kind}\n    e.g. ${violation.message.split('\n')[0]} ${violation.message.split('\n').at(-1)}`,
    )
    throw new Violation(`${found.size} kinds of violations:\n${list.join('\n')}`)
  }
  return summary
}

/**
 * NOTE: a reopened database has another memory, so every other workload stays with its first one: what is lost then is seen at the end. And what has no
 * journal is gone when there is no memory to flush it at close.
 */
export function workloadOf(seed: number, length: number): Workload {
  const setting = oomSettings[(seed >>> 1) % oomSettings.length] ?? { durability: 'os', memtableSize: 4096 }
  const { steps } = makeWorkload(mulberry32(seed), setting, length)
  return {
    setting,
    steps:
      seed % 2 === 0 && setting.durability !== 'none' ? steps : steps.filter((step) => step.do !== 'reopen'),
  }
}

/** A run with pages enough. */
export async function unfailed(
  workload: Workload,
): Promise<{ allocations: readonly Allocation[]; account: Account }> {
  const pool = new ScarcePool()
  const account = await pool.during(async () => {
    const run = new Run(new FaultyFileSystem(), workload.setting)
    await run.open()
    for (const step of workload.steps) await run.run(step)
    pool.listing = false
    return leave(run, pool)
  })
  return { allocations: pool.allocations, account }
}

/** Every allocation refused, or with too few pages for all that the call takes; for itself and for the rest of the step. In random order. */
export function shortagesOf(allocations: readonly Allocation[], random: () => number): Shortage[] {
  const list = allocations.flatMap(({ call, name, pages }) =>
    (['call', 'step'] as const).flatMap((until): Shortage[] => {
      const starved = Array.from({ length: pages }, (_, left) => ({ call, name, left, until }))
      return pages > 1 || !GIVERS.has(name) ? starved : [{ call, name, left: undefined, until }]
    }),
  )
  for (let i = list.length - 1; i > 0; i--) {
    const j = pick(random, i + 1)
    const [a, b] = [list[i], list[j]]
    if (a !== undefined && b !== undefined) [list[i], list[j]] = [b, a]
  }
  return list
}

/** One run with one shortage. @returns whether a call failed. @throws Violation */
export async function runWithShortage(
  workload: Workload,
  shortage: Shortage,
  unfailedAccount: Account,
): Promise<boolean> {
  const pool = new ScarcePool(shortage)
  const files = new FaultyFileSystem()
  const run = new Run(files, workload.setting)
  return pool
    .during(async () => {
      let hasFailed = false
      const attempt = async (what: string, step: () => Promise<void>): Promise<boolean> => {
        try {
          await step()
          return true
        } catch (error) {
          requireTyped(error, what)
          hasFailed = true
          return false
        } finally {
          pool.end()
        }
      }
      if (!(await attempt('open', () => run.open()))) {
        if (files.openFileCount !== 0 || files.locked) throw new Violation('a failed open leaves files open')
        await run.open()
      }
      for (const step of workload.steps) {
        const layouts = run.model.layouts.length
        if (await attempt(JSON.stringify(step), () => run.run(step))) continue
        run.model.layouts.length = layouts
        await again(run, step)
      }
      if (!pool.hit) throw new Error('the workload is not deterministic: the shortage never came')
      await exactly(run, 'at the end')
      const account = await leave(run, pool)
      if (JSON.stringify(account) !== JSON.stringify(unfailedAccount))
        throw new Violation(
          `in use at the end: ${JSON.stringify(account)}, but ${JSON.stringify(unfailedAccount)} of an unfailed run`,
        )
      if (files.openFileCount !== 0 || files.locked) throw new Violation('close() leaves files open')
      return hasFailed
    })
    .catch((error: unknown) => abandon(run, pool, error))
}

/** Values so large that memory fills up. */
function withLargeValues({ setting, steps }: Workload): Workload {
  const larger = (write: Write): Write =>
    write.valueBytes === undefined
      ? write
      : { ...write, valueBytes: Math.min(write.valueBytes * 1500, VALUE_LIMIT_BYTES) }
  return {
    setting: { ...setting, memtableSize: 1_048_576 },
    steps: steps.map((step) => {
      if (step.do === 'write') return { ...step, write: larger(step.write) }
      return step.do === 'batch' || step.do === 'turn' ? { ...step, writes: step.writes.map(larger) } : step
    }),
  }
}

/** One run with at most so many pages. What fails is not tried again. @returns whether a call failed. @throws Violation */
export async function runWithCap(workload: Workload, pages: number): Promise<boolean> {
  const pool = new ScarcePool(undefined, pages)
  pool.listing = false
  const files = new FaultyFileSystem()
  const run = new Run(files, workload.setting)
  let hasFailed = false
  const attempt = async (what: string, step: () => Promise<void>): Promise<void> => {
    try {
      await step()
    } catch (error) {
      requireTyped(error, what)
      hasFailed = true
    }
  }
  return pool
    .during(async () => {
      await attempt('open', () => run.open())
      for (const step of workload.steps) {
        if (run.openDatabase === undefined) break
        const layouts = run.model.layouts.length
        const failedBefore: boolean = hasFailed
        hasFailed = false
        await attempt(JSON.stringify(step), () => run.run(step))
        if (hasFailed) run.model.layouts.length = layouts
        if (hasFailed && run.openDatabase !== undefined) await run.adopt(run.database)
        hasFailed ||= failedBefore
      }
      pool.end()
      if (run.openDatabase === undefined) {
        if (files.openFileCount !== 0 || files.locked) throw new Violation('a failed open leaves files open')
        return hasFailed
      }
      await exactly(run, 'with pages again')
      await leave(run, pool)
      return hasFailed
    })
    .catch((error: unknown) => abandon(run, pool, error))
}

async function abandon(run: Run, pool: ScarcePool, error: unknown): Promise<never> {
  pool.end()
  run.closeSnapshot()
  await run
    .abandon()
    ?.close()
    .catch(() => {})
  throw error
}

/** There are pages again: the database shows what it had, and does what it was asked for. */
async function again(run: Run, step: Step): Promise<void> {
  if (run.openDatabase === undefined) {
    await retry('open', () => run.open())
    return exactly(run, 'after a reopen that failed first')
  }
  await run.adopt(run.database)
  await exactly(run, 'after the failure')
  await retry(JSON.stringify(step), () => run.run(step))
}

async function retry(what: string, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    if (error instanceof Violation) throw error
    throw new Violation(`there are pages again, and ${what} fails: ${String(error)}`, { cause: error })
  }
}

async function exactly(run: Run, when: string): Promise<void> {
  const contents = await readAll(run.database).catch((error: unknown) => {
    throw error instanceof Violation
      ? error
      : new Violation(`${when} reads fail: ${String(error)}`, { cause: error })
  })
  const { model } = run
  if (model.matching(contents, model.boundsWhenClosed(), 'kill') === undefined)
    throw new Violation(`${when} it holds something else`)
}

/** Opens it again and compares; then removes everything, so that what is in use depends on nothing but what was forgotten, and closes. */
async function leave(run: Run, pool: ScarcePool): Promise<Account> {
  const { database } = run
  run.closeSnapshot()
  for (const name of [...run.model.layout.keys()]) await run.run({ do: 'drop', name, sync: true })
  await run.run({ do: 'erase', keyspace: '' })
  await database.flush()
  await database.compact()
  // Once for all: the area for snapshots, the keyspace's gap.
  database.snapshot().close()
  database.putSync('gone', 'v')
  database.deleteSync('gone')
  if (!database.isEmptySync()) throw new Violation('everything was removed and something is left')
  await database.flush()
  const { thread } = engineOf(database)
  keeperOf(database).disposal.collect()
  thread.cursorPages.release(Infinity)
  const account = pool.account()
  requireNoOrphans(run.database, await run.files.list())
  await run.run({
    do: 'write',
    write: { keyspace: '', key: 'k1', valueBytes: 9 },
    sync: true,
    durability: undefined,
  })
  await run.run({ do: 'reopen' })
  await exactly(run, 'after a reopen')
  await run.close()
  return account
}

function requireTyped(error: unknown, what: string): void {
  if (error instanceof Violation) throw error
  if (error instanceof VarveError && (error.code === 'NO_MEMORY' || error.code === 'WRITE_STALLED')) return
  throw new Violation(`${what} failed with ${String(error)}`, { cause: error })
}

function describe({ call, name, left, until }: Shortage): string {
  const what = left === undefined ? 'is refused' : `finds ${left} pages`
  return `call ${call} of the kernel, ${name}, ${what}${until === 'step' ? ', and so do all that follow in the step' : ''}`
}
