import { describe } from '../api/encoding.ts'
import { attempt } from '../api/keyspace-reads.ts'
import { checkKeyspaceName, checkListener, ownOptions } from '../api/options.ts'
import { POLICY_OPTIONS, policyChange, policyOf } from '../api/policy.ts'
import type { DatabaseStats, RecoveryReport } from '../api/types.ts'
import type { EventName, Events, Listener } from '../engine/events.ts'
import { VarveError } from '../errors.ts'
import { PageBatch, viewOf } from './batch.ts'
import { codecOf } from './codec.ts'
import { unwatchDatabase } from './forgotten.ts'
import { controlsOf, PageKeyspace } from './keyspace.ts'
import { PageSnapshot } from './snapshot.ts'
import { assertOpen, closedError, pageView, type PageView, type Remote } from './view.ts'

/** A database as a page has it: see `Database` of the engine's API. Whoever has the database does the work; this asks for it. */
export class PageDatabase extends PageKeyspace {
  readonly #remote: Remote
  readonly #events: Events
  readonly #disconnect: () => void
  #closing: Promise<void> | undefined

  /** `disconnect`: lets go of who serves. */
  constructor(view: PageView, events: Events, disconnect: () => void) {
    super(view)
    this.#remote = view.remote
    this.#events = events
    this.#disconnect = disconnect
  }

  get recovery(): RecoveryReport {
    return { ...this.#remote.opening.recovery }
  }

  keyspace(name: unknown, options?: unknown): Promise<PageKeyspace> {
    return attempt(async () => {
      const checked = checkKeyspaceName(name)
      const bag = ownOptions(options, ['keyEncoding', 'valueEncoding', ...POLICY_OPTIONS], 'keyspace')
      const { keyEncoding, valueEncoding, compaction, tables } = bag
      const keys = codecOf(keyEncoding, 'keyEncoding')
      const values = codecOf(valueEncoding, 'valueEncoding')
      policyOf(policyChange(bag))
      const request = { keyEncoding: keys.name, valueEncoding: values.name, compaction, tables }
      const stored = await this.call('keyspace', [checked, request])
      const { lifeline } = this.view
      return new PageKeyspace(pageView(this.#remote, lifeline, checked, stored, keyEncoding, valueEncoding))
    })
  }

  /** As of the last answer. */
  keyspaces(): string[] {
    assertOpen(this.#remote)
    return [...this.#remote.figures.keyspaces]
  }

  dropKeyspace(name: unknown): Promise<void> {
    return attempt(() => this.call('dropKeyspace', [checkKeyspaceName(name)]))
  }

  batch(): PageBatch {
    assertOpen(this.#remote)
    return new PageBatch(this.view)
  }

  write(operations: unknown, options?: unknown): Promise<void> {
    if (!Array.isArray(operations))
      throw new TypeError(`the operations must be an array, not ${describe(operations)}`)
    const batch = this.batch()
    for (const operation of operations as readonly unknown[]) {
      const bag = ownOptions(operation, ['type', 'keyspace', 'key', 'value'], 'an operation')
      const { type, keyspace } = bag
      if (type !== 'put' && type !== 'delete')
        throw new TypeError("the type of an operation must be 'put' or 'delete'")
      if (keyspace !== undefined && !(keyspace instanceof PageKeyspace))
        throw new TypeError(
          `the keyspace of an operation must be what keyspace() returned, not ${describe(keyspace)}`,
        )
      const view = keyspace === undefined ? this.view : viewOf(keyspace, this.#remote)
      if (type === 'put') batch.add(view, bag['key'], bag['value'])
      else batch.remove(view, bag['key'])
    }
    return batch.commit(options)
  }

  snapshot(): PageSnapshot {
    assertOpen(this.#remote)
    return new PageSnapshot(this.view)
  }

  persist(mode: unknown = 'sync'): Promise<void> {
    return attempt(() => {
      if (mode !== 'os' && mode !== 'sync') throw new TypeError("persist takes 'os' or 'sync'")
      return this.#keeping(this.call('persist', [mode]))
    })
  }

  override flush(): Promise<void> {
    return attempt(() => this.#keeping(this.call('flush', [undefined])))
  }

  override compact(options?: unknown): Promise<void> {
    return attempt(() => {
      const { bounds, controls } = this.compaction(options)
      const isWhole = Object.keys(bounds).length === 0
      return this.call('compact', [isWhole ? undefined : this.view.id, bounds], controls)
    })
  }

  verify(options?: unknown): Promise<unknown> {
    return attempt(() => {
      const bag = ownOptions(options, ['signal', 'onProgress'], 'verify')
      return this.call('verify', [], controlsOf(bag['signal'], bag['onProgress'], 'verification'))
    })
  }

  on<N extends EventName>(name: N, listener: Listener<N>): this {
    checkListener(name, listener)
    this.#events.on(name, listener)
    return this
  }

  off<N extends EventName>(name: N, listener: Listener<N>): this {
    checkListener(name, listener)
    this.#events.off(name, listener)
    return this
  }

  /** As of the last answer, or a moment before it: a second at first, a tenth of one when this has been called. */
  stats(): DatabaseStats {
    assertOpen(this.#remote)
    this.#remote.views.follow()
    return this.#remote.figures.stats
  }

  close(): Promise<void> {
    // NOTE: nobody need keep this object while it is closing.
    unwatchDatabase(this.view.lifeline)
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { line, location } = this.#remote
    // NOTE: called for before it counts as closed: what was called before goes first.
    const closed = line.call('close', [])
    this.#remote.isClosed = true
    try {
      await this.#keeping(
        closed.catch((error: unknown) => {
          // NOTE: who had it is gone, and so it is closed.
          if (!(error instanceof VarveError) || error.code !== 'ABORTED') throw error
        }),
      )
    } finally {
      line.fail(closedError(location))
      this.#disconnect()
    }
  }

  /** @throws ABORTED if what a call is to keep was lost before */
  async #keeping(call: Promise<void>): Promise<void> {
    await call
    const loss = this.#remote.line.takeLoss()
    if (loss !== undefined) throw loss
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
