/** Opens a damaged database and does everything that reads it: what it says must be true, or it must say that it is damaged. */
import { openOn } from '../../../src/api/open.ts'
import type { VerifyProblem } from '../../../src/engine/verify-report.ts'
import { VarveError } from '../../../src/errors.ts'
import { type Contents, type Entries, type Entry, compareBytes, equalBytes, get } from '../../model.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import type { SubjectDatabase, SubjectKeyspace } from '../../support/subject.ts'
import type { Files } from '../golden/build.ts'
import type { Golden } from '../golden/golden.ts'
import { Violation } from '../runner.ts'
import { metered } from './meter.ts'

/** What people who have damaged files are told. */
const damageCodes = ['CORRUPT', 'MISSING_FILE', 'FORMAT_VERSION']

export interface Examination {
  readonly golden: Golden
  /** What may be in it: any of these. Empty: it must not open. */
  readonly states: readonly Contents[]
  /** Which boot it is opened under; the golden database was written under the first. */
  readonly bootNumber?: number
  /** Whether an entry has to be read whatever is damaged. */
  readonly isSafe?: (keyspace: string, key: Uint8Array) => boolean
  /** By the calls that return promises. */
  readonly async?: boolean
  /** The only keyspace to compact. */
  readonly compacted?: string | undefined
}

/** How a damaged database was found out, if it was. */
export interface Finding {
  /** What open() threw; the rest is empty then. */
  readonly refusal: VarveError | undefined
  /** db.recovery: what was cut, where from ('' if nothing is told), and why. */
  readonly droppedBytes: number
  readonly droppedFrom: string
  readonly reason: string
  /** What reads and compact() threw. */
  readonly failures: readonly VarveError[]
  readonly problems: readonly VerifyProblem[]
  /** Index of the first of the states that fits all that was read. */
  readonly state: number
  readonly operations: number
}

/** Whether damage was reported in any way. */
export function isDetected(finding: Finding): boolean {
  const { refusal, reason, failures, problems } = finding
  return refusal !== undefined || reason !== '' || failures.length > 0 || problems.length > 0
}

export const MEMORY_BYTES: number = 16 * 1048576

export function openImage(files: FaultyFileSystem): Promise<SubjectDatabase> {
  return openOn(files, { memoryLimit: MEMORY_BYTES, threads: 0, flushInterval: 60_000 })
}

/** @throws Violation for what may never happen, whatever is damaged */
export function examine(damaged: Files, examination: Examination): Promise<Finding> {
  return metered(() => new Examiner(damaged, examination).run())
}

class Examiner {
  readonly #damaged: Files
  readonly #examination: Examination
  readonly #files: FaultyFileSystem
  readonly #failures: VarveError[] = []
  /** States that fit what was read so far. */
  #fitting: readonly Contents[]

  constructor(damaged: Files, examination: Examination) {
    this.#damaged = damaged
    this.#examination = examination
    this.#fitting = examination.states
    const { bootNumber = 1 } = examination
    this.#files = FaultyFileSystem.fromFiles(damaged, { bootNumber })
  }

  async run(): Promise<Finding> {
    let db: SubjectDatabase
    try {
      db = await openImage(this.#files)
    } catch (error) {
      this.#refuse(error)
      return this.#finding(error as VarveError, undefined, [])
    }
    let problems: readonly VerifyProblem[]
    try {
      await this.#readAll(db)
      problems = (await db.verify()).problems
      for (const { code } of problems) this.#requireDamageCode(code, 'verify()')
      await this.#compact(db)
    } finally {
      await db.close()
    }
    this.#requireNothingOpen()
    return this.#finding(undefined, db, problems)
  }

  #finding(
    refusal: VarveError | undefined,
    db: SubjectDatabase | undefined,
    problems: readonly VerifyProblem[],
  ): Finding {
    const { droppedBytes, droppedFrom, reason } = db?.recovery ?? {
      droppedBytes: 0,
      droppedFrom: '',
      reason: '',
    }
    const state = this.#examination.states.findIndex((each) => each === this.#fitting[0])
    const operations = this.#files.log.length
    return {
      refusal,
      droppedBytes,
      droppedFrom,
      reason,
      failures: this.#failures,
      problems,
      state,
      operations,
    }
  }

