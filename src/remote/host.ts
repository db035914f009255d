import type { KeyEncoding, OpenOptions, ValueEncoding } from '../api/types.ts'
import { VarveError } from '../errors.ts'
import { pathOf } from '../fs/opfs-path.ts'
import { plainError } from './plain-error.ts'
import { ELSEWHERE, Session, type Post, type Served } from './session.ts'
import { names, type FromWorker, type OnLine, type ToAll, type ToWorker } from './tab-messages.ts'

/** What the host opens and removes databases with. */
export interface Engine {
  open(location: string, options: OpenOptions<KeyEncoding, ValueEncoding>): Promise<unknown>
  destroy(location: string): Promise<void>
  exportDatabase(location: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>
  importDatabase(location: string, stream: ReadableStream<Uint8Array>): Promise<void>
}

/** The part of a worker's global scope that is needed. */
export interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null
  postMessage(message: FromWorker, transfer: Transferable[]): void
}

/**
 * A page's worker. It has the database, and serves its page and those of other tabs; or another tab's has it, and this one waits to be next.
 * ORDER: who has the lock `names.serving` may open the database, and nobody else of those that serve.
 */
export class Host {
  readonly #scope: WorkerScope
  readonly #engine: Engine
  #request: Extract<ToWorker, { kind: 'open' }> | undefined
  #path = ''
  /** Ends holding the database, or waiting for it. */
  #giveUp: (() => Promise<void>) | undefined
  #own: Session | undefined
  #hasOpened = false

  constructor(scope: WorkerScope, engine: Engine) {
    this.#scope = scope
    this.#engine = engine
    scope.onmessage = ({ data }) => this.#receive(data)
  }

