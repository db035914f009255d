import type { VarveError } from '../errors.ts'
import type { AnswersMessage } from '../remote/messages.ts'
import type { Opening } from '../remote/mirror.ts'
import { errorOf } from '../remote/plain-error.ts'
import { names, type FromWorker, type ToWorker } from '../remote/tab-messages.ts'
import { holdLock } from '../remote/web-lock.ts'
import { notStarted } from './engine-script.ts'
import type { Line } from './line.ts'
import { OtherTab } from './other-tab.ts'
import type { ViewTable } from './view.ts'

/** What a connection is made of. */
export interface ConnectionRequest {
  readonly location: string
  /** The location in its one spelling. */
  readonly path: string
  /** For `open` in the worker. */
  readonly options: object
  /** Whether other tabs may have the database at the same time. */
  readonly isShared: boolean
  readonly startWorker: () => Worker
  readonly line: Line
  readonly views: ViewTable
  /** Why this page cannot use a database that another tab has open. */
  readonly refusal: (opening: Opening) => VarveError | undefined
  /** Told at each change of who serves. `isOwn`: this page's own worker. */
  readonly onOpening: (opening: Opening, isOwn: boolean) => void
}

/**
 * A page's connection to who has the database: its own worker, or that of another tab, of which it learns when that one goes and another one follows it.
 * Its own worker waits in line for the database as long as another one has it.
 */
export class Connection {
  readonly #request: ConnectionRequest
  readonly #client: string = crypto.randomUUID()
  #worker: Worker
  #other: OtherTab | undefined
  /** Helps the own worker. */
  #helper: Worker | undefined
  #isOpen = true
  #isWatched = false
  /** Lets other tabs know that this page is gone. */
  #leave: () => void = () => {}
  /** Until the database is open for the first time. */
  #opening: { resolve: () => void; reject: (error: Error) => void } | undefined

  private constructor(request: ConnectionRequest) {
    this.#request = request
    this.#worker = this.#start()
  }

  /** Connects. @throws what opening throws */
  static async open(request: ConnectionRequest): Promise<Connection> {
    const connection = new Connection(request)
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
    this.#other?.close()
    this.#worker.terminate()
    this.#helper?.terminate()
    this.#leave()
    removeEventListener('pagehide', this.#onHide)
    removeEventListener('pageshow', this.#onShow)
    if (typeof document === 'undefined') return
    document.removeEventListener('freeze', this.#onFreeze)
    document.removeEventListener('resume', this.#onResume)
  }

  async #begin(): Promise<void> {
    await this.#holdPageLock()
    const hasOpened = new Promise<void>((resolve, reject) => {
      this.#opening = { resolve, reject }
    })
    addEventListener('pagehide', this.#onHide)
    addEventListener('pageshow', this.#onShow)
    if (typeof document !== 'undefined') {
      document.addEventListener('freeze', this.#onFreeze)
      document.addEventListener('resume', this.#onResume)
    }
    this.#askToOpen()
    return hasOpened
  }

  /** @throws where the browser forbids locks */
  #holdPageLock(): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = new Promise<void>((leave) => {
        this.#leave = leave
      })
      holdLock(names.page(this.#client), () => {
        resolve()
        return end
      }).catch(reject)
    })
  }

  // ── the own worker ──────────────────────────────────────────────────────────────────────────────────────

  #start(): Worker {
    const worker = this.#request.startWorker()
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data)
    worker.onerror = (event) => {
      // NOTE: later it is an error of the console's; a worker that ends is noticed by its lock.
      if (!this.#isWatched) this.#fail(notStarted(event.message))
    }
    return worker
  }

  #askToOpen(): void {
    const { location, options, isShared } = this.#request
    const isAgain = this.#opening === undefined
    this.#say({ kind: 'open', location, options, isShared, client: this.#client, isAgain })
  }

  #say(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #hear(message: FromWorker): void {
    const { line, views } = this.#request
    if (isAnswers(message)) return line.receive(message)
    switch (message.kind) {
      case 'started':
        return this.#watchWorker()
      case 'serving':
        this.#letGoOfOther()
        this.#opened(message.opening, true)
        return line.connect((calls) => this.#say([message.term, calls]), views.calls)
      case 'standby':
        return this.#follow()
      case 'helper-wanted':
        return this.#sendHelper(message.term)
      case 'failed':
        return this.#fail(errorOf(message.error))
    }
  }

  /** NOTE: if none can be started the own worker goes on alone. */
  #sendHelper(term: number): void {
    this.#helper?.terminate()
    const { port1, port2 } = new MessageChannel()
    const lock = names.helper(crypto.randomUUID())
    try {
      const helper = this.#request.startWorker()
      // NOTE: a createWorker may have but one, which must not wait for itself.
      if (helper === this.#worker) return
      this.#helper = helper
      helper.onerror = (event) => event.preventDefault()
      helper.postMessage({ kind: 'help', port: port2, lock } satisfies ToWorker, [port2])
      this.#worker.postMessage({ kind: 'helper', term, port: port1, lock } satisfies ToWorker, [port1])
    } catch {
      this.#helper = undefined
    }
  }

  #opened(opening: Opening, isOwn: boolean): void {
    this.#request.onOpening(opening, isOwn)
    this.#opening?.resolve()
    this.#opening = undefined
  }

  #fail(error: Error): void {
    this.#letGoOfOther()
    this.#opening?.reject(error)
    this.#opening = undefined
    this.#request.line.fail(error)
  }

  /** A worker that is gone without a word (terminated, crashed) is replaced. */
  #watchWorker(): void {
    this.#isWatched = true
    const replace = async (): Promise<void> => {
      if (!this.#isOpen) return
      this.#isWatched = false
      if (this.#other === undefined) this.#request.line.disconnect(undefined)
      this.#worker.terminate()
      this.#helper?.terminate()
      this.#worker = this.#start()
      this.#askToOpen()
    }
    holdLock(names.worker(this.#client), replace).catch((error: unknown) => this.#fail(error as Error))
  }

  // ── other tabs ──────────────────────────────────────────────────────────────────────────────────────────

  #follow(): void {
    // NOTE: a worker that was replaced says that it waits while the other tab serves as before.
    if (this.#other !== undefined) return
    const { path, line, views, refusal } = this.#request
    this.#other = new OtherTab(path, this.#client, {
      welcome: (opening, post) => {
        const why = refusal(opening)
        if (why !== undefined) return this.#fail(why)
        this.#opened(opening, false)
        this.#say({ kind: 'welcomed' })
        line.connect(post, views.calls)
      },
      gone: () => line.disconnect(undefined),
      refused: (error) => this.#fail(error),
      answers: (message) => line.receive(message),
    })
  }

  #letGoOfOther(): void {
    const other = this.#other
    this.#other = undefined
    if (other === undefined) return
    other.close()
    if (other.isWelcome) this.#request.line.disconnect(undefined)
  }

  // ── the page's life ─────────────────────────────────────────────────────────────────────────────────────

  readonly #onHide = (): void => {
    const { line } = this.#request
    line.tell('persist', 'os')
    line.flushNow()
    this.#say({ kind: 'release' })
  }
  readonly #onShow = (): void => this.#say({ kind: 'resume' })
  readonly #onFreeze = (): void => {
    this.#request.line.flushNow()
    this.#say({ kind: 'release' })
  }
  readonly #onResume = (): void => this.#say({ kind: 'resume' })
}

function isAnswers(message: FromWorker): message is AnswersMessage {
  return Array.isArray(message)
}
