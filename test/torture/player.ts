/** Runs a history on a database that is used in one way, act by act, and gives what was answered. */
import type { Keyspace } from '../../src/api/keyspace.ts'
import type { Snapshot } from '../../src/api/snapshot.ts'
import { keeperOf } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import type { PretendedHost } from '../support/pretended-host.ts'
import { written } from './expected.ts'
import { type Act, type HistoryWrite, LOG, STANDING, boundsOf } from './history.ts'
import { type OptionSet, type TextDatabase, openAs } from './option-sets.ts'
import { Violation } from './runner.ts'
import { requireNoOrphans } from './verify.ts'

type TextKeyspace = Keyspace<'utf8', 'utf8'>
type TextEntry = readonly [string, string]

/** Of the keyspace that throws its oldest entries away: some tables' worth. */
const logSizeBytes = 3000
/** Live journals there may be, however idle a keyspace is: in a program that gives the background no turns, twice as many as in others. */
const mostJournals = 8
const turnsOfAPause = 3

interface HeldSnapshot {
  readonly real: Snapshot<'utf8', 'utf8'>
  /** What the log held. */
  readonly log: string
}

interface HeldIterator {
  readonly keyspace: string
  readonly next: () => IteratorResult<TextEntry, unknown> | Promise<IteratorResult<TextEntry, unknown>>
  readonly end: () => unknown
}

export class Player {
  readonly #set: OptionSet
  readonly #host: PretendedHost
  readonly #instead: (database: TextDatabase) => TextDatabase
  #files = new FaultyFileSystem()
  #database: TextDatabase | undefined
  readonly #handles = new Map<string, TextKeyspace>()
  #snapshots: HeldSnapshot[] = []
  #iterators: HeldIterator[] = []
  #queue: { readonly keyspace: string; readonly key: string }[] = []
  #logged = 0

  /** `instead`: makes what is used in the place of the database. */
  constructor(
    set: OptionSet,
    host: PretendedHost,
    instead: (database: TextDatabase) => TextDatabase = (database) => database,
  ) {
    this.#set = set
    this.#host = host
    this.#instead = instead
  }

  async begin(): Promise<void> {
    await this.#open()
    for (const name of STANDING) await this.#create(name)
  }

  /** Gives back memory; the disk is forgotten. */
  async end(): Promise<void> {
    await this.#endReads()
    await this.#database?.close()
    this.#database = undefined
  }

