/**
 * A run of `isolation` in a process of its own: node isolation-child.mjs '{"directory":…,"seed":…,"seconds":…}'. The last line it prints is its report.
 * Threads of the run begin in this file as well.
 */
import { setTimeout } from 'node:timers/promises'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { open, type Database, type SharedDatabase } from '../../../src/index.ts'
import { mulberry32, pick } from '../../support/random.ts'
import { Board, GUESTS, OWNER } from './board.ts'
import { beGuest, GUEST, type Found, type GuestData, type GuestReport } from './guest.ts'
import { notLinearizable } from './linearizable.ts'
import { spansOf } from './lists.ts'
import { operationsOf } from './register-history.ts'
import { REGISTERS } from './registers.ts'
import { memoryOf, startWatchdog, watch, WATCHDOG } from './watchdog.ts'

export interface RunRequest {
  readonly directory: string
  readonly seed: number
  readonly seconds: number
  /** A thread that begins no call for so long is stuck. */
  readonly stuckMs: number
}

export interface RunReport {
  readonly setting: object
  operations: number
  snapshots: number
  registerOperations: number
  listEntries: number
  flushes: number
  compactions: number
  /** The first thing that was not as promised. */
  found: Found | undefined
}

const self = new URL(import.meta.url)

/** What the clock showed each few milliseconds. */
class Moments {
  readonly #seen: { readonly clock: number; readonly ms: number }[] = []
  readonly #timer: NodeJS.Timeout
  #startMs = performance.now()

  constructor(board: Board) {
    this.#timer = setInterval(() => {
      this.#seen.push({ clock: board.now, ms: performance.now() - this.#startMs })
      board.begin('waiting for the guests')
    }, 20)
  }

  /** The guests begin. */
  begin(): void {
    this.#startMs = performance.now()
  }

  msOf(clock: number): number {
    return this.#seen.find((seen) => seen.clock >= clock)?.ms ?? this.#seen.at(-1)?.ms ?? 0
  }

  end(): void {
    clearInterval(this.#timer)
  }
}

async function run({ directory, seed, seconds, stuckMs }: RunRequest): Promise<RunReport> {
  const random = mulberry32(seed)
  const durability = (['os', 'os', 'buffered', 'none'] as const)[pick(random, 4)] ?? 'os'
  const setting = { durability, memtableSize: 1 << (12 + pick(random, 5)), memoryLimit: 32 << 20 } as const
  const text = { keyEncoding: 'utf8', valueEncoding: 'bytes' } as const
  const memory = Board.memory()
  const board = new Board(memory, OWNER)
  board.begin('opening')
  const db = await open(directory, { ...setting, ...text, threads: 1, stallTimeout: 60_000 })
  db.keyspaceSync('other', { keyEncoding: 'utf8' })
  db.keyspaceSync('erased', { keyEncoding: 'utf8' })
  const moments = new Moments(board)
  const handles: SharedDatabase[] = []
  for (let thread = 0; thread < GUESTS; thread++) handles.push(await db.share())
  const watchdog = startWatchdog(self, memory, memoryOf(handles), stuckMs)
  const guests = handles.map((handle, thread) => {
    const data: GuestData = {
      role: GUEST,
      thread,
      seed: seed * GUESTS + thread,
      handle,
      board: memory,
      hasJournal: durability !== 'none',
    }
    return reportOf(new Worker(self, { workerData: data, transferList: [...handle.transfer] as never[] }))
  })
  const all = Promise.all(guests)
  while (!board.areAllReady) await setTimeout(5)
  moments.begin()
  await Promise.race([setTimeout(seconds * 1000, undefined, { ref: false }), all])
  board.stop()
  const reports = await all
  moments.end()
  const report: RunReport = {
    setting,
    operations: sum(reports.map(({ operations }) => operations)),
    snapshots: sum(reports.map(({ snapshots }) => snapshots)),
    registerOperations: 0,
    listEntries: 0,
    flushes: 0,
    compactions: 0,
    found: firstOf(reports.map(({ found }) => found)),
  }
  checkRegisters(reports, report, moments)
  await finish(db, board, report)
  await watchdog.terminate()
  if (report.found === undefined) await reopen(directory, board, report)
  return report
}

function reportOf(worker: Worker): Promise<GuestReport> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('a guest ended without a report')))
  })
}

function checkRegisters(reports: readonly GuestReport[], report: RunReport, moments: Moments): void {
  const operations = reports.flatMap(({ registers }) => operationsOf(registers))
  report.registerOperations = operations.length
  // A run that ended early has writes without an end.
  if (report.found?.history === 'errors') return
  const unfinished = report.found !== undefined
  for (let register = 0; register < REGISTERS; register++) {
    const contradiction = notLinearizable(operations.filter((each) => each.register === register))
    if (contradiction === undefined || (unfinished && contradiction.what.endsWith('never written'))) continue
    const afterMs = moments.msOf(contradiction.moment)
    const message = `register ${register}: ${contradiction.what}`
    report.found = firstOf([report.found, { history: 'registers', message, afterMs }])
  }
}

/** The figures and the end. */
async function finish(db: Database<'utf8', 'bytes'>, board: Board, report: RunReport): Promise<void> {
  const noted = (error: unknown): void => {
    report.found ??= { history: 'errors', message: `at the end: ${String(error)}`, afterMs: 0 }
  }
  try {
    board.begin('verify')
    const { problems } = await db.verify()
    if (problems.length > 0) throw new Error(`verify: ${problems[0]?.message}`)
    board.begin('stats')
    const { keyspaces } = db.stats()
    report.flushes = sum(keyspaces.map(({ flushes }) => flushes))
    report.compactions = sum(keyspaces.map(({ compactions }) => compactions))
  } catch (error) {
    noted(error)
  }
  board.begin('close')
  await db.close().catch(noted)
  board.end()
}

/** After a reopen everything that was acknowledged is there: the lists from where they were trimmed. */
async function reopen(directory: string, board: Board, report: RunReport): Promise<void> {
  const db = await open(directory, { keyEncoding: 'utf8', valueEncoding: 'bytes', threads: 0 })
  try {
    for (const [list, { end }] of spansOf(db.rangeSync({ prefix: 'w' })).entries()) {
      report.listEntries += end
      if (end === board.acknowledged(list)) continue
      const message = `after a reopen list ${list} has ${end} of ${board.acknowledged(list)} entries`
      report.found ??= { history: 'lists', message, afterMs: 0 }
    }
  } finally {
    await db.close()
  }
}

function firstOf(found: readonly (Found | undefined)[]): Found | undefined {
  return found.filter((each) => each !== undefined).sort((a, b) => a.afterMs - b.afterMs)[0]
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

if (isMainThread) {
  const report = await run(JSON.parse(process.argv[2] ?? '') as RunRequest)
  console.log(JSON.stringify(report))
} else if ((workerData as { role: string }).role === WATCHDOG) watch()
else await beGuest()