  /** An open that failed has changed nothing. */
  #refuse(error: unknown): void {
    this.#requireDamage(error, 'open()')
    const changing = this.#files.log.find(({ kind }) =>
      ['create', 'remove', 'write', 'truncate'].includes(kind),
    )
    if (changing !== undefined)
      throw new Violation(
        `open() failed, and changed files (${changing.kind} ${changing.name}): ${String(error)}`,
      )
    this.#requireNothingOpen()
  }

  #requireNothingOpen(): void {
    const { openFileCount, locked } = this.#files
    if (openFileCount !== 0 || locked)
      throw new Violation(`${openFileCount} files are left open, locked: ${locked}`)
  }

  #requireDamage(error: unknown, what: string): asserts error is VarveError {
    if (!(error instanceof VarveError))
      throw new Violation(`${what} failed with ${String(error)}`, { cause: error })
    this.#requireDamageCode(error.code, what)
    if (error.file === undefined) throw new Violation(`${what} failed and names no file: ${error.message}`)
  }

  #requireDamageCode(code: string, what: string): void {
    if (!damageCodes.includes(code)) throw new Violation(`${what} says ${code}`)
  }

  /** Does one reading step. @returns whether it worked */
  async #attempt(what: string, step: () => void | Promise<void>): Promise<boolean> {
    try {
      await step()
      return true
    } catch (error) {
      if (error instanceof Violation) throw error
      this.#requireDamage(error, what)
      this.#failures.push(error)
      return false
    }
  }

  async #readAll(db: SubjectDatabase): Promise<void> {
    const names = db.keyspaces()
    this.#keep(`the names of the keyspaces`, (state) =>
      [...state.keys()].every((name) => name === '' || names.includes(name)),
    )
    const { golden } = this.#examination
    for (const name of names)
      if (!golden.keys.has(name)) throw new Violation(`a keyspace '${name}' out of nowhere`)
    for (const [name, keys] of golden.keys) {
      if (name !== '' && !names.includes(name)) continue
      const keyspace = name === '' ? db : await db.keyspace(name)
      await this.#scan(name, keyspace, false)
      await this.#scan(name, keyspace, true)
      for (const key of keys) await this.#get(name, keyspace, key)
      await this.#getMany(name, keyspace, keys)
    }
  }

  /** Goes through a keyspace up to its end or the first error, from which on there may come nothing more. */
  async #scan(name: string, keyspace: SubjectKeyspace, reverse: boolean): Promise<void> {
    const found: Entry[] = []
    const what = `a ${reverse ? 'backward ' : ''}scan of '${name}'`
    const iterator =
      this.#examination.async === true
        ? keyspace.range({ reverse })[Symbol.asyncIterator]()
        : keyspace.rangeSync({ reverse })[Symbol.iterator]()
    const whole = await this.#attempt(what, async () => {
      for (;;) {
        const step = await iterator.next()
        if (step.done === true) return
        found.push(step.value)
      }
    })
    const again = await Promise.resolve()
      .then(() => iterator.next())
      .catch(() => ({ done: true }))
    if (again.done !== true) throw new Violation(`${what} goes on after its end or an error`)
    this.#keep(what, (state) => {
      const entries = state.get(name) ?? []
      return equal(found, reverse ? entries.toReversed() : entries, whole)
    })
  }

  async #get(name: string, keyspace: SubjectKeyspace, key: Uint8Array): Promise<void> {
    const what = `get of ${JSON.stringify(Buffer.from(key).toString('latin1'))} in '${name}'`
    let value: Uint8Array | undefined
    const worked = await this.#attempt(what, async () => {
      value = this.#examination.async === true ? await keyspace.get(key) : keyspace.getSync(key)
    })
    if (worked) this.#keep(what, (state) => equalValue(value, get(state.get(name) ?? [], key)))
    else if (this.#examination.isSafe?.(name, key) === true)
      throw new Violation(
        `${what} fails, though nothing that it reads is damaged: ${String(this.#failures.at(-1))}`,
      )
  }

  async #getMany(name: string, keyspace: SubjectKeyspace, keys: readonly Uint8Array[]): Promise<void> {
    const what = `getMany in '${name}'`
    await this.#attempt(what, async () => {
      const values =
        this.#examination.async === true ? await keyspace.getMany(keys) : keyspace.getManySync(keys)
      this.#keep(what, (state) => {
        const entries = state.get(name) ?? []
        return keys.every((key, i) => equalValue(values[i], get(entries, key)))
      })
    })
  }

  /** Merges everything, and reads what came of it; if nothing did, everything is as it was. */
  async #compact(db: SubjectDatabase): Promise<void> {
    const { async = false, compacted } = this.#examination
    const target = compacted === undefined || compacted === '' ? db : await db.keyspace(compacted)
    // NOTE: without a range the default keyspace takes all others along.
    const range = compacted === undefined ? {} : { gte: new Uint8Array(0) }
    const worked = await this.#attempt('compact()', async () => {
      if (async) await target.compact(range)
      else target.compactSync(range)
    })
    if (worked) return this.#readAll(db)
    for (const name of this.#examination.golden.keys.keys()) {
      if (name === '' || db.keyspaces().includes(name))
        await this.#scan(name, name === '' ? db : await db.keyspace(name), false)
    }
  }

  /** Something was read: which states can it have been? @throws Violation if none */
  #keep(what: string, fits: (state: Contents) => boolean): void {
    this.#fitting = this.#fitting.filter(fits)
    if (this.#fitting.length === 0) throw new Violation(`${what} is wrong, and nothing was said`)
  }
}

function equalValue(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b)
}

/** Whether these are the first entries of those, or all of them. */
function equal(found: readonly Entry[], expected: Entries, whole: boolean): boolean {
  if (whole ? found.length !== expected.length : found.length > expected.length) return false
  return found.every(([key, value], i) => {
    const entry = expected[i]
    return entry !== undefined && compareBytes(key, entry[0]) === 0 && equalBytes(value, entry[1])
  })
}
