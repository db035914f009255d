import { attempt } from '../api/keyspace-reads.ts'
import { Keyspace } from '../api/keyspace.ts'
import { shareReads } from '../api/memory-reads.ts'
import type { Database } from '../api/database.ts'
import type { Snapshot } from '../api/snapshot.ts'
import type { Encoding, KeyspaceOptions } from '../api/types.ts'
import { EVENT_NAMES } from '../engine/events.ts'
import type { TreeDoor } from '../engine/tree-door.ts'
import { VarveError } from '../errors.ts'
import {
  WRITE_DELETE,
  WRITE_FIELDS,
  WRITE_PUT,
  type CallName,
  type CallResult,
  type Calls,
  type CallsMessage,
  type Content,
  type KeyspaceRequest,
  type Page,
  type RangeMode,
  type ViewId,
  type Wire,
  type WireRange,
  type WriteDurability,
  type Writes,
} from './messages.ts'
import type { KeyspaceFigures, Opening, StoredKeyspace } from './mirror.ts'
import { Outbox, type Post } from './outbox.ts'
import { plainError } from './plain-error.ts'
import { ServedRange, type WireView } from './served-range.ts'

/** The engine's side of it: everything as bytes. */
export type Served = Database<'bytes', 'bytes'>
type WireSnapshot = Snapshot<'bytes', 'bytes'>

type Handlers = {
  readonly [N in CallName]: (...args: Parameters<Calls[N]>) => CallResult<N> | Promise<CallResult<N>>
}

/** Calls that change figures by much: the answer brings the new ones. */
const CHANGING: ReadonlySet<CallName> = new Set<CallName>([
  'keyspace',
  'dropKeyspace',
  'flush',
  'compact',
  'clear',
  'dropRange',
  'persist',
  'verify',
])

/** An encoding of which only the name counts: its functions are the page's. */
export const ELSEWHERE: Encoding<Uint8Array> = {
  encode: (bytes) => bytes,
  decode: (bytes) => new Uint8Array(bytes),
}

/** One page's use of a database: does what it calls for, in its order, and answers. */
export class Session {
  readonly #db: Served
  readonly #outbox: Outbox
  readonly #views = new Map<ViewId, WireView>()
  readonly #snapshots = new Map<number, WireSnapshot>()
  readonly #ranges = new Map<number, ServedRange>()
  readonly #controllers = new Map<number, AbortController>()
  readonly #handlers: Handlers
  readonly #sharesMemory: boolean
  #running = new Set<Promise<void>>()
  /** Number of the call that is being begun. */
  #call = 0
  #nextCall = 0
  /** Calls that are not answered: the next one does them. */
  readonly #abandoned = new Set<number>()
  #isLeaving = false
  #hasEnded = false

