import type { VarveError } from '../errors.ts'
import { plainError } from './plain-error.ts'
import { Session, type Served } from './session.ts'
import { names, type OnLine, type ToAll } from './tab-messages.ts'
import { holdLock } from './web-lock.ts'

interface Guest {
  readonly session: Session
  readonly line: BroadcastChannel
}

/** The pages of other tabs that are served here. */
export class OtherTabs {
  readonly #path: string
  readonly #db: Served
  readonly #term: string = crypto.randomUUID()
  /** By the names of the pages. */
  readonly #guests = new Map<string, Guest>()
  readonly #watching = new AbortController()
  #all: BroadcastChannel | undefined

  constructor(path: string, db: Served) {
    this.#path = path
    this.#db = db
  }

  /** `own`: the page whose worker this is. `refusal`: what others are told, if they may not have it. */
  listen(own: string, refusal: VarveError | undefined): void {
    const all = new BroadcastChannel(names.all(this.#path))
    this.#all = all
    all.onmessage = ({ data }: MessageEvent<ToAll>) => {
      if (data.kind !== 'hello' || data.client === own) return
      if (refusal === undefined) this.#welcome(data.client, data.line)
      else refuse(this.#path, data.line, refusal)
    }
    all.postMessage({ kind: 'serving', client: own, term: this.#term } satisfies ToAll)
  }

  /** Answers what was begun; they go on with who has the database next. */
  async leave(): Promise<void> {
    this.#all?.close()
    this.#watching.abort()
    const guests = [...this.#guests.values()]
    this.#guests.clear()
    await Promise.all(guests.map(({ session }) => session.leave()))
    for (const { line } of guests) line.close()
  }

  /** NOTE: one that says hello again does not listen to its line of before. */
  #welcome(client: string, lineName: string): void {
    this.#forget(client)
    const line = new BroadcastChannel(names.line(this.#path, lineName))
    const say = (message: OnLine): void => line.postMessage(message)
    let guest: Guest
    try {
      const session = new Session(
        this.#db,
        (message) => say({ kind: 'answers', message }),
        // NOTE: its database is closed when its writes are safe; the session ends with the page's lock.
        () => this.#db.persist('sync'),
      )
      guest = { session, line }
      say({ kind: 'welcome', opening: session.opening(), term: this.#term })
    } catch (error) {
      line.close()
      return refuse(this.#path, lineName, error)
    }
    this.#guests.set(client, guest)
    line.onmessage = ({ data }: MessageEvent<OnLine>) => {
      if (data.kind === 'calls') guest.session.receive(data.message)
    }
    const gone = async (): Promise<void> => {
      if (this.#guests.get(client) === guest) this.#forget(client)
    }
    // NOTE: the page has it as long as it lives and has the database open.
    holdLock(names.page(client), gone, { signal: this.#watching.signal }).catch(() => undefined)
  }

  #forget(client: string): void {
    const guest = this.#guests.get(client)
    this.#guests.delete(client)
    guest?.session.end()
    guest?.line.close()
  }
}

/** Tells a page that said hello why it cannot have the database. */
function refuse(path: string, lineName: string, error: unknown): void {
  const line = new BroadcastChannel(names.line(path, lineName))
  line.postMessage({ kind: 'refused', error: plainError(error) } satisfies OnLine)
  line.close()
}

/** Tells so every page that says hello, until the result is called. */
export function refuseAll(path: string, error: unknown): () => void {
  const all = new BroadcastChannel(names.all(path))
  all.onmessage = ({ data }: MessageEvent<ToAll>) => {
    if (data.kind === 'hello') refuse(path, data.line, error)
  }
  return () => all.close()
}
