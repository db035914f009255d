import { VarveError } from '../errors.ts'
import type {
  AnswersMessage,
  CallName,
  CallResult,
  Calls,
  CallsMessage,
  News,
  WireCall,
} from '../remote/messages.ts'
import { Arena } from '../remote/arena.ts'
import { errorOf } from '../remote/plain-error.ts'

/** Most bytes of calls on their way; more wait here until answers come. */
const WINDOW_BYTES = 8 << 20
/** What a call costs beside its keys and values. */
const CALL_BYTES = 64

/**
 * Calls that may be made again of somebody else, though it is not known whether they were done before. NOTE: no snapshot and no range, whose moment was that of the call; neither `flush`
 * nor `persist`, which are about what the one who is gone had in memory.
 */
const REPEATABLE: ReadonlySet<CallName> = new Set<CallName>([
  'view',
  'keyspace',
  'nextPage',
  'get',
  'getMany',
  'has',
  'sizeOf',
  'edge',
  'count',
  'isEmpty',
  'approximateCount',
  'approximateSize',
  'compact',
  'verify',
  'endRange',
  'endSnapshot',
  'readEnded',
  'follow',
  'abort',
])

/** Calls after which reads find something else than before. */
const WRITES: ReadonlySet<CallName> = new Set<CallName>([
  'write',
  'batch',
  'clear',
  'dropRange',
  'dropKeyspace',
])

interface Pending {
  readonly call: WireCall
  readonly sizeBytes: number
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  readonly progress: ((doneBytes: number, totalBytes: number) => void) | undefined
  /** The caller has been told already that it was aborted. */
  isAborted: boolean
}

export interface CallOptions {
  /** Bytes of keys and values in it. */
  sizeBytes?: number
  progress?: (doneBytes: number, totalBytes: number) => void
  signal?: AbortSignal | undefined
  /** What `signal` ends, for the error's message. */
  what?: string
}

/**
 * The calls of a page to who serves it. Those of one turn go in one message; those that nobody can take yet wait.
 * INVARIANT: calls are begun in the order in which they were made.
 */
export class Line {
  /** Where the bytes of a turn's calls are put. */
  readonly arena: Arena = new Arena()
  readonly #flying = new Map<number, Pending>()
  #waiting: Pending[] = []
  #waitingBytes = 0
  #flyingBytes = 0
  #next = 0
  #post: ((message: CallsMessage) => void) | undefined
  /** Calls of WRITES that have no answer. */
  #unansweredWrites = 0
  #isFlushScheduled = false
  #failure: Error | undefined
  /** The last call that wrote something which was acknowledged and is not in a file yet; -1: none. */
  #volatileUntil = -1
  #hasLost = false
  /** Told at each change of who takes the calls. */
  onChange: () => void = () => {}
  /** Whether writes wait to become calls. */
  hasWaitingWrites: () => boolean = () => false
  /** Who puts several writes into one call makes it now: the turn ends, or something comes that must come after them. */
  onFlush: () => void = () => {}
  /** What is heard beside answers. */
  onNews: (news: News) => void = () => {}

  /** Bytes of calls that have not been answered. */
  get pendingBytes(): number {
    return this.#waitingBytes + this.#flyingBytes
  }

  get isConnected(): boolean {
    return this.#post !== undefined
  }

  /** Whether everything that was written is answered. */
  get isSettled(): boolean {
    return this.#unansweredWrites === 0 && this.isConnected && !this.hasWaitingWrites()
  }

