import { SingleBar } from 'cli-progress'
import { CommandFailure, outcomeOf } from './failure.ts'
import { decimalSize, whole } from './figures.ts'

/** How far a load is: a bar on standard error, or nothing when that is not a terminal. */
export class LoadProgress {
  entries = 0
  readonly #bar: SingleBar
  readonly #sizeBytes: number | undefined
  readonly #startMs: number = performance.now()
  #readBytes = 0

  constructor(sizeBytes: number | undefined) {
    this.#sizeBytes = sizeBytes
    const position = sizeBytes === undefined ? '' : '{bar} {percentage}% · '
    this.#bar = bar(`${position}{entries} entries · {rate}/s`)
    if (process.stderr.isTTY) this.#bar.start(sizeBytes ?? 0, 0, this.#payload())
  }

  read(bytes: number): void {
    this.#readBytes += bytes
  }

  loaded(entries: number): void {
    this.entries += entries
    if (process.stderr.isTTY)
      this.#bar.update(Math.min(this.#readBytes, this.#sizeBytes ?? 0), this.#payload())
  }

  stop(): void {
    this.#bar.stop()
  }

  /** `171,075 entries in 1.2 s (142,562 entries/s)` */
  summary(): string {
    const seconds = this.#seconds()
    return `${countedEntries(this.entries)} in ${seconds.toFixed(1)} s (${this.#rate(seconds)} entries/s)`
  }

  /** `1,234 entries (5.6 MB) in 1.2 s` */
  summaryOfBytes(): string {
    return `${countedEntries(this.entries)} (${decimalSize(this.#readBytes)}) in ${this.#seconds().toFixed(1)} s`
  }

  #payload(): { entries: string; rate: string } {
    return { entries: whole(this.entries), rate: this.#rate(this.#seconds()) }
  }

  #seconds(): number {
    return (performance.now() - this.#startMs) / 1000
  }

  #rate(seconds: number): string {
    return whole(Math.round(this.entries / Math.max(seconds, 0.001)))
  }
}

/** `1 entry`, `2,000 entries` */
export function countedEntries(count: number): string {
  return `${whole(count)} ${count === 1 ? 'entry' : 'entries'}`
}

/** What ended a job, with what it had done before: that stays. */
export function withCountBefore(
  error: unknown,
  entries: number,
  done: 'loaded' | 'imported',
): CommandFailure {
  const { exitCode, sentence } = outcomeOf(error)
  const before = entries === 0 ? `nothing was ${done}` : `${countedEntries(entries)} ${done} before`
  return new CommandFailure(exitCode, `${sentence.replace(/\.$/, '')}; ${before}.`, error)
}

/** How far a job over bytes is: a bar on standard error, or nothing when that is not a terminal. */
export class ByteProgress {
  readonly #bar: SingleBar
  #started = false

  constructor(what: string) {
    this.#bar = bar(`${what} {bar} {percentage}%`)
  }

  readonly show = ({ doneBytes, totalBytes }: { doneBytes: number; totalBytes: number }): void => {
    if (!process.stderr.isTTY) return
    if (!this.#started) this.#bar.start(totalBytes, 0)
    this.#started = true
    this.#bar.setTotal(totalBytes)
    this.#bar.update(doneBytes)
  }

  stop(): void {
    this.#bar.stop()
  }
}

/** A bar on standard error that goes when it is done. */
function bar(format: string): SingleBar {
  return new SingleBar({
    format,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    fps: 10,
    stream: process.stderr,
    noTTYOutput: false,
    clearOnComplete: true,
    hideCursor: false,
  })
}
