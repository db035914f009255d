/** A thread of the process that is killed: it commits what is planned, and notes in a file what it begins and what was acknowledged. */
import { writeSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Database, Durability, Keyspace } from '../../../src/index.ts'
import { mulberry32, pick } from '../../support/random.ts'
import { counterKey, counterValue, isBatch, WRITERS, writesOf } from './commits.ts'

/** Mistakes for positive controls. */
export type Bug = 'none' | 'acknowledges before it writes' | 'tears batches'

export interface WriterPlan {
  /** Of the database: what commits hold. */
  readonly seed: number
  /** Of this life: how they are issued. */
  readonly lifeSeed: number
  readonly bug: Bug
}

const decoder = new TextDecoder()

export type Store = Database<'bytes', 'bytes'>

/**
 * The account: a file opened for appending, to which lines go by one write(2) each, which the death of the process does not undo. `I w n`: commits of writer w up to n may
 * exist from now on; `B w n`, `A w n`, `S w n`: those up to n were acknowledged under `buffered`, `os`, `sync`.
 */
type Acknowledged = (typeof LETTERS)[Durability]
const LETTERS = { buffered: 'B', os: 'A', sync: 'S' } as const

export class Account {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  note(letter: 'I' | Acknowledged, writer: number, number: number): void {
    writeSync(this.#descriptor, `${letter} ${writer} ${number}\n`)
  }
}

export class Writer {
  readonly #db: Store
  readonly #other: Keyspace<'bytes', 'bytes'>
  readonly #account: Account
  readonly #writer: number
  readonly #plan: WriterPlan
  readonly #random: () => number
  /** The last commit begun. */
  #number: number
  #seen: number[] = new Array<number>(WRITERS).fill(0)

  constructor(db: Store, account: Account, writer: number, plan: WriterPlan) {
    this.#db = db
    this.#other = db.keyspaceSync('other')
    this.#account = account
    this.#writer = writer
    this.#plan = plan
    this.#random = mulberry32(plan.lifeSeed * WRITERS + writer)
    this.#number = lastCommit(db, writer)
  }

  /** Goes on until told to stop. */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#step()
      // NOTE: not every loop of a program yields: let timers and I/O run now and then.
      if (this.#random() < 0.05) await setImmediate()
    }
  }

  async #step(): Promise<void> {
    const random = this.#random
    if (random() < 0.3) this.#look()
    const choice = random()
    if (choice < 0.01) this.#db.flushSync()
    else if (choice < 0.02) await this.#db.flush()
    else await this.#commit(choice < 0.25 ? 1 + pick(random, 20) : 1)
  }

  async #commit(count: number): Promise<void> {
    const account = this.#account
    const writer = this.#writer
    const levels = ['os', 'os', 'os', 'os', 'os', 'os', 'buffered', 'buffered', 'sync'] as const
    const durability = levels[pick(this.#random, levels.length)] ?? 'os'
    const last = this.#number + count
    const acknowledge = (): void => account.note(LETTERS[durability], writer, last)
    account.note('I', writer, last)
    if (this.#plan.bug === 'acknowledges before it writes') acknowledge()
    const isSync = count === 1 && this.#random() < 0.5
    const promises: Promise<void>[] = []
    while (this.#number < last) {
      this.#number++
      promises.push(this.#issue(this.#number, durability, isSync))
    }
    await Promise.all(promises)
    if (this.#plan.bug !== 'acknowledges before it writes') acknowledge()
  }

  #issue(number: number, durability: Durability, isSync: boolean): Promise<void> {
    const { seed, bug } = this.#plan
    const writes = writesOf(seed, this.#writer, number)
    if (!isBatch(seed, this.#writer, number)) {
      const [write] = writes
      if (write?.value === undefined) throw new Error(`commit ${number} puts nothing`)
      if (!isSync) return this.#db.put(write.key, write.value, { durability })
      this.#db.putSync(write.key, write.value, { durability })
      return Promise.resolve()
    }
    const counter = { key: counterKey(this.#writer), value: counterValue(number, this.#seen) }
    const all = [...writes, { keyspace: '', ...counter } as const, { keyspace: 'other', ...counter } as const]
    if (bug === 'tears batches') return this.#tear(all, durability)
    const batch = this.#batchOf(all)
    if (!isSync) return batch.commit({ durability })
    batch.commitSync({ durability })
    return Promise.resolve()
  }

  #batchOf(writes: ReturnType<typeof writesOf>): ReturnType<Store['batch']> {
    const batch = this.#db.batch()
    for (const { keyspace, key, value } of writes) {
      const to = keyspace === '' ? this.#db : this.#other
      if (value === undefined) batch.delete(to, key)
      else batch.put(to, key, value)
    }
    return batch
  }

  /** The seeded bug: first what belongs to one keyspace, then the rest. */
  async #tear(writes: ReturnType<typeof writesOf>, durability: Durability): Promise<void> {
    const isFirst = ({ keyspace }: { readonly keyspace: string }): boolean => keyspace === ''
    await this.#batchOf(writes.filter(isFirst)).commit({ durability })
    await setTimeout(1)
    await this.#batchOf(writes.filter((write) => !isFirst(write))).commit({ durability })
  }

  /** Reads, and notes how far the others are. */
  #look(): void {
    const counters = this.#db.getManySync(Array.from({ length: WRITERS }, (_, writer) => counterKey(writer)))
    this.#seen = counters.map(numberIn)
    const prefix = `w${pick(this.#random, WRITERS)}/`
    const entries = [...this.#db.rangeSync({ prefix, limit: 10, reverse: this.#random() < 0.5 })]
    if (entries.length > 10) throw new Error('a range of ten entries has more')
  }
}

/** The number that a value begins with; 0 without one. */
function numberIn(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : Number.parseInt(decoder.decode(value.subarray(0, 16)), 10)
}

/** The last commit of a writer that the database has: each leaves its number in a value that only later ones overwrite. */
export function lastCommit(db: Store, writer: number): number {
  let last = numberIn(db.getSync(counterKey(writer)))
  for (const value of db.valuesSync({ prefix: `w${writer}/` })) last = Math.max(last, numberIn(value))
  return last
}