  call<N extends CallName>(
    name: N,
    args: Parameters<Calls[N]>,
    options: CallOptions = {},
  ): Promise<CallResult<N>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (name !== 'write') this.onFlush()
    const { sizeBytes = 0, progress, signal, what = 'call' } = options
    if (signal?.aborted === true) return Promise.reject(aborted(what, signal))
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#abort(pending)
        reject(aborted(what, signal))
      }
      signal?.addEventListener('abort', stop, { once: true })
      const settled = <T>(step: (value: T) => void): ((value: T) => void) =>
        signal === undefined
          ? step
          : (value) => {
              signal.removeEventListener('abort', stop)
              step(value)
            }
      const pending: Pending = {
        call: [name, ...args],
        sizeBytes: sizeBytes + CALL_BYTES,
        resolve: settled(resolve as (result: unknown) => void),
        reject: settled(reject),
        progress,
        isAborted: false,
      }
      this.#waiting.push(pending)
      if (WRITES.has(name)) this.#unansweredWrites++
      this.#waitingBytes += pending.sizeBytes
      this.flushSoon()
    })
  }

  /** A call whose result nobody wants. */
  tell<N extends CallName>(name: N, ...args: Parameters<Calls[N]>): void {
    this.call(name, args).catch(() => undefined)
  }

  /** What was called for leaves now. */
  flushNow(): void {
    this.onFlush()
    this.#flush()
    // NOTE: what a message brings along is brought as a whole.
    this.arena.take()
  }

  flushSoon(): void {
    if (this.#isFlushScheduled) return
    this.#isFlushScheduled = true
    queueMicrotask(() => {
      this.#isFlushScheduled = false
      this.flushNow()
    })
  }

  /** From now on `post` takes the calls, `first` before all others. */
  connect(post: (message: CallsMessage) => void, first: readonly WireCall[]): void {
    const opening = first.map((call) => ({ ...NOBODY, call }))
    this.#waiting = [...opening, ...this.#waiting]
    this.#post = post
    this.onChange()
    this.#flush()
  }

  /**
   * Nobody answers any more. `leavingFrom`: the calls from that number on were not begun, if that is known.
   */
  disconnect(leavingFrom: number | undefined): void {
    this.#post = undefined
    this.onChange()
    if (leavingFrom === undefined && this.#volatileUntil >= 0) this.#hasLost = true
    this.#volatileUntil = -1
    const again: Pending[] = []
    for (const [id, pending] of this.#flying) {
      const isUntouched = leavingFrom !== undefined && id >= leavingFrom
      if (pending.isAborted) continue
      if (isUntouched || REPEATABLE.has(pending.call[0])) again.push(pending)
      else pending.reject(unanswered())
    }
    this.#flying.clear()
    this.#flyingBytes = 0
    this.#waiting = [...again, ...this.#waiting]
    this.#waitingBytes = this.#waiting.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    this.#unansweredWrites = this.#waiting.filter(isWrite).length
  }

  /** Whether something that was acknowledged as less than `os` is lost, for one who asks that everything be kept. He is told once. */
  takeLoss(): VarveError | undefined {
    if (!this.#hasLost) return undefined
    this.#hasLost = false
    return new VarveError(
      'ABORTED',
      'The tab that had the database went away before what was acknowledged as buffered had to be in a file: it may be lost.',
    )
  }

  /** Everything that is asked for fails, now and later. */
  fail(error: Error): void {
    this.#failure ??= error
    this.#post = undefined
    this.onChange()
    const all = [...this.#flying.values(), ...this.#waiting]
    this.#flying.clear()
    this.#waiting = []
    this.#flyingBytes = 0
    this.#waitingBytes = 0
    this.#unansweredWrites = 0
    for (const { reject } of all) reject(error)
  }

  receive([ids, results, news]: AnswersMessage): void {
    if (news !== undefined) {
      for (const [id, done, total] of news.progress ?? []) this.#flying.get(id)?.progress?.(done, total)
      // NOTE: first, so that who is answered sees the figures that came with his answer.
      this.onNews(news)
    }
    for (let i = 0; i < results.length; i++) {
      const id = typeof ids === 'number' ? ids + i : (ids[i] as number)
      const pending = this.#landed(id)
      if (pending === undefined) continue
      this.#noteDurability(id, pending.call)
      pending.resolve(results[i])
    }
    for (const [id, error] of news?.failures ?? []) this.#landed(id)?.reject(errorOf(error))
    if (news?.mayHaveLost === true && this.#volatileUntil >= 0) this.#hasLost = true
    if (news?.leavingFrom !== undefined) this.disconnect(news.leavingFrom)
    if (this.#waiting.length > 0) this.#flush()
  }

  /** NOTE: what was acknowledged as `buffered` goes with who has it in memory. */
  #noteDurability(id: number, [name, ...args]: WireCall): void {
    if ((name === 'write' || name === 'batch') && args[2] !== 'os' && args[2] !== 'sync')
      this.#volatileUntil = Math.max(this.#volatileUntil, id)
    const keepsAll = name === 'persist' || (name === 'flush' && args[0] === undefined)
    if (keepsAll && id > this.#volatileUntil) this.#volatileUntil = -1
  }

  #landed(id: number): Pending | undefined {
    const pending = this.#flying.get(id)
    if (pending === undefined) return undefined
    this.#flying.delete(id)
    this.#flyingBytes -= pending.sizeBytes
    if (isWrite(pending)) this.#unansweredWrites--
    return pending
  }

  #flush(): void {
    const post = this.#post
    if (post === undefined || this.#waiting.length === 0) return
    const first = this.#next
    const calls: WireCall[] = []
    for (const pending of this.#waiting) {
      if (this.#flyingBytes > WINDOW_BYTES) break
      this.#flying.set(this.#next++, pending)
      this.#flyingBytes += pending.sizeBytes
      this.#waitingBytes -= pending.sizeBytes
      calls.push(pending.call)
    }
    if (calls.length === 0) return
    this.#waiting = calls.length === this.#waiting.length ? [] : this.#waiting.slice(calls.length)
    post([first, calls])
  }

  /** The caller was told already; who serves may stop. */
  #abort(pending: Pending): void {
    pending.isAborted = true
    for (const [id, each] of this.#flying) if (each === pending) this.tell('abort', id)
    if (!this.#waiting.includes(pending)) return
    this.#waiting = this.#waiting.filter((each) => each !== pending)
    this.#waitingBytes -= pending.sizeBytes
    if (isWrite(pending)) this.#unansweredWrites--
  }
}

function isWrite({ call: [name] }: Pending): boolean {
  return WRITES.has(name)
}

const NOBODY: Omit<Pending, 'call'> = {
  sizeBytes: 0,
  resolve: () => {},
  reject: () => {},
  progress: undefined,
  isAborted: false,
}

function aborted(what: string, signal: AbortSignal | undefined): VarveError {
  return new VarveError('ABORTED', `The ${what} was aborted by its signal.`, { cause: signal?.reason })
}

function unanswered(): VarveError {
  return new VarveError(
    'ABORTED',
    'The tab that had the database went away before it answered: whether this was done is not known; look, or do it again.',
  )
}
