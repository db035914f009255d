import { VarveError } from '../errors.ts'
import { errorOf } from '../remote/plain-error.ts'
import type { Opening } from '../remote/mirror.ts'
import { names, type FromWorker, type OnLine, type ToAll, type ToWorker } from '../remote/tab-messages.ts'
import { notStarted } from './engine-script.ts'
import type { Line } from './line.ts'
import type { ViewTable } from './view.ts'

/** How long a page waits for who serves to notice it before it says hello again. */
const HELLO_MS = 250

/** What a connection is made of. */
export interface ConnectionRequest {
  readonly location: string
  /** The location in its one spelling. */
  readonly path: string
  /** For `open` in the worker. */
  readonly options: object
  /** Whether other tabs may have the database at the same time. */
  readonly isShared: boolean
  readonly errorIfExists: boolean
  readonly startWorker: () => Worker
  readonly line: Line
  readonly views: ViewTable
  /** Told at each change of who serves. */
  readonly onOpening: (opening: Opening) => void
}

/**
 * A page's connection to who has the database: its own worker, or that of another tab, of which it learns when that one goes and another one follows it.
 * Its own worker waits in line for the database as long as another one has it.
 */
export class Connection {
  readonly #options: ConnectionRequest
  readonly #client: string = crypto.randomUUID()
  #worker: Worker
  #others: OtherTab | undefined
  #isOpen = true
  #isWatched = false
  /** Lets other tabs know that this page is gone. */
  #leave: () => void = () => {}
  #opened: { resolve: () => void; reject: (error: Error) => void } | undefined

  private constructor(options: ConnectionRequest) {
    this.#options = options
    this.#worker = this.#start()
  }

  /** Connects. @throws what opening throws */
  static async open(options: ConnectionRequest): Promise<Connection> {
    const connection = new Connection(options)
    try {
      await connection.#begin()
    } catch (error) {
      connection.end()
      throw error
    }
    return connection
  }

  /** Nothing is heard or said any more. */
  end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#others?.close()
    this.#worker.terminate()
    this.#leave()
    removeEventListener('pagehide', this.#onHide)
    if (typeof document === 'undefined') return
    document.removeEventListener('freeze', this.#onFreeze)
    document.removeEventListener('resume', this.#onResume)
  }

  async #begin(): Promise<void> {
    await this.#holdPageLock()
    const hasOpened = new Promise<void>((resolve, reject) => {
      this.#opened = { resolve, reject }
    })
    addEventListener('pagehide', this.#onHide)
    if (typeof document !== 'undefined') {
      document.addEventListener('freeze', this.#onFreeze)
      document.addEventListener('resume', this.#onResume)
    }
    this.#askToOpen()
    return hasOpened
  }

  #holdPageLock(): Promise<void> {
    return new Promise((resolve) => {
      const end = new Promise<void>((leave) => {
        this.#leave = leave
      })
      void navigator.locks.request(names.page(this.#client), () => {
        resolve()
        return end
      })
    })
  }

  // ── the own worker ──────────────────────────────────────────────────────────────────────────────────────

  #start(): Worker {
    const worker = this.#options.startWorker()
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data)
    worker.onerror = (event) => {
      this.#fail(notStarted(event.message))
    }
    return worker
  }

  #askToOpen(): void {
    const { location, options, isShared } = this.#options
    this.#say({ kind: 'open', location, options, isShared, client: this.#client })
  }

  #say(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #hear(message: FromWorker): void {
    const { line, views } = this.#options
    if (!this.#isWatched) this.#watchWorker()
    switch (message.kind) {
      case 'serving':
        this.#others?.close()
        this.#others = undefined
        this.#serve(message.opening)
        return line.connect((calls) => this.#say({ kind: 'calls', message: calls }), views.calls)
      case 'standby':
        return this.#follow()
      case 'failed':
        return this.#fail(errorOf(message.error))
      case 'answers':
        return line.receive(message.message)
    }
  }

  #serve(opening: Opening): void {
    this.#options.onOpening(opening)
    this.#opened?.resolve()
    this.#opened = undefined
  }

  #fail(error: Error): void {
    this.#others?.close()
    this.#others = undefined
    this.#opened?.reject(error)
    this.#opened = undefined
    this.#options.line.fail(error)
  }

  /** A worker that is gone without a word (terminated, crashed) is replaced. */
  #watchWorker(): void {
    this.#isWatched = true
    void navigator.locks.request(names.worker(this.#client), async () => {
      if (!this.#isOpen) return
      this.#isWatched = false
      if (this.#others === undefined) this.#options.line.disconnect(undefined)
      this.#worker.terminate()
      this.#worker = this.#start()
      this.#askToOpen()
    })
  }

  // ── other tabs ──────────────────────────────────────────────────────────────────────────────────────────

  #follow(): void {
    const { path, line, views, errorIfExists, location } = this.#options
    this.#others?.close()
    this.#others = new OtherTab(path, this.#client, {
      welcome: (opening, post) => {
        if (errorIfExists && this.#opened !== undefined)
          return this.#fail(new VarveError('EXISTS', `There is a database in '${location}' already.`))
        this.#serve(opening)
        line.connect((message) => post({ kind: 'calls', message }), views.calls)
      },
      gone: () => line.disconnect(undefined),
      refused: (error) => this.#fail(error),
      answers: (message) => line.receive(message),
    })
  }

  // ── the page's life ─────────────────────────────────────────────────────────────────────────────────────

  readonly #onHide = (): void => this.#options.line.tell('persist', 'os')
  readonly #onFreeze = (): void => this.#say({ kind: 'release' })
  readonly #onResume = (): void => this.#say({ kind: 'resume' })
}

interface OtherTabListener {
  welcome(opening: Opening, post: (message: OnLine) => void): void
  /** Another one serves now. */
  gone(): void
  refused(error: Error): void
  answers(message: Extract<OnLine, { kind: 'answers' }>['message']): void
}

/** The worker of another tab, whichever it is, as this page hears it. */
class OtherTab {
  readonly #all: BroadcastChannel
  readonly #line: BroadcastChannel
  readonly #client: string
  readonly #hello: ReturnType<typeof setInterval>
  #isWelcome = false

  constructor(path: string, client: string, listener: OtherTabListener) {
    this.#client = client
    this.#all = new BroadcastChannel(names.all(path))
    this.#line = new BroadcastChannel(names.line(path, client))
    this.#all.onmessage = ({ data }: MessageEvent<ToAll>) => {
      if (data.kind !== 'serving' || data.client === client) return
      this.#isWelcome = false
      listener.gone()
      this.#sayHello()
    }
    this.#line.onmessage = ({ data }: MessageEvent<OnLine>) => {
      if (data.kind === 'answers') {
        if (data.message.leavingFrom !== undefined) this.#isWelcome = false
        return listener.answers(data.message)
      }
      if (this.#isWelcome) return
      if (data.kind === 'refused') return listener.refused(errorOf(data.error))
      if (data.kind !== 'welcome') return
      this.#isWelcome = true
      listener.welcome(data.opening, (message) => this.#line.postMessage(message))
    }
    this.#sayHello()
    // NOTE: who serves may not have listened yet.
    this.#hello = setInterval(() => {
      if (!this.#isWelcome) this.#sayHello()
    }, HELLO_MS)
  }

  close(): void {
    clearInterval(this.#hello)
    this.#all.close()
    this.#line.close()
  }

  #sayHello(): void {
    this.#all.postMessage({ kind: 'hello', client: this.#client } satisfies ToAll)
  }
}
