import type { CallsMessage, AnswersMessage } from '../remote/messages.ts'
import type { Opening } from '../remote/mirror.ts'
import { errorOf } from '../remote/plain-error.ts'
import { names, type OnLine, type ToAll } from '../remote/tab-messages.ts'

/** How long a page waits for who serves to notice it before it says hello again; each further time twice as long. */
const HELLO_MS = 250
const HELLO_MAX_MS = 8000

export interface OtherTabListener {
  welcome(opening: Opening, post: (message: CallsMessage) => void): void
  /** Another one serves now. */
  gone(): void
  refused(error: Error): void
  answers(message: AnswersMessage): void
}

/** The worker of another tab that has the database, whichever it is, as this page hears it. */
export class OtherTab {
  readonly #path: string
  readonly #client: string
  readonly #listener: OtherTabListener
  readonly #all: BroadcastChannel
  #line: BroadcastChannel | undefined
  /** Of who serves this page; undefined while nobody does. */
  #term: string | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #waitMs = HELLO_MS

  constructor(path: string, client: string, listener: OtherTabListener) {
    this.#path = path
    this.#client = client
    this.#listener = listener
    this.#all = new BroadcastChannel(names.all(path))
    this.#all.onmessage = ({ data }: MessageEvent<ToAll>) => {
      if (data.kind !== 'serving' || data.client === client || data.term === this.#term) return
      if (this.#term !== undefined) listener.gone()
      this.#waitMs = HELLO_MS
      this.#sayHello()
    }
    this.#sayHello()
  }

  get isWelcome(): boolean {
    return this.#term !== undefined
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#all.close()
    this.#line?.close()
  }

  /** INVARIANT: each hello has a line of its own, and nothing more is heard of the one before. */
  #sayHello(): void {
    clearTimeout(this.#timer)
    this.#term = undefined
    this.#line?.close()
    const name = crypto.randomUUID()
    const line = new BroadcastChannel(names.line(this.#path, name))
    this.#line = line
    line.onmessage = ({ data }: MessageEvent<OnLine>) => this.#hear(line, data)
    this.#all.postMessage({ kind: 'hello', client: this.#client, line: name } satisfies ToAll)
    // NOTE: who serves may not have listened yet.
    this.#timer = setTimeout(() => this.#sayHello(), this.#waitMs)
    this.#waitMs = Math.min(2 * this.#waitMs, HELLO_MAX_MS)
  }

  #hear(line: BroadcastChannel, message: OnLine): void {
    switch (message.kind) {
      case 'welcome':
        clearTimeout(this.#timer)
        this.#term = message.term
        return this.#listener.welcome(message.opening, (calls) =>
          line.postMessage({ kind: 'calls', message: calls } satisfies OnLine),
        )
      case 'refused':
        return this.#listener.refused(errorOf(message.error))
      case 'answers':
        this.#listener.answers(message.message)
        // NOTE: the next one says that it serves; should that be missed, it is asked.
        if (message.message[2]?.leavingFrom !== undefined) this.#wait()
    }
  }

  #wait(): void {
    this.#term = undefined
    this.#waitMs = HELLO_MS
    this.#timer = setTimeout(() => this.#sayHello(), this.#waitMs)
  }
}
