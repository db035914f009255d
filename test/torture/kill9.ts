/**
 * T05 of RELIABILITY.md: a real process, on a real directory, in which four threads write to one database, is killed at a random moment: at work, while it opens, while it closes.
 * What it had begun and what was acknowledged is known from an account outside of the database. Then the database is opened here, or a copy of it, and looked at; the next
 * process goes on with it, often with what the last one left, so that recoveries are recovered from.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { open } from '../../src/index.ts'
import { mulberry32, pick } from '../support/random.ts'
import type { SubjectDatabase } from '../support/subject.ts'
import type { LifeRequest } from './processes/kill9-child.ts'
import type { Bug } from './processes/kill9-writer.ts'
import { Ledger, PROBE_PREFIX } from './processes/ledger.ts'
import { Victim } from './processes/victim.ts'
import { Violation } from './runner.ts'
import { bundleWithEngine } from './threads/engine-bundle.ts'
import { SMALL_LEVELS, type Patch } from './threads/patches.ts'
import { readAll, requireNoOrphans } from './verify.ts'

export interface Budget {
  readonly seed: number
  /** Nothing new is begun after this time, */
  readonly seconds: number
  /** nor after so many kills. */
  readonly kills?: number
  /** Seeded, for positive controls: in the process that is killed, and in its engine. */
  readonly bug?: Bug
  readonly patches?: readonly Patch[]
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  kills: number
  opening: number
  working: number
  closing: number
  /** Of all, those that ended by themselves before. */
  closed: number
  /** Killed again before anybody had looked. */
  unseen: number
  databases: number
  acknowledged: number
  slowestOpenMs: number
  slowestWriteMs: number
  slowestDrainMs: number
}

/** Databases that live beside each other: while one is looked at, another one is written to. */
const LANES = 2
const LIVES = 8
/** P14. Generous, as the machine has other work. */
const SLOWEST_MS = 5000
/** In memory where the host has such a place; to a killed process that makes no difference. */
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** Kill after kill. @throws Violation with the command that repeats it */
export async function kill9(budget: Budget): Promise<Summary> {
  const { seed, seconds, kills = Infinity, bug = 'none', patches = [] } = budget
  const began = Date.now()
  const entry = 'test/torture/processes/kill9-child.ts'
  const name = patches.length === 0 ? 'kill9' : `kill9-patched-${process.pid}`
  const all = [...SMALL_LEVELS, ...patches]
  const file = await bundleWithEngine(entry, `build/torture/processes/${name}.mjs`, all)
  const summary: Summary = {
    program: 'kill9',
    seed,
    seconds: 0,
    kills: 0,
    opening: 0,
    working: 0,
    closing: 0,
    closed: 0,
    unseen: 0,
    databases: 0,
    acknowledged: 0,
    slowestOpenMs: 0,
    slowestWriteMs: 0,
    slowestDrainMs: 0,
  }
  const root = mkdtempSync(join(base, 'varve-kill9-'))
  let failure: unknown
  const isOver = (): boolean =>
    failure !== undefined || summary.kills >= kills || Date.now() - began > seconds * 1000
  const lane = async (number: number): Promise<void> => {
    const reaper = new Reaper(file, root, seed + number * 1_000_003, bug, summary)
    try {
      while (!isOver()) await reaper.database(isOver)
    } catch (error) {
      failure ??= error
    } finally {
      await reaper.end()
    }
  }
  try {
    await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)))
  } finally {
    rmSync(root, { recursive: true, force: true })
    if (patches.length > 0) rmSync(file)
  }
  summary.seconds = (Date.now() - began) / 1000
  if (!(failure instanceof Violation)) {
    if (failure !== undefined) throw failure
    return summary
  }
  const repeat = `node test/torture/run.mjs kill9 --seed ${seed} --seconds ${seconds}`
  throw new Violation(
    `${failure.message}\n  after ${summary.kills} kills; again, if moments meet again: ${repeat}`,
  )
}

type When = 'opening' | 'working' | 'closing'

/** Database after database, each of which dies several times. */
class Reaper {
  readonly #file: string
  readonly #root: string
  readonly #seed: number
  readonly #bug: Bug
  readonly #summary: Summary
  readonly #random: () => number
  /** Started ahead. */
  #next: Victim
  #databases = 0

  constructor(file: string, root: string, seed: number, bug: Bug, summary: Summary) {
    this.#file = file
    this.#root = root
    this.#seed = seed
    this.#bug = bug
    this.#summary = summary
    this.#random = mulberry32(seed)
    this.#next = new Victim(file)
  }

