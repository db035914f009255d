import { fork, type ChildProcess } from 'node:child_process'
import type { Request } from './child.ts'

/** What became of a request. */
export type Answer<T> = { readonly reply: T } | 'died' | 'hung'

/** Requests after which a process is ended, so that what one leaves behind in it meets few others. */
const REQUESTS_OF_A_PROCESS = 100
/** NOTE: on a busy machine a process takes its time to start, and to write what others are to read. */
const PATIENCE_MS = 60_000

/** The process of an engine; another one takes its place when it has died or hung. */
export class EngineProcess {
  readonly #file: string
  readonly #args: readonly string[]
  readonly #hangMs: number
  #child: ChildProcess | undefined
  #requests = 0

  constructor(file: string, args: readonly string[], hangMs: number) {
    this.#file = file
    this.#args = args
    this.#hangMs = hangMs
  }

  /** @throws if the process does not even start */
  async ask<T>(request: Request): Promise<Answer<T>> {
    const limitMs = request.do === 'inspect' ? this.#hangMs : PATIENCE_MS
    if (this.#requests >= REQUESTS_OF_A_PROCESS) await this.end()
    const child = this.#child ?? (await this.#start())
    this.#requests++
    const answer = nextMessage<T>(child, limitMs)
    child.send(request, () => {})
    return this.#settle(child, await answer)
  }

  async end(): Promise<void> {
    if (this.#child !== undefined) await kill(this.#child)
    this.#child = undefined
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(this.#file, [...this.#args], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let errors = ''
    child.stderr?.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-2000)))
    this.#requests = 0
    this.#child = child
    if (typeof (await this.#settle(child, await nextMessage(child, PATIENCE_MS))) === 'string')
      throw new Error(`the process of ${this.#args.join(' ')} does not start: ${errors}`)
    return child
  }

  async #settle<T>(child: ChildProcess, answer: Answer<T>): Promise<Answer<T>> {
    if (typeof answer !== 'string') return answer
    await kill(child)
    this.#child = undefined
    return answer
  }
}

function nextMessage<T>(child: ChildProcess, limitMs: number): Promise<Answer<T>> {
  return new Promise((resolve) => {
    const settle = (answer: Answer<T>): void => {
      clearTimeout(timer)
      child.off('message', onMessage).off('exit', onExit)
      resolve(answer)
    }
    const onMessage = (message: unknown): void => settle({ reply: message as T })
    const onExit = (): void => settle('died')
    const timer = setTimeout(() => settle('hung'), limitMs)
    child.on('message', onMessage).on('exit', onExit)
    if (child.exitCode !== null || child.signalCode !== null) settle('died')
  })
}

function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}
