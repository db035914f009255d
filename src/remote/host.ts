import { Keyspace } from '../api/keyspace.ts'
import { helpOver, takeHelper, whenHelperIsWanted } from '../api/helper.ts'
import type { KeyEncoding, OpenOptions, ValueEncoding } from '../api/types.ts'
import { VarveError } from '../errors.ts'
import { pathNameOf } from '../fs/opfs-path.ts'
import { OtherTabs, refuseAll } from './other-tabs.ts'
import type { CallsMessage } from './messages.ts'
import type { Post } from './outbox.ts'
import { plainError } from './plain-error.ts'
import { ELSEWHERE, Session, type Served } from './session.ts'
import {
  names,
  type Errand,
  type FromErrand,
  type FromWorker,
  type OpenMessage,
  type ToWorker,
} from './tab-messages.ts'
import { Wakefulness } from './wakefulness.ts'
import { holdLock } from './web-lock.ts'

/** What the host opens and removes databases with. */
export interface Engine {
  /** Does ahead what opening that database needs in any case, until `signal`. */
  warm(location: string, memoryLimit: number | undefined, signal: AbortSignal): Promise<void>
  open(location: string, options: OpenOptions<KeyEncoding, ValueEncoding>): Promise<unknown>
  destroy(location: string): Promise<void>
  /** `ended`: called when the stream is over. */
  exportDatabase(location: string, ended?: () => void): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>
  importDatabase(location: string, stream: ReadableStream<Uint8Array>): Promise<void>
}

/** The part of a worker's global scope that is needed. */
export interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null
  postMessage(message: FromWorker | FromErrand, transfer: Transferable[]): void
  close(): void
}

/**
 * The files of a worker that was killed are free a moment after its locks are: so long a database that nobody else can have is tried again.
 * NOTE: at the first open a worker of the user's own may have it, who waits for an answer.
 */
const RETRY_FIRST_MS = 1000
const RETRY_AGAIN_MS = 5000
const RETRY_EVERY_MS = 10

/** Smaller buffers are copied sooner than they change hands. */
const TRANSFER_FROM_BYTES = 16_384

/**
 * A page's worker. It has the database, and serves its page and those of other tabs; or another tab's has it, and this one waits to be next.
 * ORDER: who has the lock `names.serving` may open the database, and nobody else of those that serve.
 */
export class Host {
  readonly #scope: WorkerScope
  readonly #engine: Engine
  readonly #wakefulness = new Wakefulness()
  #request: OpenMessage | undefined
  #path = ''
  #hasOpened = false
  #own: Session | undefined
  /** Has a second worker help, as long as this one has the database. */
  #help: ((port: MessagePort, lock: string) => void) | undefined
  /** Counts how often this worker got the database. */
  #term = 0
  /** Ends having the database, or waiting for it. Undefined: neither. */
  #giveUp: (() => void) | undefined
  /** Resolves when what was given up is free. */
  #free: Promise<unknown> = Promise.resolve()

  constructor(scope: WorkerScope, engine: Engine) {
    this.#scope = scope
    this.#engine = engine
    scope.onmessage = ({ data }) => this.#receive(data)
  }