  #receive(message: ToWorker): void {
    switch (message.kind) {
      case 'open':
        this.#request = message
        this.#path = pathOf(message.location).join('/')
        // NOTE: held until the worker ends; a page that gets it knows that.
        void hold(names.worker(message.client), () => new Promise(() => {}))
        return this.#join(message)
      case 'calls':
        return this.#own?.receive(message.message)
      case 'release':
        return void this.#giveUp?.().catch(() => undefined)
      case 'resume':
        if (this.#giveUp === undefined && this.#request !== undefined) this.#join(this.#request)
        return
      case 'destroy':
        return this.#answer(this.#engine.destroy(message.location))
      case 'import':
        return this.#answer(this.#engine.importDatabase(message.location, message.stream))
      case 'export':
        this.#engine.exportDatabase(message.location).then(
          (stream) =>
            this.#scope.postMessage({ kind: 'stream', stream }, [stream as unknown as Transferable]),
          (error: unknown) => this.#tell({ kind: 'failed', error: plainError(error) }),
        )
    }
  }

  #answer(step: Promise<void>): void {
    step.then(
      () => this.#tell({ kind: 'done' }),
      (error: unknown) => this.#tell({ kind: 'failed', error: plainError(error) }),
    )
  }

  /** Gets the database, or waits for it. */
  #join(request: Extract<ToWorker, { kind: 'open' }>): void {
    const waiting = new AbortController()
    this.#giveUp = async () => {
      this.#giveUp = undefined
      waiting.abort()
    }
    const lock = names.serving(this.#path)
    hold(lock, () => this.#serve(request, this.#hasOpened), { ifAvailable: true })
      .then(async (isHeld) => {
        if (isHeld) return
        if (!request.isShared) throw locked(request.location)
        this.#tell({ kind: 'standby' })
        await hold(lock, () => this.#serve(request, true), { signal: waiting.signal })
      })
      .catch((error: unknown) => {
        if (!waiting.signal.aborted) this.#tell({ kind: 'failed', error: plainError(error) })
      })
  }

  /** Has the database until it is given up. `isAgain`: it was open here or in another tab before. @throws what opening throws */
  async #serve(request: Extract<ToWorker, { kind: 'open' }>, isAgain: boolean): Promise<void> {
    const options = optionsOf(request.options, isAgain)
    const db = (await this.#engine.open(request.location, options)) as Served
    this.#hasOpened = true
    const others = new OtherTabs(this.#path, db)
    const hasLeft = new Promise<void>((resolve, reject) => {
      const leave = async (): Promise<void> => {
        this.#giveUp = undefined
        await Promise.all([own.leave(), others.leave()])
        this.#own = undefined
        await db.close().then(resolve, reject)
      }
      this.#giveUp = leave
      const close = async (): Promise<void> => {
        await others.leave()
        await db.close().then(resolve, reject)
      }
      const own = new Session(db, this.#postAnswers, close)
      this.#own = own
    })
    this.#tell({ kind: 'serving', opening: (this.#own as unknown as Session).opening() })
    others.listen(request.client, request.isShared ? undefined : locked(request.location))
    await hasLeft
  }

  readonly #postAnswers: Post = (message, buffers) => {
    this.#scope.postMessage({ kind: 'answers', message }, buffers)
  }

  #tell(message: FromWorker): void {
    this.#scope.postMessage(message, [])
  }
}

/** The pages of other tabs that are served. */
class OtherTabs {
  readonly #path: string
  readonly #db: Served
  readonly #sessions = new Map<string, Session>()
  readonly #lines = new Map<string, BroadcastChannel>()
  readonly #watching = new AbortController()
  #all: BroadcastChannel | undefined

  constructor(path: string, db: Served) {
    this.#path = path
    this.#db = db
  }

  /** `refusal`: what others are told, if they may not have it. */
  listen(own: string, refusal: VarveError | undefined): void {
    const all = new BroadcastChannel(names.all(this.#path))
    this.#all = all
    all.onmessage = ({ data }: MessageEvent<ToAll>) => {
      if (data.kind !== 'hello') return
      if (refusal === undefined) this.#welcome(data.client)
      else this.#refuse(data.client, refusal)
    }
    all.postMessage({ kind: 'serving', client: own } satisfies ToAll)
  }

  async leave(): Promise<void> {
    this.#all?.close()
    this.#watching.abort()
    await Promise.all([...this.#sessions.values()].map((session) => session.leave()))
    for (const client of [...this.#lines.keys()]) this.#forget(client)
  }

  #refuse(client: string, error: unknown): void {
    const line = new BroadcastChannel(names.line(this.#path, client))
    line.postMessage({ kind: 'refused', error: plainError(error) } satisfies OnLine)
    line.close()
  }

  #welcome(client: string): void {
    this.#forget(client)
    const line = new BroadcastChannel(names.line(this.#path, client))
    this.#lines.set(client, line)
    const say = (message: OnLine): void => line.postMessage(message)
    let session: Session
    let opening
    try {
      session = new Session(
        this.#db,
        (message) => say({ kind: 'answers', message }),
        // NOTE: of another tab: it only leaves.
        async () => queueMicrotask(() => this.#sessions.get(client) === session && this.#end(client)),
      )
      opening = session.opening()
    } catch (error) {
      this.#refuse(client, error)
      return this.#forget(client)
    }
    this.#sessions.set(client, session)
    line.onmessage = ({ data }: MessageEvent<OnLine>) => {
      if (data.kind === 'calls') session.receive(data.message)
    }
    say({ kind: 'welcome', opening })
    const { signal } = this.#watching
    // NOTE: the page has it as long as it lives.
    hold(
      names.page(client),
      async () => void (this.#sessions.get(client) === session && this.#forget(client)),
      {
        signal,
      },
    ).catch(() => undefined)
  }

  /** NOTE: its last answers are on their way; the channel goes when the page does. */
  #end(client: string): void {
    this.#sessions.get(client)?.end()
    this.#sessions.delete(client)
  }

  #forget(client: string): void {
    this.#end(client)
    this.#lines.get(client)?.close()
    this.#lines.delete(client)
  }
}

/** Holds a Web Lock while `step` runs. @returns whether it could be had */
async function hold(name: string, step: () => Promise<void>, options: LockOptions = {}): Promise<boolean> {
  const { locks } = navigator
  if (locks === undefined) return step().then(() => true)
  return locks.request(name, options, (lock) => (lock === null ? false : step().then(() => true)))
}

/** What the page asked for, as the engine takes it. */
function optionsOf(options: object, isAgain: boolean): OpenOptions<KeyEncoding, ValueEncoding> {
  const { keyEncoding, valueEncoding, ...rest } = options as {
    keyEncoding?: unknown
    valueEncoding?: unknown
  }
  const encoding = (name: unknown): object => (name === 'custom' ? ELSEWHERE : (name as object))
  return {
    ...rest,
    keyEncoding: encoding(keyEncoding),
    valueEncoding: encoding(valueEncoding),
    ...(isAgain && { errorIfExists: false }),
  } as OpenOptions<KeyEncoding, ValueEncoding>
}

function locked(location: string): VarveError {
  return new VarveError('LOCKED', `The database in '${location}' is open in another tab or worker already.`)
}
