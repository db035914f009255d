/** Runs a workload on a database and on the model, and keeps the model's account of what was acknowledged when. */
import { openOn } from '../../src/api/open.ts'
import { VarveError } from '../../src/errors.ts'
import type { FileSystem } from '../../src/fs/filesystem.ts'
import {
  type Bytes,
  type Durability,
  type Operation,
  type Entry,
  type State,
  Model,
  compareBytes,
  defaultKeyspace,
  entriesOf,
  equalEntries,
  range as rangeOf,
} from '../model.ts'
import type {
  SubjectDatabase,
  SubjectKeyspace,
  SubjectOperation,
  SubjectSnapshot,
} from '../support/subject.ts'
import { keeperOf } from '../integration/regressions/support.ts'
import { withSmallLevels } from '../support/small-compactions.ts'
import { type Setting, type Step, type Write, counterKey, valueOf } from './workload.ts'

/** Something the database may not do. */
export class Violation extends Error {
  override readonly name: string = 'Violation'
}

/** A step that the steps before it do not allow: of a keyspace that was never made. Says nothing of the database. */
export class ImpossibleStep extends Error {
  override readonly name: string = 'ImpossibleStep'
}

/** The same files are opened the same way everywhere; timers stay out, so that operations count the same in every run. */
export async function openFor(files: FileSystem, setting: Setting): Promise<SubjectDatabase> {
  return withSmallLevels(
    await openOn(files, { ...setting, memoryLimit: 16 * 1024 * 1024, flushInterval: 60_000 }),
  )
}

export const encode = (text: string): Bytes => new TextEncoder().encode(text)

export class Run {
  readonly model: Model
  readonly files: FileSystem
  readonly setting: Setting
  /** Called with each database that is opened or taken over. */
  onOpen: (database: SubjectDatabase) => void = () => {}
  #database: SubjectDatabase | undefined
  #snapshot: { real: SubjectSnapshot; state: State } | undefined
  /** Of the writes of a turn that failed, those that did not. */
  #applied: readonly Operation[] = []
  readonly #handles = new Map<string, SubjectKeyspace>()

  constructor(files: FileSystem, setting: Setting, model?: Model) {
    this.files = files
    this.setting = setting
    this.model = model ?? new Model({ journal: setting.durability !== 'none' })
  }

