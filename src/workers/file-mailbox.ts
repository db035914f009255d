/**
 * File requests of a thread that has no files to the one that has them: one at a time, over a few words of shared memory. What is read or written lies in the memory of the database.
 *
 *   u32 state: FREE, ASKED, ANSWERED | u32 operation | f64 file id | f64 position in it, bytes | u32 address, u32 length, bytes | f64 result | u32 status
 *   | u32 number of the last job that is called off | u32 number of the last job that has ended
 *
 * ORDER: the words of a request are written before the state is ASKED, those of an answer before it is ANSWERED; both sides read the state first.
 *
 * What follows are indices of words, or of doubles where that is what lies there (FILE, POSITION, RESULT).
 */
const STATE = 0
const OPERATION = 1
const FILE = 1
const POSITION = 2
const ADDRESS = 6
const LENGTH = 7
const RESULT = 4
const STATUS = 10
const CALLED_OFF = 11
const ENDED = 12
const MAILBOX_BYTES = 64

const FREE = 0
const ASKED = 1
const ANSWERED = 2

const STATUS_DONE = 0
const STATUS_FAILED = 1

/** Makes a file; the result is its id. */
export const FILE_CREATE = 1
/** Reads into memory; the result is how many bytes there were. */
export const FILE_READ = 2
export const FILE_WRITE = 3
/** Closes and deletes one that was made. */
export const FILE_REMOVE = 4

export interface FileRequest {
  readonly operation: number
  readonly file: number
  readonly position: number
  readonly address: number
  readonly length: number
}

/** Thrown where a request failed, or the job was called off: who has the files knows why. */
export class RequestFailed {}

export class FileMailbox {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #floats: Float64Array

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(MAILBOX_BYTES)) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
    this.#floats = new Float64Array(buffer)
  }

  // ── who has no files ────────────────────────────────────────────────────────────────────────────────────

  /** Sleeps until the request is answered. `ring`: tells who has the files that there is one. @throws RequestFailed */
  ask({ operation, file, position, address, length }: FileRequest, ring: () => void): number {
    const words = this.#words
    words[OPERATION] = operation
    words[ADDRESS] = address
    words[LENGTH] = length
    this.#floats[FILE] = file
    this.#floats[POSITION] = position
    Atomics.store(words, STATE, ASKED)
    ring()
    while (Atomics.load(words, STATE) === ASKED) Atomics.wait(words, STATE, ASKED)
    Atomics.store(words, STATE, FREE)
    if (words[STATUS] === STATUS_FAILED) throw new RequestFailed()
    return this.#floats[RESULT] as number
  }

  /** @throws RequestFailed */
  assertWanted(job: number): void {
    if (Atomics.load(this.#words, CALLED_OFF) >= job) throw new RequestFailed()
  }

  /** A job has ended: nothing of it is touched any more. */
  end(job: number): void {
    Atomics.store(this.#words, ENDED, job)
    Atomics.notify(this.#words, ENDED)
  }

  // ── who has the files ───────────────────────────────────────────────────────────────────────────────────

  /** Answers the request, if there is one. `serve` may throw. @returns what it threw */
  answer(serve: (request: FileRequest) => number): unknown {
    const words = this.#words
    if (Atomics.load(words, STATE) !== ASKED) return undefined
    let failure: unknown
    try {
      this.#floats[RESULT] = serve({
        operation: words[OPERATION] as number,
        file: this.#floats[FILE] as number,
        position: this.#floats[POSITION] as number,
        address: (words[ADDRESS] as number) >>> 0,
        length: (words[LENGTH] as number) >>> 0,
      })
      words[STATUS] = STATUS_DONE
    } catch (error) {
      failure = error
      words[STATUS] = STATUS_FAILED
    }
    Atomics.store(words, STATE, ANSWERED)
    Atomics.notify(words, STATE)
    return failure
  }

  /**
   * Calls a job off and sleeps until it has ended. ORDER: the job is called off before its request is looked at; who asks after that finds an answer that failed, and who does not
   * ask looks before his next step.
   * @returns false if it has not ended after `sleeps` of a millisecond. NOTE: no clock: a machine that was suspended meanwhile gave it no time, either.
   */
  callOff(job: number, sleeps: number): boolean {
    const words = this.#words
    Atomics.store(words, CALLED_OFF, job)
    for (let left = sleeps; ; left--) {
      this.answer(refuse)
      const ended = Atomics.load(words, ENDED)
      if (ended >= job) return true
      if (left === 0) return false
      // NOTE: in short sleeps: it may ask meanwhile.
      Atomics.wait(words, ENDED, ended, 1)
    }
  }
}

function refuse(): never {
  throw new RequestFailed()
}
