/** What the one that kills knows of a database's commits, and whether what is found there afterwards can be. */
import type { Contents } from '../../model.ts'
import { counterKey, isBatch, WRITERS, writesOf } from './commits.ts'

/** Of one writer. */
interface Row {
  /** Commits up to here may exist. */
  intended: number
  /** Under `os` or `sync`; and in any way. */
  acknowledged: number
  told: number
  /** Up to here `content` has them: keyspace and key to value. */
  settled: number
  readonly content: Map<string, string>
}

/** Keys that are not the writers'. */
export const PROBE_PREFIX = 'p'

const decoder = new TextDecoder()

export class Ledger {
  readonly #seed: number
  readonly #rows: readonly Row[]

  constructor(seed: number) {
    this.#seed = seed
    this.#rows = Array.from({ length: WRITERS }, () => ({
      intended: 0,
      acknowledged: 0,
      told: 0,
      settled: 0,
      content: new Map<string, string>(),
    }))
  }

  /** Takes in an account (kill9-writer.ts). `isWhole`: the database was closed. @returns how many commits it says were acknowledged */
  enter(account: string, isWhole: boolean): number {
    const before = this.#sum()
    for (const line of account.split('\n')) {
      const [letter, writer, number] = line.split(' ')
      const row = this.#rows[Number(writer)]
      if (row === undefined || number === undefined) continue
      if (letter === 'I') row.intended = Math.max(row.intended, Number(number))
      else row.told = Math.max(row.told, Number(number))
      if (letter === 'A' || letter === 'S') row.acknowledged = Math.max(row.acknowledged, Number(number))
    }
    if (isWhole) for (const row of this.#rows) row.acknowledged = Math.max(row.acknowledged, row.told)
    return this.#sum() - before
  }

  #sum(): number {
    return this.#rows.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
  }

  /** The last commits that somebody found. They are there from now on. @returns what is wrong with them */
  find(numbers: readonly number[]): string | undefined {
    for (const [writer, row] of this.#rows.entries()) {
      const number = numbers[writer] ?? 0
      if (number < row.acknowledged)
        return `writer ${writer}: commit ${row.acknowledged} was acknowledged, and the last one there is ${number}`
      if (number > row.intended)
        return `writer ${writer}: commit ${number} is there, and the last one begun was ${row.intended}`
      // NOTE: those after it are lost, and the next ones have their numbers.
      row.intended = number
      row.acknowledged = number
      row.told = number
    }
    return undefined
  }

  /** Everything in the database. @returns what is wrong with it */
  settle(contents: Contents): string | undefined {
    const found = textsOf(contents)
    const last = new Array<number>(WRITERS).fill(0)
    for (const [key, value] of found) {
      const writer = Number(/^(?:other)?\/[cw](\d)/.exec(key)?.[1] ?? -1)
      if (last[writer] === undefined) return `nobody writes ${key}`
      last[writer] = Math.max(last[writer], Number.parseInt(value, 10))
    }
    return this.find(last) ?? this.#compareCounters(found, last) ?? this.#compareAll(found)
  }

  /** Batches are whole, and what a writer had seen of others when it wrote is there as well: commits are lost from the end of ONE order. */
  #compareCounters(found: ReadonlyMap<string, string>, last: readonly number[]): string | undefined {
    for (let writer = 0; writer < WRITERS; writer++) {
      const here = found.get(`/${counterKey(writer)}`)
      const there = found.get(`other/${counterKey(writer)}`)
      if (here !== there)
        return `writer ${writer}: half a batch: the counters say ${here ?? 'nothing'} and ${there ?? 'nothing'}`
      const [number = 0, ...seen] = (here ?? '0').split(' ').map(Number)
      if (number !== this.#lastBatch(writer, last[writer] ?? 0))
        return `writer ${writer}: the counter says ${number}, and its last commit is ${last[writer]}`
      for (const [other, least] of seen.entries()) {
        if ((last[other] ?? 0) < least)
          return `a hole: writer ${writer} had seen batch ${least} of writer ${other} before its batch ${number}, and the last one there is ${last[other]}`
      }
    }
    return undefined
  }

  #lastBatch(writer: number, last: number): number {
    let number = last
    while (number > 0 && !isBatch(this.#seed, writer, number)) number--
    return number
  }

  #compareAll(found: ReadonlyMap<string, string>): string | undefined {
    const left = new Map(found)
    for (const [writer, row] of this.#rows.entries()) {
      while (row.settled < row.acknowledged) {
        row.settled++
        for (const { keyspace, key, value } of writesOf(this.#seed, writer, row.settled)) {
          if (value === undefined) row.content.delete(`${keyspace}/${key}`)
          else row.content.set(`${keyspace}/${key}`, value)
        }
      }
      for (const [key, value] of row.content) {
        if (left.get(key) !== value)
          return `writer ${writer}, commits up to ${row.settled}: ${key} is ${brief(left.get(key))}, not ${brief(value)}`
        left.delete(key)
      }
    }
    for (const key of left.keys()) if (!/^(?:other)?\/c/.test(key)) return `${key} is there, and was deleted`
    return undefined
  }
}

function textsOf(contents: Contents): Map<string, string> {
  const texts = new Map<string, string>()
  for (const [keyspace, entries] of contents) {
    for (const [key, value] of entries) {
      const name = decoder.decode(key)
      if (!name.startsWith(PROBE_PREFIX)) texts.set(`${keyspace}/${name}`, decoder.decode(value))
    }
  }
  return texts
}

function brief(value: string | undefined): string {
  return value === undefined ? 'missing' : `'${value.slice(0, 20)}' (${value.length})`
}
