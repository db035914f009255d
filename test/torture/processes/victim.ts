/** A process that was started to be killed. */
import { spawn, type ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { Violation } from '../runner.ts'

/** On a busy machine a process may wait for seconds until it is its turn. */
const STUCK_MS = 30_000

export class Victim {
  readonly #child: ChildProcess
  readonly #ended: Promise<string>
  #complaint = ''
  #words: string[] = []
  #wake = (): void => {}
  #hasEnded = false

  constructor(file: string) {
    this.#child = spawn(process.execPath, [file], { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'ipc'] })
    this.#child.stderr?.on('data', (data: Buffer) => (this.#complaint += data.toString()))
    let text = ''
    ;(this.#child.stdio[3] as Readable).on('data', (data: Buffer) => {
      const lines = (text + data.toString()).split('\n')
      text = lines.pop() ?? ''
      this.#words.push(...lines)
      this.#wake()
    })
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(String(error)))
      this.#child.once('close', (code, signal) => resolve(String(signal ?? code)))
    })
    void this.#ended.then(() => {
      this.#hasEnded = true
      this.#wake()
    })
  }

  send(request: object): void {
    this.#child.send(request)
  }

  /** What it said so far that begins with this word; undefined if it did not. */
  said(word: string): string | undefined {
    return this.#words.find((each) => each === word || each.startsWith(`${word} `))
  }

  /** Waits until it has said this, or has ended. @throws Violation if it does neither */
  async untilSaid(word: string): Promise<void> {
    const timer = setTimeout(() => this.kill(), STUCK_MS)
    const atMs = performance.now()
    while (this.said(word) === undefined && !this.#hasEnded)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    clearTimeout(timer)
    if (this.said(word) === undefined && performance.now() - atMs >= STUCK_MS)
      throw new Violation(`it did not come to '${word}'; it had said: ${this.#words.join(', ')}`)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Waits for its end. @returns whether it ended by itself @throws Violation if it failed */
  async end(): Promise<boolean> {
    const timer = setTimeout(() => this.kill(), STUCK_MS)
    const atMs = performance.now()
    const how = await this.#ended
    clearTimeout(timer)
    if (performance.now() - atMs >= STUCK_MS)
      throw new Violation(`it did not end; it had said: ${this.#words.join(', ')}`)
    if (how !== '0' && how !== 'SIGKILL') throw new Violation(`it ended with ${how}: ${this.#complaint}`)
    return how === '0'
  }
}