  #receive(message: ToWorker): void {
    if (isCalls(message)) {
      const [term, calls] = message
      if (term === this.#term) this.#own?.receive(calls)
      return this.#wakefulness.extend()
    }
    switch (message.kind) {
      case 'open':
        this.#request = message
        this.#path = pathNameOf(message.location)
        this.#hasOpened = message.isAgain
        // NOTE: held until the worker ends; a page that gets it knows that.
        void holdLock(names.worker(message.client), () => {
          this.#tell({ kind: 'started' })
          return new Promise(() => {})
        })
        return this.#join(message)
      case 'welcomed':
        this.#hasOpened = true
        return
      case 'release':
        return this.#giveUp?.()
      case 'resume':
        if (this.#giveUp === undefined && this.#request !== undefined) this.#join(this.#request)
        return
      case 'helper':
        if (message.term === this.#term && this.#help !== undefined) this.#help(message.port, message.lock)
        else message.port.close()
        return
      case 'help':
        // ORDER: it has the lock before it says that it is there.
        void holdLock(message.lock, () => {
          helpOver(message.port, () => this.#scope.close())
          return new Promise(() => {})
        })
        return
      default:
        this.#run(message)
    }
  }

  /** Gets the database, or waits for it. */
  #join(request: OpenMessage): void {
    const released = new AbortController()
    const { signal } = released
    this.#giveUp = () => {
      this.#giveUp = undefined
      released.abort()
    }
    const lock = names.serving(this.#path)
    const serve = (): Promise<void> => this.#serve(request, signal)
    this.#free = this.#free
      .then(() => holdLock(lock, serve, { ifAvailable: true }))
      .then(async (isHeld) => {
        if (isHeld) return
        if (!request.isShared) return holdSoon(lock, serve, request.location, this.#hasOpened)
        this.#tell({ kind: 'standby' })
        const next = this.#warmUp(request, signal)
        const begin = (): Promise<void> => {
          next.abort()
          return serve()
        }
        await holdLock(lock, begin, { signal })
      })
      .catch((error: unknown) => {
        if (!signal.aborted) this.#tell({ kind: 'failed', error: plainError(error) })
      })
  }

  /** Ends with `released`. @returns what ends it, too */
  #warmUp({ location, options }: OpenMessage, released: AbortSignal): AbortController {
    const over = new AbortController()
    released.addEventListener('abort', () => over.abort())
    const { memoryLimit } = options as { memoryLimit?: number }
    this.#engine.warm(location, memoryLimit, over.signal).catch(() => undefined)
    return over
  }

  /** Has the database until it is closed or `released`. @throws what opening and closing throw */
  async #serve(request: OpenMessage, released: AbortSignal): Promise<void> {
    if (released.aborted) return
    const db = await this.#open(request)
    this.#hasOpened = true
    const term = ++this.#term
    const others = new OtherTabs(this.#path, db)
    const endHelp = this.#beginHelp(request, db, term)
    try {
      await new Promise<void>((resolve) => {
        const close = async (): Promise<void> => {
          await others.leave().catch(() => undefined)
          // NOTE: who asked for it is told, too, if it fails.
          await db.close().finally(resolve)
        }
        const own = new Session(db, this.#postAnswers, close, globalThis.crossOriginIsolated)
        this.#own = own
        const leave = (): void => {
          void Promise.allSettled([own.leave(), others.leave()]).then(() => resolve())
        }
        released.addEventListener('abort', leave)
        this.#tell({ kind: 'serving', opening: own.opening(), term })
        others.listen(request.client, request.isShared ? undefined : locked(request.location))
        if (released.aborted) leave()
      })
    } finally {
      this.#own = undefined
      endHelp()
      // INVARIANT: who has the lock of those who serve finds the database closed.
      await db.close()
    }
  }

  /** Where memory can be shared: asks for a second worker when there is something for it to do. @returns what ends its help */
  #beginHelp({ options }: OpenMessage, db: Served, term: number): () => void {
    const { threads } = options as { threads?: unknown }
    if (!globalThis.crossOriginIsolated || threads === 0) return () => {}
    const { engine } = Keyspace.viewOf(db)
    const over = new AbortController()
    let release = (): void => {}
    this.#help = (port, lock) => {
      const helper = takeHelper(engine, port, () => {
        const lost = async (): Promise<void> => helper?.lose()
        holdLock(lock, lost, { signal: over.signal }).catch(() => undefined)
      })
      release = () => helper?.release()
    }
    whenHelperIsWanted(engine, () => this.#tell({ kind: 'helper-wanted', term }))
    return () => {
      this.#help = undefined
      over.abort()
      // NOTE: what it is at is called off when the database is closed.
      void db.close().then(release, release)
    }
  }

  async #open({ location, options }: OpenMessage): Promise<Served> {
    const isAgain = this.#hasOpened
    const deadline = Date.now() + (isAgain ? RETRY_AGAIN_MS : RETRY_FIRST_MS)
    for (;;) {
      try {
        return (await this.#engine.open(location, optionsOf(options, isAgain))) as Served
      } catch (error) {
        const isLocked = error instanceof VarveError && error.code === 'LOCKED'
        if (!isLocked || Date.now() > deadline) throw error
        await new Promise((resolve) => setTimeout(resolve, RETRY_EVERY_MS))
      }
    }
  }

  readonly #postAnswers: Post = (message, buffers) => {
    const transferred = buffers.filter(({ byteLength }) => byteLength >= TRANSFER_FROM_BYTES)
    this.#scope.postMessage(message, transferred)
  }

  // ── errands ─────────────────────────────────────────────────────────────────────────────────────────────

  /** NOTE: under the lock of those who serve, so that none of them finds the database locked for a moment. They are told that it is. */
  #run(errand: Errand): void {
    const path = pathNameOf(errand.location)
    const step = async (): Promise<void> => {
      // NOTE: who opens one that is being removed waits, and makes it anew.
      const end = errand.kind === 'destroy' ? () => {} : refuseAll(path, locked(errand.location))
      await this.#do(errand).finally(end)
    }
    holdSoon(names.serving(path), step, errand.location, false).then(
      () => this.#tell({ kind: 'done' }),
      (error: unknown) => {
        if (errand.kind === 'import') errand.stream.cancel(error).catch(() => undefined)
        this.#tell({ kind: 'failed', error: plainError(error) })
      },
    )
  }

  async #do(errand: Errand): Promise<void> {
    const { location } = errand
    switch (errand.kind) {
      case 'destroy':
        return this.#engine.destroy(location)
      case 'import':
        return this.#engine.importDatabase(location, errand.stream)
      case 'export':
        return new Promise((resolve, reject) => {
          this.#engine.exportDatabase(location, resolve).then((stream) => {
            this.#scope.postMessage({ kind: 'stream', stream }, [stream])
          }, reject)
        })
    }
  }

  #tell(message: FromWorker | FromErrand): void {
    this.#scope.postMessage(message, [])
  }
}

/** Waits for a lock as long as one who is ending may need. @throws LOCKED, and what the step throws */
async function holdSoon(
  lock: string,
  step: () => Promise<void>,
  location: string,
  isAgain: boolean,
): Promise<void> {
  let isHeld = false
  const signal = AbortSignal.timeout(isAgain ? RETRY_AGAIN_MS : RETRY_FIRST_MS)
  const begun = (): Promise<void> => {
    isHeld = true
    return step()
  }
  try {
    await holdLock(lock, begun, { signal })
  } catch (error) {
    throw isHeld ? error : locked(location)
  }
}

/** What the page asked for, as the engine takes it. `isAgain`: it had it open before. */
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
    ...(isAgain && { errorIfExists: false, createIfMissing: false }),
  } as OpenOptions<KeyEncoding, ValueEncoding>
}

function locked(location: string): VarveError {
  return new VarveError('LOCKED', `The database in '${location}' is open in another tab or worker already.`)
}

function isCalls(message: ToWorker): message is [term: number, calls: CallsMessage] {
  return Array.isArray(message)
}
