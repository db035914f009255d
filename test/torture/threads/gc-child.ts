/**
 * The process of `gc-under-load`: node gc-child.mjs '{"directory":…,"seed":…,"seconds":…}'. The last line it prints is its report. Threads of its rounds begin in this file as
 * well.
 */
import { readdirSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { CONTROL_SNAPSHOTS_LIVE, PAGE_BYTES } from '../../../assembly/memory/layout.ts'
import { takenSlots } from '../../../src/engine/critical-section.ts'
import { open, type SharedDatabase } from '../../../src/index.ts'
import { Board, GUESTS, OWNER } from './board.ts'
import { beGcGuest, GC_GUEST, type GcGuestData, type GcGuestReport } from './gc-guest.ts'
import { isBack, type Level } from './level.ts'
import type { Store } from './site.ts'
import { memoryOf, startWatchdog, watch, WATCHDOG } from './watchdog.ts'

export interface GcRequest {
  readonly directory: string
  readonly seed: number
  readonly seconds: number
  readonly roundSeconds: number
  /** So long what is in use may take to go: the monitor, the keeper and the host have to hear of it. */
  readonly settleMs: number
  readonly stuckMs: number
}

export interface GcReport {
  rounds: number
  operations: number
  snapshots: number
  flushes: number
  /** The most that were seen under load. */
  mostFiles: number
  mostUsedPages: number
  baseline: Level
  /** After each round. */
  levels: Level[]
  failure: string | undefined
}

const self = new URL(import.meta.url)

/** A database under load, round after round. */
class Load {
  readonly #request: GcRequest
  readonly #board: Board
  readonly #memory: SharedArrayBuffer
  readonly #db: Store
  readonly #words: Int32Array

  constructor(request: GcRequest, memory: SharedArrayBuffer, db: Store, words: Int32Array) {
    this.#request = request
    this.#memory = memory
    this.#board = new Board(memory, OWNER)
    this.#db = db
    this.#words = words
  }

  level(): Level {
    const { memoryFreeBytes, memoryLimit, cache } = this.#db.stats()
    return {
      usedPages: (memoryLimit - memoryFreeBytes - cache.bytes) / PAGE_BYTES,
      files: readdirSync(this.#request.directory).length,
      slots: takenSlots(this.#words).length,
      snapshots: Atomics.load(this.#words, CONTROL_SNAPSHOTS_LIVE >>> 2),
      descriptors: descriptors(),
    }
  }

  /** Two threads write and two read; one of these leaves without a word. */
  async round(number: number, seconds: number, report: GcReport): Promise<void> {
    const board = this.#board
    board.restart()
    const guests: Promise<GcGuestReport>[] = []
    for (let thread = 0; thread < GUESTS; thread++)
      guests.push(this.#start(thread, number, await this.#db.share()))
    const all = Promise.all(guests)
    const untilMs = performance.now() + seconds * 1000
    while (performance.now() < untilMs && !board.isOver) {
      board.begin('stats')
      const { usedPages, files } = this.level()
      report.mostUsedPages = Math.max(report.mostUsedPages, usedPages)
      report.mostFiles = Math.max(report.mostFiles, files)
      board.begin('waiting for the guests')
      await Promise.race([setTimeout(100), all])
    }
    board.stop()
    const beat = setInterval(() => board.begin('waiting for the guests'), 100)
    for (const { operations, snapshots, failure } of await all) {
      report.operations += operations
      report.snapshots += snapshots
      report.failure ??= failure
    }
    clearInterval(beat)
    report.rounds++
  }

  #start(thread: number, round: number, handle: SharedDatabase): Promise<GcGuestReport> {
    const data: GcGuestData = {
      role: GC_GUEST,
      thread,
      seed: (this.#request.seed + round) * GUESTS + thread,
      handle,
      board: this.#memory,
      leavesWithoutAWord: thread === 1,
    }
    return new Promise((resolve, reject) => {
      const worker = new Worker(self, { workerData: data, transferList: [...handle.transfer] as never[] })
      let report: GcGuestReport | undefined
      worker.once('message', (message: GcGuestReport) => (report = message))
      worker.once('error', reject)
      // NOTE: what a thread has of the host is the host's again when it has exited.
      worker.once('exit', () => {
        if (report === undefined) reject(new Error('a thread ended without a report'))
        else resolve(report)
      })
    })
  }

  /** Removes all entries and waits until `settled`, or until it is too late. @returns what is in use then */
  async settle(settled: (level: Level) => boolean): Promise<Level> {
    const board = this.#board
    const untilMs = performance.now() + this.#request.settleMs
    board.begin('clearSync')
    this.#db.clearSync()
    for (;;) {
      board.begin('compact')
      await this.#db.compact()
      board.begin('stats')
      const level = this.level()
      if (settled(level) || performance.now() > untilMs) return level
      await setTimeout(50)
    }
  }
}

function descriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}

async function run(request: GcRequest): Promise<GcReport> {
  const memory = Board.memory()
  const board = new Board(memory, OWNER)
  board.begin('opening')
  const db = await open(request.directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'bytes',
    memtableSize: 8192,
    memoryLimit: 32 << 20,
    threads: 1,
    stallTimeout: 60_000,
  })
  const first = await db.share()
  const database = memoryOf([first])
  const words = new Int32Array(database.buffer)
  const watchdog = startWatchdog(self, memory, database, request.stuckMs)
  const load = new Load(request, memory, db, words)
  const report: GcReport = {
    rounds: 0,
    operations: 0,
    snapshots: 0,
    flushes: 0,
    mostFiles: 0,
    mostUsedPages: 0,
    baseline: { usedPages: 0, files: 0, slots: 0, snapshots: 0, descriptors: 0 },
    levels: [],
    failure: undefined,
  }
  // What is made once and kept is there after the first round.
  await load.round(0, Math.min(2, request.roundSeconds), report)
  // NOTE: the handle that nobody attached to has its slot until the end.
  if (report.failure === undefined)
    report.baseline = await load.settle(({ slots, snapshots }) => slots <= 3 && snapshots === 0)
  const untilMs = performance.now() + request.seconds * 1000
  while (report.failure === undefined && performance.now() < untilMs) {
    await load.round(report.rounds, request.roundSeconds, report)
    if (report.failure === undefined)
      report.levels.push(await load.settle((level) => isBack(level, report.baseline)))
  }
  board.begin('stats')
  report.flushes = db.stats().keyspaces.reduce((total, { flushes }) => total + flushes, 0)
  board.begin('close')
  await db.close().catch((error: unknown) => (report.failure ??= String(error)))
  board.end()
  await watchdog.terminate()
  return report
}

if (isMainThread) console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? '') as GcRequest)))
else if ((workerData as { role: string }).role === WATCHDOG) watch()
else await beGcGuest()