  async database(isOver: () => boolean): Promise<void> {
    const random = this.#random
    const seed = (this.#seed + this.#databases++) % 1_000_000
    const directory = join(this.#root, `database-${this.#seed}-${this.#databases}`)
    const ledger = new Ledger(seed)
    this.#summary.databases++
    const life = 1 + pick(random, LIVES)
    try {
      for (let i = 0; i < life && !isOver(); i++) await this.#life(directory, seed, ledger)
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      throw new Violation(`${basename(directory)}: ${error.message}`, { cause: error })
    }
    rmSync(directory, { recursive: true, force: true })
  }

  /** One process, or two; then somebody looks. */
  async #life(directory: string, seed: number, ledger: Ledger): Promise<void> {
    const random = this.#random
    const choice = random()
    const when: When = choice < 0.1 ? 'opening' : choice < 0.2 ? 'closing' : 'working'
    const afterMs = pick(random, when === 'working' ? 300 : when === 'opening' ? 25 : 12)
    const description = await this.#kill(directory, seed, ledger, when, afterMs)
    try {
      if (random() < 0.2) {
        this.#summary.unseen++
        await this.#kill(directory, seed, ledger, 'opening', pick(random, 40))
      }
      await this.#look(directory, ledger)
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      throw new Violation(`${description}: ${error.message}`, { cause: error })
    }
  }

  async #kill(directory: string, seed: number, ledger: Ledger, when: When, afterMs: number): Promise<string> {
    const random = this.#random
    const summary = this.#summary
    const victim = this.#next
    const accountFile = `${directory}.account`
    await victim.untilSaid('ready')
    const request: LifeRequest = {
      seed,
      lifeSeed: pick(random, 1_000_000),
      bug: this.#bug,
      directory,
      accountFile,
      closeAfterMs: when === 'closing' ? pick(random, 100) : 600_000,
      closesBusy: random() < 0.5,
    }
    victim.send(request)
    await victim.untilSaid(when)
    if (afterMs > 0) await setTimeout(afterMs)
    victim.kill()
    this.#next = new Victim(this.#file)
    const isClosed = await victim.end()
    summary.kills++
    summary[when]++
    if (isClosed) summary.closed++
    const found = victim.said('found')
    const wrong = found === undefined ? undefined : ledger.find(found.split(' ').slice(1).map(Number))
    if (wrong !== undefined) throw new Violation(`the next process found: ${wrong}`)
    if (existsSync(accountFile)) {
      summary.acknowledged += ledger.enter(readFileSync(accountFile, 'utf8'), isClosed)
      rmSync(accountFile)
    }
    return `killed ${afterMs} ms after '${when}'${isClosed ? ', but closed before' : ''}`
  }

  /** Opens what is left, or a copy, and compares. */
  async #look(original: string, ledger: Ledger): Promise<void> {
    if (!existsSync(original)) return
    const random = this.#random
    const isCopy = random() < 0.5
    const directory = isCopy ? `${original}-copy` : original
    // NOTE: cpSync refuses the sockets of the lock.
    if (isCopy) execFileSync('cp', ['-a', original, directory])
    const walBytes = journalBytes(directory)
    const openMs = performance.now()
    const db = await open(directory, { memoryLimit: 32 << 20 }).catch((error: unknown) => {
      throw new Violation(`does not open: ${String(error)}`, { cause: error })
    })
    try {
      const tookMs = performance.now() - openMs
      this.#note('slowestOpenMs', tookMs)
      const allowedMs = SLOWEST_MS + walBytes / 100_000
      if (tookMs > allowedMs) throw new Violation(`opening took ${Math.round(tookMs)} ms`)
      await this.#compare(db, ledger)
      await this.#goOn(db, directory)
      await this.#compare(db, ledger)
    } finally {
      await db.close()
    }
    if (isCopy) rmSync(directory, { recursive: true })
  }

  async #compare(db: SubjectDatabase, ledger: Ledger): Promise<void> {
    const contents = await readAll(db)
    for (const [name, entries] of contents) {
      const keyspace = name === '' ? db : db.keyspaceSync(name)
      const count = keyspace.countSync()
      if (count !== entries.length)
        throw new Violation(`keyspace '${name}' counts ${count} and a scan finds ${entries.length}`)
    }
    const wrong = ledger.settle(contents)
    if (wrong !== undefined) throw new Violation(wrong)
  }

  /** It takes a write, and what is to be done in the background gets done. */
  async #goOn(db: SubjectDatabase, directory: string): Promise<void> {
    const atMs = performance.now()
    const late = (what: string): void => {
      if (performance.now() - atMs > SLOWEST_MS) throw new Violation(`${what} within ${SLOWEST_MS} ms`)
    }
    const key = `${PROBE_PREFIX}${pick(this.#random, 3)}`
    await db.put(key, 'there', { durability: 'sync' })
    if (new TextDecoder().decode(db.getSync(key)) !== 'there') throw new Violation('a new write is not there')
    late('it took no write')
    this.#note('slowestWriteMs', performance.now() - atMs)
    for (;;) {
      const { keyspaces, backgroundError } = db.stats()
      if (backgroundError !== undefined) throw new Violation(`in the background: ${backgroundError}`)
      const isDrained = keyspaces.every(
        ({ memtables, levels }) => memtables <= 1 && levels.every(({ score }) => score < 1),
      )
      const orphans = isDrained ? orphansAmong(db, directory) : undefined
      if (isDrained && orphans === undefined) break
      late(orphans ?? `the background was not done (${JSON.stringify(keyspaces)})`)
      await setTimeout(5)
    }
    this.#note('slowestDrainMs', performance.now() - atMs)
  }

  #note(figure: 'slowestOpenMs' | 'slowestWriteMs' | 'slowestDrainMs', ms: number): void {
    this.#summary[figure] = Math.max(this.#summary[figure], Math.round(ms))
  }

  async end(): Promise<void> {
    this.#next.kill()
    await this.#next.end().catch(() => {})
  }
}

function orphansAmong(db: SubjectDatabase, directory: string): string | undefined {
  try {
    requireNoOrphans(db, readdirSync(directory))
    return undefined
  } catch (error) {
    return String(error)
  }
}

function journalBytes(directory: string): number {
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => name.endsWith('.wal'))
    .reduce((bytes, { name }) => bytes + readFileSync(join(directory, name)).byteLength, 0)
}
