/** Readers that wait for blocks in any order, beside one who writes, flushes, compacts and clears: each sees the state of its call. */
import { expect, it } from 'vitest'
import { CACHE_LIMIT_PAGES, CONTROL_CACHE } from '../../assembly/memory/layout.ts'
import { openText, type TextDatabase } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32, pick } from '../support/random.ts'
import { engineOf, keeperOf, turn } from './regressions/support.ts'

const KEYS = 400

function keyOf(i: number): string {
  return `key${String(i).padStart(4, '0')}`.padEnd(7 + (i % 60), '.')
}

class Run {
  readonly #random: () => number
  readonly #fileSystem = new FaultyFileSystem()
  readonly #state = new Map<string, string>()
  readonly #waiting: (() => void)[] = []
  #db!: TextDatabase
  #running = 0
  #writes = 0

  constructor(seed: number) {
    this.#random = mulberry32(seed)
  }

  async run(steps: number): Promise<void> {
    this.#db = await openText(this.#fileSystem)
    for (let i = 0; i < KEYS; i++) this.#write()
    this.#fileSystem.beforeRead = () =>
      this.#pick(3) === 0 ? undefined : new Promise((go) => this.#waiting.push(go))
    const failures: unknown[] = []
    for (let step = 0; step < steps && failures.length === 0; step++) {
      if (this.#running < 12 && this.#pick(3) !== 0) {
        this.#running++
        this.#read()
          .catch((error: unknown) => failures.push(error))
          .finally(() => this.#running--)
      } else if (this.#pick(3) !== 0) this.#change()
      else this.#waiting.splice(this.#pick(this.#waiting.length), 1)[0]?.()
      if (this.#pick(4) === 0) await turn()
    }
    for (let i = 0; this.#running > 0 && i < 100_000; i++) {
      this.#waiting.splice(this.#pick(this.#waiting.length), 1)[0]?.()
      await turn()
    }
    expect(failures).toEqual([])
    expect(this.#running).toBe(0)
    // Nothing that the reads held is left.
    expect(engineOf(this.#db).snapshots.oldest).toBe(Infinity)
    expect(keeperOf(this.#db).reclaimer.pending).toBe(0)
    expect(engineOf(this.#db).cursorPages.pages).toBe(0)
    await this.#db.close()
    expect(this.#fileSystem.openFileCount).toBe(0)
  }

  #pick(below: number): number {
    return below === 0 ? 0 : pick(this.#random, below)
  }

  #key(): string {
    return keyOf(this.#pick(KEYS))
  }

  #write(): void {
    const key = this.#key()
    const value = `${key} ${++this.#writes} `.repeat(this.#pick(40) === 0 ? 3000 : 1 + this.#pick(40))
    this.#db.putSync(key, value)
    this.#state.set(key, value)
  }

  #change(): void {
    const db = this.#db
    switch (this.#pick(30)) {
      case 0:
        return db.compactSync()
      case 1:
      case 2:
        return db.flushSync()
      case 3:
        // From here on hardly anything stays.
        return this.#limitCache(1 + this.#pick(3))
      case 4: {
        const from = this.#pick(KEYS)
        db.dropRangeSync({ gte: keyOf(from), lt: keyOf(from + 30) })
        for (let i = from; i < from + 30; i++) this.#state.delete(keyOf(i))
        return
      }
      case 5:
        if (this.#pick(5) !== 0) return
        db.clearSync()
        this.#state.clear()
        return
      case 6: {
        const from = this.#pick(KEYS)
        for (let i = from; i < from + 50; i++) {
          db.deleteSync(keyOf(i))
          this.#state.delete(keyOf(i))
        }
        return
      }
      default:
        return this.#write()
    }
  }

  #limitCache(pages: number): void {
    const { kernel } = engineOf(this.#db)
    kernel.u32[(CONTROL_CACHE + CACHE_LIMIT_PAGES) >>> 2] = pages
    kernel.exports.cacheShrink(1000)
  }

  async #read(): Promise<void> {
    const db = this.#db
    const state = new Map(this.#state)
    switch (this.#pick(7)) {
      case 0:
      case 1: {
        const key = this.#key()
        expect(await db.get(key)).toBe(state.get(key))
        return
      }
      case 2: {
        const keys = Array.from({ length: this.#pick(30) }, () => this.#key())
        expect(await db.getMany(keys)).toEqual(keys.map((key) => state.get(key)))
        return
      }
      case 3: {
        const key = this.#key()
        const length = state.get(key)?.length
        const read = Promise.all([db.has(key), db.sizeOf(key)])
        expect(await read).toEqual([length !== undefined, length])
        return
      }
      case 4: {
        const gte = this.#key()
        const below = [...state.keys()].filter((key) => key >= gte)
        const read = Promise.all([
          db.count({ gte }),
          db.isEmpty({ gte }),
          db.first({ gte }),
          db.last({ gte }),
        ])
        below.sort()
        const entry = (key: string | undefined): unknown => key && [key, state.get(key)]
        expect(await read).toEqual([below.length, below.length === 0, entry(below[0]), entry(below.at(-1))])
        return
      }
      default: {
        const [gte, lt] = [this.#key(), this.#key()].sort() as [string, string]
        const reverse = this.#pick(2) === 0
        const limit = this.#pick(2) === 0 ? 1 + this.#pick(50) : Infinity
        const expected = [...state]
          .filter(([key]) => key >= gte && key < lt)
          .sort(([a], [b]) => (a < b ? -1 : 1))
        if (reverse) expected.reverse()
        const found: [string, string][] = []
        for await (const entry of db.range({ gte, lt, reverse, limit })) {
          found.push(entry)
          if (this.#pick(20) === 0) await turn()
        }
        expect(found).toEqual(expected.slice(0, limit))
      }
    }
  }
}

const seeds = Number(process.env['ASYNC_READ_SEEDS'] ?? 12)

it('each read sees the state of its call', { timeout: 300_000 }, async () => {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await new Run(seed).run(1500)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})