  /** `close`: what closing the database means for this page. `sharesMemory`: the page can have the memory, too. */
  constructor(db: Served, post: Post, close: () => Promise<void>, sharesMemory: boolean = false) {
    this.#db = db
    this.#sharesMemory = sharesMemory
    this.#outbox = new Outbox(post, () => this.#figuresIfOpen())
    this.#handlers = this.#makeHandlers(close)
    this.#views.set(0, db.withEncodings({ keyEncoding: 'bytes', valueEncoding: 'bytes' }))
    for (const { name, tell } of this.#tellers) db.on(name, tell)
  }

  /** What the page learns at the start. */
  opening(): Opening {
    const { tree, engine } = Keyspace.viewOf(this.#db)
    return {
      ...this.#figures(),
      recovery: this.#db.recovery,
      main: storedKeyspace(tree),
      durability: engine.options.durability,
      valueLimitBytes: engine.valueLimitBytes,
    }
  }

  receive([first, calls]: CallsMessage): void {
    if (this.#isLeaving) return
    for (const [i, call] of calls.entries()) this.#begin(first + i, call)
    this.#nextCall = first + calls.length
    this.#outbox.flush()
  }

  /** Answers what was begun, and tells the page from which call on it must ask somebody else. */
  async leave(): Promise<void> {
    if (this.#isLeaving) return
    this.#isLeaving = true
    // NOTE: what takes long is left to the next one, who is asked for it again.
    for (const [id, controller] of this.#controllers) {
      this.#abandoned.add(id)
      controller.abort()
    }
    while (this.#running.size > 0) await Promise.all(this.#running)
    const isKept = await this.#handOver()
    if (this.#hasEnded) return
    this.#outbox.news.leavingFrom = this.#nextCall
    if (!isKept) this.#outbox.news.mayHaveLost = true
    this.#outbox.flush()
    this.end()
  }

  /** Gives back what the page had open; nothing more is posted. */
  end(): void {
    if (this.#hasEnded) return
    this.#isLeaving = true
    this.#hasEnded = true
    this.#outbox.end()
    for (const controller of this.#controllers.values()) controller.abort()
    for (const range of this.#ranges.values()) range.end()
    for (const snapshot of this.#snapshots.values()) snapshot.close()
    this.#ranges.clear()
    this.#snapshots.clear()
    for (const { name, tell } of this.#tellers) this.#db.off(name, tell)
  }

  /** Has a file take what was acknowledged as buffered. @returns whether it did */
  async #handOver(): Promise<boolean> {
    const { engine } = Keyspace.viewOf(this.#db)
    if (engine.options.durability === 'none') return true
    return this.#db.persist('os').then(
      () => true,
      () => false,
    )
  }

  // ── calls and answers ───────────────────────────────────────────────────────────────────────────────────

  #begin(id: number, [name, ...args]: [CallName, ...unknown[]]): void {
    this.#call = id
    try {
      if (!Object.hasOwn(this.#handlers, name)) throw new TypeError('a message asks for what there is not')
      const handler = this.#handlers[name] as (...args: unknown[]) => unknown
      const result = handler(...args)
      if (!(result instanceof Promise)) return this.#answer(id, name, result)
      const end = result.then(
        (late) => this.#answerLate(id, name, late),
        (error: unknown) => this.#fail(id, error),
      )
      this.#running.add(end)
      void end.then(() => this.#running.delete(end))
    } catch (error) {
      this.#fail(id, error)
    }
  }

  #answer(id: number, name: CallName, result: unknown): void {
    this.#outbox.answer(id, result)
    if (CHANGING.has(name)) this.#outbox.renewFigures()
  }

  #answerLate(id: number, name: CallName, result: unknown): void {
    this.#controllers.delete(id)
    if (this.#abandoned.has(id)) return
    this.#answer(id, name, result)
    this.#outbox.flushSoon()
  }

  #fail(id: number, error: unknown): void {
    this.#controllers.delete(id)
    if (this.#abandoned.has(id)) return
    this.#outbox.tell('failures', [id, plainError(error)])
  }

  #figures(): KeyspaceFigures {
    return { stats: this.#db.stats(), keyspaces: this.#db.keyspaces() }
  }

  #figuresIfOpen(): KeyspaceFigures | undefined {
    try {
      return this.#figures()
    } catch {
      // NOTE: closed, or poisoned: the calls say so.
      return undefined
    }
  }

  readonly #tellers = EVENT_NAMES.map((name) => {
    const tell = (event: object): void => {
      const told = 'error' in event ? { ...event, error: plainError(event.error) } : event
      this.#outbox.tell('events', [name, told])
    }
    return { name, tell }
  })

  // ── what can be asked for ───────────────────────────────────────────────────────────────────────────────

  #makeHandlers(close: () => Promise<void>): Handlers {
    const db = this.#db
    const view = (id: ViewId): WireView => this.#view(id)
    const target = (id: ViewId | undefined): Served | WireView => (id === undefined ? db : view(id))
    const read = (snapshot: number | undefined): { snapshot?: WireSnapshot } => this.#at(snapshot)
    // NOTE: what reads return are views of larger buffers, which a message would copy as a whole.
    const own = <T>(content: T): T => this.#outbox.arena.own(content)
    return {
      view: (id, keyspace, treeId, keys, values) => this.#addView(id, keyspace, treeId, keys, values),
      keyspace: (name, request) => this.#keyspace(name, request),
      dropKeyspace: (name) => db.dropKeyspaceSync(name),
      write: (id, writes, durability) => this.#write(view(id), writes, durability),
      batch: (ids, writes, durability) => this.#batch(ids.map(view), writes, durability),
      get: (id, key, snapshot) => own(view(id).getSync(key, read(snapshot))),
      getMany: (id, keys, snapshot) => view(id).getManySync(keys, read(snapshot)).map(own),
      has: (id, key, snapshot) => view(id).hasSync(key, read(snapshot)),
      sizeOf: (id, key, snapshot) => view(id).sizeOfSync(key, read(snapshot)),
      edge: (id, range, isLast) => this.#edge(view(id), range, isLast),
      count: (id, range) => view(id).count({ ...this.#range(range), signal: this.#signal() }),
      isEmpty: (id, range) => view(id).isEmptySync(this.#range(range)),
      approximateCount: (id, bounds) => view(id).approximateCountSync(bounds),
      approximateSize: (id, bounds) => view(id).approximateSizeSync(bounds),
      openRange: (id, viewId, mode, range) => this.#openRange(id, view(viewId), mode, range),
      nextPage: (id) => this.#nextPage(id),
      endRange: (id) => this.#ended(this.#ranges, id)?.end(),
      snapshot: (id) => void this.#snapshots.set(id, db.snapshot()),
      endSnapshot: (id) => this.#ended(this.#snapshots, id)?.close(),
      flush: (id) => target(id).flush(),
      compact: (id, bounds) => {
        const options = { ...bounds, signal: this.#signal(), onProgress: this.#progress() }
        return id === undefined ? db.compact(options) : view(id).compact(options)
      },
      clear: (id) => view(id).clearSync(),
      dropRange: (id, bounds) => view(id).dropRangeSync(bounds),
      persist: (mode) => db.persist(mode),
      verify: () => db.verify({ signal: this.#signal(), onProgress: this.#progress() }),
      follow: () => this.#outbox.follow(),
      abort: (call) => this.#controllers.get(call)?.abort(),
      memory: () => (this.#sharesMemory ? shareReads(Keyspace.viewOf(db).engine) : undefined),
      identity: (id) => Keyspace.viewOf(view(id)).tree.identity,
      readEnded: () => Keyspace.viewOf(db).engine.keeper.call('collect'),
      close: () => this.#close(close),
    }
  }

  #view(id: ViewId): WireView {
    const view = this.#views.get(id)
    if (view === undefined) throw notThere()
    return view
  }

  #addView(id: ViewId, name: string, treeId: number, keys: Wire, values: Wire): void {
    const raw = this.#raw(name)
    // NOTE: of that name there may be another one now.
    if (raw === undefined || Keyspace.viewOf(raw).tree.id !== treeId) throw notThere()
    this.#views.set(id, raw.withEncodings({ keyEncoding: keys, valueEncoding: values }))
  }

  #raw(name: string): Keyspace<'bytes', 'bytes'> | undefined {
    if (name === '') return this.#db
    if (!this.#db.keyspaces().includes(name)) return undefined
    return this.#db.keyspaceSync(name, { keyEncoding: 'bytes', valueEncoding: 'bytes' })
  }

  #keyspace(name: string, request: KeyspaceRequest): StoredKeyspace {
    const options = {
      ...request,
      keyEncoding: request.keyEncoding === 'custom' ? ELSEWHERE : request.keyEncoding,
      valueEncoding: request.valueEncoding === 'custom' ? ELSEWHERE : request.valueEncoding,
    }
    const made = this.#db.keyspaceSync(name, options as KeyspaceOptions<'bytes', 'bytes'>)
    return storedKeyspace(Keyspace.viewOf(made).tree)
  }

  /** Different groups may come of it; done when all are. */
  #write(view: WireView, writes: Writes, durability: WriteDurability): Promise<void> {
    const options = durability === undefined ? undefined : { durability }
    const groups = new Set<Promise<void>>()
    for (let i = 0; i < writes.length; i += WRITE_FIELDS) {
      const [kind, key, value] = operationAt(writes, i)
      const step = (): Promise<void> =>
        kind === WRITE_PUT
          ? view.put(key, value, options)
          : kind === WRITE_DELETE
            ? view.delete(key, options)
            : view.deleteWeak(key, options)
      groups.add(attempt(step))
    }
    return Promise.all(groups).then(() => {})
  }

  #batch(views: readonly WireView[], writes: Writes, durability: WriteDurability): Promise<void> {
    const batch = this.#db.batch()
    for (const [i, view] of views.entries()) {
      const [kind, key, value] = operationAt(writes, i * WRITE_FIELDS)
      if (kind === WRITE_PUT) batch.put(view, key, value)
      else batch.delete(view, key)
    }
    return batch.commit(durability === undefined ? undefined : { durability })
  }

  /** NOTE: the page hears nothing after the answer to this: what else was begun is answered before. */
  async #close(close: () => Promise<void>): Promise<void> {
    for (const controller of this.#controllers.values()) controller.abort()
    const others = [...this.#running]
    await close()
    await Promise.all(others)
  }

  #edge(view: WireView, range: WireRange, isLast: boolean): [Content, Content] | undefined {
    const entry = isLast ? view.lastSync(this.#range(range)) : view.firstSync(this.#range(range))
    return entry === undefined
      ? undefined
      : [this.#outbox.arena.own(entry[0]), this.#outbox.arena.own(entry[1])]
  }

  // ── ranges and snapshots ────────────────────────────────────────────────────────────────────────────────

  #openRange(id: number, view: WireView, mode: RangeMode, wire: WireRange): Page {
    this.#ranges.set(id, new ServedRange(view, mode, this.#range(wire)))
    return this.#nextPage(id)
  }

  #nextPage(id: number): Page {
    const range = this.#ranges.get(id)
    // NOTE: it is of one that had the database before. What is left of it cannot be read at its moment.
    if (range === undefined) throw gone('range')
    const page = range.next(this.#outbox.buffers)
    if (page.isLast) this.#ranges.delete(id)
    return page
  }

  #range(range: WireRange): object {
    const { snapshot, ...rest } = range
    return { ...rest, ...this.#at(snapshot) }
  }

  #at(id: number | undefined): { snapshot?: WireSnapshot } {
    if (id === undefined) return {}
    const snapshot = this.#snapshots.get(id)
    if (snapshot === undefined) throw gone('snapshot')
    return { snapshot }
  }

  // ── small things ────────────────────────────────────────────────────────────────────────────────────────

  #ended<T>(map: Map<number, T>, id: number): T | undefined {
    const found = map.get(id)
    map.delete(id)
    return found
  }

  /** Ends the call that is being begun, if the page wants it. */
  #signal(): AbortSignal {
    const controller = new AbortController()
    this.#controllers.set(this.#call, controller)
    return controller.signal
  }

  #progress(): (progress: { doneBytes: number; totalBytes: number }) => void {
    const id = this.#call
    return ({ doneBytes, totalBytes }) => {
      this.#outbox.tell('progress', [id, doneBytes, totalBytes])
    }
  }
}

function gone(what: string): VarveError {
  return new VarveError(
    'ABORTED',
    `The tab that had the database went away, and the ${what} with it; begin a new one.`,
  )
}

function notThere(): VarveError {
  return new VarveError('NOT_FOUND', 'The keyspace is not there any more.')
}

function storedKeyspace({ id, keyEncoding, valueEncoding }: TreeDoor): StoredKeyspace {
  return { treeId: id, keyEncoding, valueEncoding }
}

function operationAt(writes: Writes, at: number): [kind: number, key: Content, value: Content] {
  return [writes[at] as number, writes[at + 1] as Content, (writes[at + 2] ?? '') as Content]
}