  get database(): SubjectDatabase {
    if (this.#database === undefined) throw new Error('the database is not open')
    return this.#database
  }

  get openDatabase(): SubjectDatabase | undefined {
    return this.#database
  }

  async open(): Promise<void> {
    await this.adopt(await openFor(this.files, this.setting))
  }

  /** Goes on with a database that is open already. */
  async adopt(database: SubjectDatabase): Promise<void> {
    this.#database = database
    this.onOpen(database)
    this.#handles.clear()
    for (const name of this.model.layout.keys()) this.#handles.set(name, await database.keyspace(name))
  }

  /** Everything is durable when it returns: close syncs what the journal has, and flushes where there is no journal. */
  async close(): Promise<void> {
    const database = this.database
    this.#database = undefined
    this.#snapshot = undefined
    await database.close()
    this.model.acknowledgeFlush(undefined)
  }

  /** The database is left as it is, as in a crash. */
  abandon(): SubjectDatabase | undefined {
    const database = this.#database
    this.#database = undefined
    this.#snapshot = undefined
    return database
  }

  /**
   * Runs one step. When the database refuses it with an error that promises that nothing was applied, the model forgets its commits.
   * @throws what the database threw
   */
  async run(step: Step): Promise<void> {
    const before = this.model.commits
    this.#applied = []
    try {
      await this.#do(step)
    } catch (error) {
      if (nothingApplied(error)) {
        this.model.revoke(this.model.commits - before)
        for (const operation of this.#applied) this.model.commit([operation])
      }
      throw error
    }
  }

  async #do(step: Step): Promise<void> {
    const { model, database } = this
    switch (step.do) {
      case 'write': {
        const { handle, operation } = this.#prepare(step.write)
        model.commit([operation])
        const level = optional(step.durability)
        if (operation.type === 'put') {
          if (step.sync) handle.putSync(operation.key, operation.value, level)
          else await handle.put(operation.key, operation.value, level)
        } else if (step.sync) handle.deleteSync(operation.key, level)
        else await handle.delete(operation.key, level)
        return this.#acknowledge(step.durability)
      }
      case 'turn': {
        const level = optional(step.durability)
        const operations: Operation[] = []
        const pending = step.writes.map((write): Promise<void> => {
          const { handle, operation } = this.#prepare(write)
          operations.push(operation)
          model.commit([operation])
          return operation.type === 'put'
            ? handle.put(operation.key, operation.value, level)
            : handle.delete(operation.key, level)
        })
        const outcomes = await Promise.allSettled(pending)
        const failure = outcomes.find((outcome) => outcome.status === 'rejected')
        if (failure !== undefined) {
          this.#applied = operations.filter((_, i) => outcomes[i]?.status === 'fulfilled')
          throw failure.reason
        }
        return this.#acknowledge(step.durability)
      }
      case 'batch':
        await this.#batch(step)
        return this.#acknowledge(step.durability)
      case 'persist':
        if (step.sync) database.persistSync(step.mode)
        else await database.persist(step.mode)
        if (this.setting.durability === 'none') model.acknowledgeFlush(undefined)
        return model.acknowledge(step.mode)
      case 'flush': {
        const target = step.keyspace === undefined ? database : this.#handle(step.keyspace)
        if (step.sync) target.flushSync()
        else await target.flush()
        const ids = step.keyspace === undefined ? undefined : [this.#id(step.keyspace)]
        return model.acknowledgeFlush(ids)
      }
      case 'compact': {
        const target = step.keyspace === undefined ? database : this.#handle(step.keyspace)
        if (step.sync) target.compactSync()
        else await target.compact()
        const ids = step.keyspace === undefined ? undefined : [this.#id(step.keyspace)]
        return model.acknowledgeFlush(ids)
      }
      case 'erase':
        return this.#erase(step)
      case 'rotate': {
        // NOTE: as 64 KiB of writes would.
        const { current } = keeperOf(database).journals
        if (current !== undefined) current.limitBytes = 0
        return
      }
      case 'pause':
        for (let i = 0; i < step.turns; i++) await new Promise((resolve) => setImmediate(resolve))
        return
      case 'create': {
        model.createKeyspace(step.name)
        this.#handles.set(
          step.name,
          step.sync ? database.keyspaceSync(step.name) : await database.keyspace(step.name),
        )
        return model.acknowledgeLayout()
      }
      case 'drop':
        model.dropKeyspace(step.name)
        this.#handles.delete(step.name)
        if (step.sync) database.dropKeyspaceSync(step.name)
        else await database.dropKeyspace(step.name)
        return model.acknowledgeLayout()
      case 'snapshot':
        return this.#useSnapshot()
      case 'read':
        return this.#readAll(step.sync)
      case 'reopen':
        await this.close()
        return this.open()
    }
  }

  async #batch(step: Step & { do: 'batch' }): Promise<void> {
    const { model, database } = this
    const number = model.commits + 1
    const counters = [...new Set(['', ...step.writes.map((write) => write.keyspace)])].map(
      (keyspace): Prepared => ({
        handle: this.#handle(keyspace),
        operation: {
          type: 'put',
          keyspace: this.#id(keyspace),
          key: encode(counterKey),
          value: valueOf(number, 0),
        },
      }),
    )
    const parts = [...step.writes.map((write) => this.#prepare(write)), ...counters]
    model.commit(parts.map(({ operation }) => operation))
    const level = optional(step.durability)
    if (step.form === 'write') {
      const list = parts.map(({ handle, operation: { keyspace: _, ...rest } }): SubjectOperation => ({
        ...rest,
        keyspace: handle,
      }))
      return step.sync ? database.writeSync(list, level) : database.write(list, level)
    }
    const batch = database.batch()
    for (const { handle, operation } of parts) {
      if (operation.type === 'put') batch.put(handle, operation.key, operation.value)
      else batch.delete(handle, operation.key)
    }
    return step.sync ? batch.commitSync(level) : batch.commit(level)
  }

  #erase(step: Step & { do: 'erase' }): void {
    const { model } = this
    const id = this.#id(step.keyspace)
    const gte = step.from === undefined ? undefined : encode(step.from)
    const lt = step.to === undefined ? undefined : encode(step.to)
    model.commitStaged()
    const bounds = { ...(gte && { gte }), ...(lt && { lt }) }
    const hits = rangeOf(model.entries(id), bounds)
    model.commit(hits.map(([key]) => ({ type: 'delete', keyspace: id, key })))
    this.#handle(step.keyspace).dropRangeSync(bounds)
    // NOTE: durable is what a commit or a change of structure makes so. Where no key can lie there is neither, as with a batch of nothing.
    if (gte !== undefined && lt !== undefined && compareBytes(gte, lt) >= 0) return
    if (this.setting.durability === 'none') model.acknowledgeFlush([id])
    else model.acknowledge('sync')
  }

  async #readAll(sync: boolean): Promise<void> {
    for (const [name, id] of [['', defaultKeyspace] as const, ...this.model.layout]) {
      const handle = this.#handle(name)
      const entries = this.model.entries(id)
      const keys = entries.map(([key]) => key)
      const [all, backwards, many, last] = sync
        ? [
            [...handle.rangeSync()],
            [...handle.rangeSync({ reverse: true })],
            handle.getManySync(keys),
            handle.lastSync(),
          ]
        : await Promise.all([
            handle.range().toArray(),
            handle.range({ reverse: true }).toArray(),
            handle.getMany(keys),
            handle.last(),
          ])
      const found = many.map((value, i): Entry => [keys[i] ?? encode(''), value ?? encode('missing')])
      const ends = last === undefined ? [] : [last]
      if (
        !equalEntries(all, entries) ||
        !equalEntries(backwards.toReversed(), entries) ||
        !equalEntries(found, entries) ||
        !equalEntries(ends, entries.slice(-1))
      )
        throw new Violation(`keyspace '${name}' is read differently from what was written`)
    }
  }

  #useSnapshot(): void {
    if (this.#snapshot === undefined) {
      this.#snapshot = { real: this.database.snapshot(), state: this.model.snapshot() }
      return
    }
    const { real, state } = this.#snapshot
    for (const [name, id] of [['', defaultKeyspace] as const, ...this.model.layout]) {
      const seen = [...this.#handle(name).at(real).rangeSync()]
      if (!equalEntries(seen, entriesOf(state, id)))
        throw new Violation(`a snapshot changed in keyspace '${name}'`)
    }
    this.closeSnapshot()
  }

  /** Closes the snapshot if there is one. */
  closeSnapshot(): void {
    this.#snapshot?.real.close()
    this.#snapshot = undefined
  }

  /** Acknowledged: this commit and all before it are as durable as it asked, whatever those asked. */
  #acknowledge(durability: Durability | undefined): void {
    const level = durability ?? this.setting.durability
    if (level !== 'none') this.model.acknowledge(level)
  }

  #handle(name: string): SubjectKeyspace {
    const handle = name === '' ? this.database : this.#handles.get(name)
    if (handle === undefined) throw new ImpossibleStep(`there is no keyspace ${name}`)
    return handle
  }

  #id(name: string): number {
    return name === '' ? defaultKeyspace : (this.model.layout.get(name) ?? -1)
  }

  #prepare(write: Write): Prepared {
    const key = encode(write.key)
    const keyspace = this.#id(write.keyspace)
    const handle = this.#handle(write.keyspace)
    if (write.valueBytes === undefined) return { handle, operation: { type: 'delete', keyspace, key } }
    const value = valueOf(this.model.commits + 1, write.valueBytes)
    return { handle, operation: { type: 'put', keyspace, key, value } }
  }
}

interface Prepared {
  readonly handle: SubjectKeyspace
  readonly operation: Operation
}

/** These errors of a write promise that it did not happen; any other leaves its outcome open until the next open. */
export function nothingApplied(error: unknown): boolean {
  return error instanceof VarveError && ['DISK_FULL', 'WRITE_STALLED', 'NO_MEMORY'].includes(error.code)
}

function optional(level: Durability | undefined): { durability?: Durability } {
  return level === undefined ? {} : { durability: level }
}
