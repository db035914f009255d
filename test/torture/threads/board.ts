/**
 * Words that all threads of a run share, apart from the database: a clock that orders calls and returns across threads, where each thread is, how long its
 * list is, and whether it is time to stop.
 */

/** Threads that use the database, besides the one that opened it. */
export const GUESTS = 4
/** Rows of threads: the guests', then the owner's. */
export const OWNER = 4
const ROWS = 5

const CLOCK = 0
const STOP = 1
const READY = 2
const ROWS_AT = 16
const ROW_WORDS = 16
const BEAT = 0
const CALL = 1
const DONE = 2
const INVOKED = 3
const ACKNOWLEDGED = 4
const TRIMMED = 5

/** What a thread may be doing; where a stuck one is. */
const CALLS = [
  'nothing',
  'opening',
  'attaching',
  'putSync',
  'put',
  'deleteSync',
  'delete',
  'commitSync',
  'commit',
  'writeSync',
  'write',
  'getSync',
  'get',
  'getManySync',
  'getMany',
  'rangeSync',
  'range',
  'countSync',
  'snapshot',
  'reads of a snapshot',
  'end of a snapshot',
  'dropRangeSync',
  'clearSync',
  'flushSync',
  'flush',
  'compactSync',
  'compact',
  'persistSync',
  'persist',
  'stats',
  'close',
  'verify',
  'waiting for the guests',
] as const

export type Call = (typeof CALLS)[number]

/** A door to the words for the thread of one row. */
export class Board {
  readonly words: Int32Array
  readonly #row: number

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.words = new Int32Array(memory)
    this.#row = ROWS_AT + thread * ROW_WORDS
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer((ROWS_AT + ROWS * ROW_WORDS) * 4)
  }

  /** The next moment: later than all that were returned before, on any thread. */
  tick(): number {
    return Atomics.add(this.words, CLOCK, 1) + 1
  }

  get now(): number {
    return Atomics.load(this.words, CLOCK)
  }

  get isOver(): boolean {
    return Atomics.load(this.words, STOP) !== 0
  }

  stop(): void {
    Atomics.store(this.words, STOP, 1)
  }

  /** Everything from the beginning, but for the clock and the calls. */
  restart(): void {
    Atomics.store(this.words, STOP, 0)
    for (let row = ROWS_AT; row < this.words.length; row += ROW_WORDS)
      Atomics.store(this.words, row + DONE, 0)
  }

  /** A guest is there; all begin together. */
  noteReady(): void {
    Atomics.add(this.words, READY, 1)
  }

  get areAllReady(): boolean {
    return Atomics.load(this.words, READY) === GUESTS || this.isOver
  }

  /** This thread lives, and begins with a call. */
  begin(call: Call): void {
    Atomics.add(this.words, this.#row + BEAT, 1)
    Atomics.store(this.words, this.#row + CALL, CALLS.indexOf(call))
  }

  /** This thread has ended. */
  end(): void {
    this.begin('nothing')
    Atomics.store(this.words, this.#row + DONE, 1)
  }

  /** Entries of this thread's list that it has begun to write, and that were acknowledged. */
  noteInvoked(length: number): void {
    Atomics.store(this.words, this.#row + INVOKED, length)
  }

  noteAcknowledged(length: number): void {
    Atomics.store(this.words, this.#row + ACKNOWLEDGED, length)
  }

  noteTrimmed(first: number): void {
    Atomics.store(this.words, this.#row + TRIMMED, first)
  }

  invoked(thread: number): number {
    return Atomics.load(this.words, ROWS_AT + thread * ROW_WORDS + INVOKED)
  }

  acknowledged(thread: number): number {
    return Atomics.load(this.words, ROWS_AT + thread * ROW_WORDS + ACKNOWLEDGED)
  }

  trimmed(thread: number): number {
    return Atomics.load(this.words, ROWS_AT + thread * ROW_WORDS + TRIMMED)
  }

  /** Goes up with every call of a thread. */
  beats(thread: number): number {
    return Atomics.load(this.words, ROWS_AT + thread * ROW_WORDS + BEAT)
  }

  call(thread: number): Call {
    return CALLS[Atomics.load(this.words, ROWS_AT + thread * ROW_WORDS + CALL)] ?? 'nothing'
  }

  hasEnded(thread: number): boolean {
    return Atomics.load(this.words, ROWS_AT + thread * ROW_WORDS + DONE) !== 0
  }
}

export const THREADS: readonly number[] = Array.from({ length: ROWS }, (_, thread) => thread)