  async answer(act: Act): Promise<string> {
    const { isAsync } = this.#set
    switch (act.do) {
      case 'write':
        await this.#write(act.write)
        return ''
      case 'turn':
        await Promise.all(act.writes.map((write) => this.#write(write)))
        return ''
      case 'batch':
        await this.#batch(act.writes)
        return ''
      case 'push': {
        const handle = this.#handle(act.keyspace)
        if (handle === undefined) return ''
        this.#queue.push({ keyspace: act.keyspace, key: act.key })
        await (isAsync ? handle.put(act.key, act.key) : handle.putSync(act.key, act.key))
        return ''
      }
      case 'pop':
        for (const { keyspace, key } of this.#queue.splice(0, act.count)) {
          const handle = this.#handle(keyspace)
          if (isAsync) await handle?.deleteWeak(key)
          else handle?.deleteWeakSync(key)
        }
        return ''
      case 'log':
        for (let i = 0; i < act.count; i++) this.#log().putSync(logKey(this.#logged++), 'x'.repeat(40))
        return ''
      case 'get': {
        const reads = this.#reads(act.keyspace, act.at)
        if (reads === undefined) return written.value(undefined)
        return written.value(await (isAsync ? reads.get(act.key) : reads.getSync(act.key)))
      }
      case 'getMany': {
        const handle = this.#handle(act.keyspace)
        if (handle === undefined) return written.values(act.keys.map(() => undefined))
        return written.values(await (isAsync ? handle.getMany(act.keys) : handle.getManySync(act.keys)))
      }
      case 'range': {
        const reads = this.#reads(act.keyspace, act.at)
        if (reads === undefined) return ''
        return written.entries(
          isAsync ? await collect(reads.range(act.range)) : [...reads.rangeSync(act.range)],
        )
      }
      case 'count': {
        const handle = this.#handle(act.keyspace)
        if (handle === undefined) return '0'
        return String(await (isAsync ? handle.count(act.range) : handle.countSync(act.range)))
      }
      case 'edges': {
        const handle = this.#handle(act.keyspace)
        const bounds = boundsOf(act.range)
        const edges = isAsync
          ? [await handle?.first(bounds), await handle?.last(bounds)]
          : [handle?.firstSync(bounds), handle?.lastSync(bounds)]
        return edges.map(written.entry).join('\n')
      }
      case 'snapshot':
        if (this.#snapshots.length < 3) {
          const real = this.#opened.snapshot()
          this.#snapshots.push({ real, log: written.entries([...this.#log().at(real).rangeSync()]) })
        }
        return ''
      case 'closeSnapshot':
        for (const { real } of this.#snapshots.splice(act.at, 1)) real.close()
        return ''
      case 'iterate':
        this.#iterate(act)
        return ''
      case 'step':
        return this.#step(act)
      case 'endIterator':
        for (const iterator of this.#iterators.splice(act.iterator, 1)) await iterator.end()
        return ''
      case 'erase':
        await this.#erase(act)
        return ''
      case 'flush':
      case 'compact':
        await this.#structure(act)
        return ''
      case 'create':
        await this.#create(act.name)
        return this.#names()
      case 'drop':
        await this.#drop(act.name)
        return this.#names()
      case 'rotate': {
        const { current } = keeperOf(this.#opened).journals
        if (current !== undefined) current.limitBytes = 0
        return ''
      }
      case 'persist':
        await (isAsync ? this.#opened.persist('sync') : this.#opened.persistSync('sync'))
        return ''
      case 'pause':
        for (let i = 0; i < turnsOfAPause; i++) await new Promise((resolve) => setImmediate(resolve))
        return ''
      case 'clock':
        this.#host.wallMs += this.#set.clockJumpMs
        return ''
      case 'sweep':
        return this.#sweep()
      case 'reopen':
        await this.#reopen()
        return this.#names()
    }
  }

  get #opened(): TextDatabase {
    if (this.#database === undefined) throw new Error('the database is not open')
    return this.#database
  }

  async #open(): Promise<void> {
    const database = this.#instead(await openAs(this.#set, this.#files))
    this.#database = database
    this.#handles.clear()
    for (const name of database.keyspaces()) await this.#create(name)
    this.#handles.set(
      LOG,
      database.keyspaceSync(LOG, {
        keyEncoding: 'utf8',
        valueEncoding: 'utf8',
        compaction: { strategy: 'fifo', sizeLimit: logSizeBytes },
      }),
    )
  }

  async #create(name: string): Promise<void> {
    if (name === LOG) return
    const options = { keyEncoding: 'utf8', valueEncoding: 'utf8', tables: this.#set.tables } as const
    const handle = this.#set.isAsync
      ? await this.#opened.keyspace(name, options)
      : this.#opened.keyspaceSync(name, options)
    this.#handles.set(name, handle)
  }

  async #drop(name: string): Promise<void> {
    // What open iterators of a dropped keyspace do is not specified: they end first.
    for (const iterator of this.#iterators) if (iterator.keyspace === name) await iterator.end()
    this.#iterators = this.#iterators.filter(({ keyspace }) => keyspace !== name)
    this.#queue = this.#queue.filter((pushed) => pushed.keyspace !== name)
    if (!this.#handles.delete(name)) return
    await (this.#set.isAsync ? this.#opened.dropKeyspace(name) : this.#opened.dropKeyspaceSync(name))
  }

  #names(): string {
    const names = this.#opened.keyspaces().filter((name) => name !== LOG)
    return ['', ...names].sort().join(' ')
  }

  #handle(name: string): TextKeyspace | undefined {
    return name === '' ? this.#opened : this.#handles.get(name)
  }

  #log(): TextKeyspace {
    return this.#handles.get(LOG) as TextKeyspace
  }

  #reads(name: string, at: number | undefined): TextKeyspace | ReturnType<TextKeyspace['at']> | undefined {
    const snapshot = at === undefined ? undefined : this.#snapshots[at]
    const handle = this.#handle(name)
    return snapshot === undefined ? handle : handle?.at(snapshot.real)
  }

  #write({ keyspace, key, value }: HistoryWrite): Promise<void> | undefined {
    const handle = this.#handle(keyspace)
    if (handle === undefined) return undefined
    if (this.#set.isAsync) return value === undefined ? handle.delete(key) : handle.put(key, value)
    if (value === undefined) handle.deleteSync(key)
    else handle.putSync(key, value)
    return undefined
  }

  async #batch(writes: readonly HistoryWrite[]): Promise<void> {
    const { batches, isAsync } = this.#set
    if (batches === 'one by one') {
      for (const write of writes) await this.#write(write)
      return
    }
    const known = writes.flatMap(({ keyspace: name, key, value }) => {
      const keyspace = this.#handle(name)
      return keyspace === undefined ? [] : [{ keyspace, key, value }]
    })
    if (batches === 'write') {
      const list = known.map(({ keyspace, key, value }) =>
        value === undefined
          ? ({ type: 'delete', keyspace, key } as const)
          : ({ type: 'put', keyspace, key, value } as const),
      )
      return isAsync ? this.#opened.write(list) : this.#opened.writeSync(list)
    }
    const batch = this.#opened.batch()
    for (const { keyspace, key, value } of known) {
      if (value === undefined) batch.delete(keyspace, key)
      else batch.put(keyspace, key, value)
    }
    return isAsync ? batch.commit() : batch.commitSync()
  }

  async #erase({ keyspace, from, to }: Act & { do: 'erase' }): Promise<void> {
    const handle = this.#handle(keyspace)
    if (handle === undefined) return
    const bounds = { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lt: to }) }
    if (this.#set.erases === 'keys') {
      for (const key of [...handle.keysSync(bounds)]) handle.deleteSync(key)
    } else if (from === undefined && to === undefined) {
      await (this.#set.isAsync ? handle.clear() : handle.clearSync())
    } else await (this.#set.isAsync ? handle.dropRange(bounds) : handle.dropRangeSync(bounds))
  }

  async #structure({ do: what, keyspace }: Act & { do: 'flush' | 'compact' }): Promise<void> {
    const target = keyspace === undefined ? this.#opened : this.#handle(keyspace)
    if (this.#set.isAsync) await target?.[what]()
    else target?.[`${what}Sync`]()
  }

  #iterate({ keyspace, range, at }: Act & { do: 'iterate' }): void {
    const reads = this.#reads(keyspace, at)
    if (reads === undefined || this.#iterators.length >= 4) return
    if (this.#set.isAsync) {
      const iterator = reads.range(range)[Symbol.asyncIterator]()
      this.#iterators.push({ keyspace, next: () => iterator.next(), end: () => iterator.return?.() })
    } else {
      const iterator = reads.rangeSync(range)[Symbol.iterator]()
      this.#iterators.push({ keyspace, next: () => iterator.next(), end: () => iterator.return?.() })
    }
  }

  async #step({ iterator: number, count }: Act & { do: 'step' }): Promise<string> {
    const entries: TextEntry[] = []
    const iterator = this.#iterators[number]
    while (iterator !== undefined && entries.length < count) {
      const { done = false, value } = await iterator.next()
      if (done) break
      entries.push(value as TextEntry)
    }
    return written.entries(entries)
  }

  /** Everything, now and at every snapshot; each keyspace is read in every way. */
  #sweep(): string {
    const parts: string[] = []
    const names = ['', ...this.#handles.keys()].filter((name) => name !== LOG).sort()
    for (const at of [undefined, ...this.#snapshots.keys()]) {
      for (const name of names) {
        const reads = this.#reads(name, at)
        const entries: TextEntry[] = reads === undefined ? [] : [...reads.rangeSync()]
        parts.push(`${name}: ${written.entries(entries)}`)
        if (reads === undefined) continue
        const keys = entries.map(([key]) => key)
        const values = entries.map(([, value]) => value)
        const same = (way: string, found: string, expected: string): void => {
          if (found !== expected) throw new Violation(`keyspace '${name}' read ${way} differs from a scan`)
        }
        same('by get', written.values(keys.map((key) => reads.getSync(key))), written.values(values))
        same('by getMany', written.values(reads.getManySync(keys)), written.values(values))
        same(
          'backwards',
          written.entries([...reads.rangeSync({ reverse: true })].reverse()),
          written.entries(entries),
        )
        same('by count', String(reads.countSync()), String(keys.length))
      }
    }
    for (const { real, log } of this.#snapshots) {
      if (written.entries([...this.#log().at(real).rangeSync()]) !== log)
        throw new Violation('a snapshot changed in a keyspace that throws its oldest entries away')
    }
    this.#checkLog()
    return parts.join('\n')
  }

  /** What is thrown away is the oldest, and nothing in between. */
  #checkLog(): void {
    const keys = [...this.#log().keysSync()]
    const expected = Array.from({ length: keys.length }, (_, i) => logKey(this.#logged - keys.length + i))
    if (keys.join() !== expected.join())
      throw new Violation(`a keyspace that throws its oldest entries away holds ${keys.join()}`)
  }

  /** The database rests and is looked at; it ends, and is opened again. */
  async #reopen(): Promise<void> {
    await this.#endReads()
    const database = this.#opened
    await this.#rest()
    requireNoOrphans(database, await this.#files.list())
    const { journals } = database.stats()
    if (journals > mostJournals) throw new Violation(`${journals} journals are live though nothing is read`)
    if (this.#set.ends === 'closed') {
      await database.close()
    } else {
      // What was acknowledged is in the hands of the operating system then: all of it is there after a kill.
      database.persistSync('os')
      const left = this.#files.clone()
      await database.close()
      this.#files = left
    }
    this.#database = undefined
    await this.#open()
  }

  /** Until the background has nothing left to do. */
  async #rest(): Promise<void> {
    const { flusher, compactor } = keeperOf(this.#opened)
    do await new Promise((resolve) => setImmediate(resolve))
    while (!flusher.isIdle || !compactor.isIdle)
  }

  async #endReads(): Promise<void> {
    for (const { real } of this.#snapshots.splice(0)) real.close()
    for (const iterator of this.#iterators.splice(0)) await iterator.end()
  }
}

function logKey(number: number): string {
  return String(number).padStart(8, '0')
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}
