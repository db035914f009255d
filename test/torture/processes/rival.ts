/** The parent's end of a contender (contender.ts). */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Violation } from '../runner.ts'
import type { Answer, Command } from './contender.ts'

/** On a busy machine a process may wait for seconds until it is its turn. */
const STUCK_MS = 30_000

export class Rival {
  readonly #child: ChildProcess
  #complaint = ''
  readonly #ended: Promise<unknown>
  readonly ready: Promise<Answer>

  constructor(file: string, library: string) {
    this.#child = spawn(process.execPath, ['--expose-gc', file, library], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.on('data', (data: Buffer) => (this.#complaint += data.toString()))
    this.#ended = once(this.#child, 'close')
    this.ready = this.#answer()
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  ask(command: Command): Promise<Answer> {
    const answer = this.#answer()
    this.#child.send(command)
    return answer
  }

  /** Tells it, and does not wait for an answer. */
  tell(command: Command): void {
    this.#child.send(command)
  }

  /** @throws Violation if it is not done */
  async must(command: Command): Promise<Answer> {
    const answer = await this.ask(command)
    if (answer.code === 'ok') return answer
    throw new Violation(`${JSON.stringify(command)} failed with ${answer.code}: ${answer.message}`)
  }

  async #answer(): Promise<Answer> {
    const timeout = AbortSignal.timeout(STUCK_MS)
    const ended = this.#ended.then(() => {
      throw new Violation(`a process ended: ${this.#complaint}`)
    })
    ended.catch(() => {})
    const message = once(this.#child, 'message', { signal: timeout }).catch((error: unknown) => {
      throw new Violation(`a process did not answer within ${STUCK_MS} ms`, { cause: error })
    })
    const [answer] = (await Promise.race([message, ended])) as [Answer]
    return answer
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  /** NOTE: it has been killed when this returns, and is gone when it resolves. */
  kill(): Promise<unknown> {
    this.#child.kill('SIGKILL')
    return this.#ended
  }
}
