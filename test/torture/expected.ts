/** What each act of a history must answer, by the model: one string for each. */
import {
  type Bytes,
  type Entries,
  type Entry,
  type Operation,
  type Range,
  type State,
  Model,
  count,
  defaultKeyspace,
  entriesOf,
  first,
  get,
  last,
  range as rangeOf,
} from '../model.ts'
import { type Act, type HistoryRange, type HistoryWrite, STANDING, boundsOf } from './history.ts'
import { encode } from './runner.ts'

const decoder = new TextDecoder()
const separator = '\n'

/** How an answer is written down, whoever gives it. */
export const written = {
  value: (value: string | undefined): string => value ?? '–',
  values: (values: readonly (string | undefined)[]): string => values.map(written.value).join(separator),
  entry: (entry: readonly [string, string] | undefined): string =>
    entry === undefined ? '–' : `${entry[0]} ${entry[1]}`,
  entries: (entries: readonly (readonly [string, string])[]): string =>
    entries.map(written.entry).join(separator),
}

export function expectedAnswers(acts: readonly Act[]): string[] {
  const world = new Expected()
  return acts.map((act) => world.answer(act))
}

interface Iterator {
  readonly keyspace: string
  readonly expected: readonly Entry[]
  position: number
}

class Expected {
  readonly #model = new Model()
  #snapshots: State[] = []
  #iterators: Iterator[] = []
  #queue: { readonly id: number; readonly key: Bytes }[] = []

  constructor() {
    for (const name of STANDING) this.#model.createKeyspace(name)
  }

  answer(act: Act): string {
    const model = this.#model
    switch (act.do) {
      case 'write':
        model.commit(this.#operations([act.write]))
        return ''
      case 'turn':
        for (const write of act.writes) model.commit(this.#operations([write]))
        return ''
      case 'batch':
        model.commit(this.#operations(act.writes))
        return ''
      case 'push': {
        const id = this.#id(act.keyspace)
        if (id === undefined) return ''
        const key = encode(act.key)
        this.#queue.push({ id, key })
        model.commit([{ type: 'put', keyspace: id, key, value: key }])
        return ''
      }
      case 'pop':
        for (const { id, key } of this.#queue.splice(0, act.count))
          model.commit([{ type: 'delete', keyspace: id, key }])
        return ''
      case 'get': {
        const value = get(this.#entries(act.keyspace, act.at), encode(act.key))
        return written.value(value && decoder.decode(value))
      }
      case 'getMany':
        return written.values(
          act.keys.map((key) => {
            const value = get(this.#entries(act.keyspace), encode(key))
            return value && decoder.decode(value)
          }),
        )
      case 'range':
        return shown(rangeOf(this.#entries(act.keyspace, act.at), encoded(act.range)))
      case 'count':
        return String(count(this.#entries(act.keyspace), encoded(act.range)))
      case 'edges': {
        const bounds = encoded(boundsOf(act.range))
        const entries = this.#entries(act.keyspace)
        return [first(entries, bounds), last(entries, bounds)].map(shownEntry).join(separator)
      }
      case 'snapshot':
        if (this.#snapshots.length < 3) this.#snapshots.push(model.snapshot())
        return ''
      case 'closeSnapshot':
        this.#snapshots.splice(act.at, 1)
        return ''
      case 'iterate':
        if (this.#iterators.length < 4 && this.#id(act.keyspace) !== undefined) {
          const expected = rangeOf(this.#entries(act.keyspace, act.at), encoded(act.range))
          this.#iterators.push({ keyspace: act.keyspace, expected, position: 0 })
        }
        return ''
      case 'step': {
        const iterator = this.#iterators[act.iterator]
        if (iterator === undefined) return ''
        const { expected, position } = iterator
        iterator.position += act.count
        return shown(expected.slice(position, position + act.count))
      }
      case 'endIterator':
        this.#iterators.splice(act.iterator, 1)
        return ''
      case 'erase': {
        const id = this.#id(act.keyspace)
        if (id === undefined) return ''
        const hits = rangeOf(model.entries(id), {
          ...(act.from === undefined ? {} : { gte: encode(act.from) }),
          ...(act.to === undefined ? {} : { lt: encode(act.to) }),
        })
        model.commit(hits.map(([key]) => ({ type: 'delete', keyspace: id, key })))
        return ''
      }
      case 'create':
        model.createKeyspace(act.name)
        return this.#names()
      case 'drop': {
        const id = this.#id(act.name)
        this.#iterators = this.#iterators.filter(({ keyspace }) => keyspace !== act.name)
        this.#queue = this.#queue.filter((pushed) => pushed.id !== id)
        model.dropKeyspace(act.name)
        return this.#names()
      }
      case 'sweep':
        return [model.state, ...this.#snapshots]
          .flatMap((state) => this.#all().map((name) => `${name}: ${shown(this.#entriesIn(state, name))}`))
          .join(separator)
      case 'reopen':
        this.#snapshots = []
        this.#iterators = []
        return this.#names()
      default:
        return ''
    }
  }

  #all(): string[] {
    return ['', ...this.#model.layout.keys()].sort()
  }

  #names(): string {
    return this.#all().join(' ')
  }

  #id(name: string): number | undefined {
    return name === '' ? defaultKeyspace : this.#model.layout.get(name)
  }

  #entries(name: string, at?: number): Entries {
    return this.#entriesIn((at === undefined ? undefined : this.#snapshots[at]) ?? this.#model.state, name)
  }

  #entriesIn(state: State, name: string): Entries {
    const id = this.#id(name)
    return id === undefined ? [] : entriesOf(state, id)
  }

  #operations(writes: readonly HistoryWrite[]): Operation[] {
    return writes.flatMap(({ keyspace: name, key: text, value }): Operation[] => {
      const keyspace = this.#id(name)
      if (keyspace === undefined) return []
      const key = encode(text)
      return value === undefined
        ? [{ type: 'delete', keyspace, key }]
        : [{ type: 'put', keyspace, key, value: encode(value) }]
    })
  }
}

function encoded({ gte, gt, lte, lt, reverse = false, limit = -1 }: HistoryRange): Range {
  return {
    ...(gte === undefined ? {} : { gte: encode(gte) }),
    ...(gt === undefined ? {} : { gt: encode(gt) }),
    ...(lte === undefined ? {} : { lte: encode(lte) }),
    ...(lt === undefined ? {} : { lt: encode(lt) }),
    reverse,
    limit,
  }
}

function shown(entries: readonly Entry[]): string {
  return entries.map(shownEntry).join(separator)
}

function shownEntry(entry: Entry | undefined): string {
  return written.entry(entry && [decoder.decode(entry[0]), decoder.decode(entry[1])])
}
