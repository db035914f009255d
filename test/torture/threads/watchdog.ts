import { writeSync } from 'node:fs'
import { workerData, Worker } from 'node:worker_threads'
import {
  CONTROL_GROUP,
  CONTROL_JOURNAL_LOCK,
  CONTROL_ORPHANED,
  CONTROL_POISON,
  CONTROL_SHUT,
  CONTROL_SLOTS_TAKEN,
} from '../../../assembly/memory/layout.ts'
import type { SharedDatabase } from '../../../src/index.ts'
import { Board, GUESTS, THREADS } from './board.ts'

export const WATCHDOG = 'watchdog'

interface Watched {
  readonly role: typeof WATCHDOG
  readonly board: SharedArrayBuffer
  /** Of the database. */
  readonly memory: WebAssembly.Memory
  readonly limitMs: number
}

/** The memory of the database that handles are of. */
export function memoryOf([handle]: readonly SharedDatabase[]): WebAssembly.Memory {
  return (handle as SharedDatabase & { readonly memory: WebAssembly.Memory }).memory
}

/** Starts a thread that ends the process, saying where each thread was, when one of them has not begun a call for `limitMs`. */
export function startWatchdog(
  file: URL,
  board: SharedArrayBuffer,
  memory: WebAssembly.Memory,
  limitMs: number,
): Worker {
  const watched: Watched = { role: WATCHDOG, board, memory, limitMs }
  const worker = new Worker(file, { workerData: watched })
  worker.unref()
  return worker
}

/** What that thread does. NOTE: it never touches the database but to read some of its words. */
export function watch(): void {
  const { board: memory, memory: database, limitMs } = workerData as Watched
  const board = new Board(memory, 0)
  const seen = THREADS.map((thread) => ({ thread, beats: -1, atMs: performance.now() }))
  setInterval(() => {
    for (const last of seen) {
      const beats = board.beats(last.thread)
      if (beats !== last.beats || board.hasEnded(last.thread)) {
        last.beats = beats
        last.atMs = performance.now()
      } else if (performance.now() - last.atMs > limitMs) {
        writeSync(2, `stuck for ${limitMs} ms\n${describe(board, new Int32Array(database.buffer))}`)
        process.kill(process.pid, 'SIGKILL')
      }
    }
  }, 200)
}

function describe(board: Board, words: Int32Array): string {
  const threads = THREADS.map((thread) => {
    const name = thread < GUESTS ? `guest ${thread}` : 'the owner'
    return `  ${name}: call ${board.beats(thread)}, ${board.hasEnded(thread) ? 'ended' : board.call(thread)}\n`
  })
  const word = (address: number): number => Atomics.load(words, address >>> 2)
  return (
    threads.join('') +
    `  journal lock ${word(CONTROL_JOURNAL_LOCK)}, group ${word(CONTROL_GROUP)}, poison ${word(CONTROL_POISON)}, ` +
    `shut ${word(CONTROL_SHUT)}, orphaned ${word(CONTROL_ORPHANED)}, slots ${word(CONTROL_SLOTS_TAKEN).toString(2)}\n`
  )
}
