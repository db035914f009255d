/** One history of writes, laid down in every state the engine can hold it in. */
import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import type { OpenOptions } from '../../src/index.ts'
import { openText, type TextDatabase } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'

/** Keys with their new values; undefined deletes. INVARIANT: keys are ASCII, so that text order is byte order. */
export type Step = readonly (readonly [key: string, value: string | undefined])[]
/** Steps, each one batch. INVARIANT: 2 to 4, none empty, so that every state can be reached. */
export type History = readonly Step[]

export type Entry = [key: string, value: string]

/** What must be there after the steps. */
export function entriesAfter(history: History): Entry[] {
  const map = new Map<string, string>()
  for (const [key, value] of history.flat()) {
    if (value === undefined) map.delete(key)
    else map.set(key, value)
  }
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

export function writeStep(db: TextDatabase, step: Step): void {
  const batch = db.batch()
  for (const [key, value] of step) {
    if (value === undefined) batch.delete(key)
    else batch.put(key, value)
  }
  batch.commitSync()
}

type AfterStep = (db: TextDatabase, step: number) => void

export interface State {
  readonly name: string
  /** Whether the handle that wrote is the one that is returned: what it had open is still open. */
  readonly sameHandle: boolean
  /** Writes the history and leaves it in this state. Reads must follow in the same turn: a later one may flush. */
  readonly build: (history: History, afterStep?: AfterStep) => Promise<TextDatabase>
}

/** A keyspace's memtables and tables, which is what tells one state from another. */
function expectShape(db: TextDatabase, memtables: number, tables: number): void {
  const keyspace = db.stats().keyspaces[0]
  expect({ memtables: keyspace?.memtables, tables: keyspace?.tables }).toEqual({ memtables, tables })
}

function inOneProcess(
  name: string,
  options: OpenOptions<'utf8', 'utf8'>,
  flushAfter: (step: number, last: number) => boolean,
  shape: (steps: number) => [memtables: number, tables: number],
): State {
  return {
    name,
    sameHandle: true,
    build: async (history, afterStep) => {
      const db = await openText(new FaultyFileSystem(), options)
      history.forEach((step, i) => {
        writeStep(db, step)
        if (flushAfter(i, history.length - 1)) db.flushSync()
        afterStep?.(db, i)
      })
      // NOTE: where nothing is left a flush leaves no table.
      if (entriesAfter(history).length > 0) expectShape(db, ...shape(history.length))
      return db
    },
  }
}

/** The first step in a table, the others in a journal. */
function reopened(
  name: string,
  options: OpenOptions<'utf8', 'utf8'>,
  leave: (db: TextDatabase, fileSystem: FaultyFileSystem) => Promise<FaultyFileSystem>,
): State {
  return {
    name,
    sameHandle: false,
    build: async (history, afterStep) => {
      const fileSystem = new FaultyFileSystem()
      const db = await openText(fileSystem, options)
      history.forEach((step, i) => {
        writeStep(db, step)
        if (i === 0) db.flushSync()
        afterStep?.(db, i)
      })
      const again = await openText(await leave(db, fileSystem))
      expectShape(again, 1, 1)
      return again
    },
  }
}

/** A memtable of one byte is full after one batch: the next one seals it. */
const SEAL_EACH = { memtableSize: 1 }
const SEAL_NONE = { memtableSize: 4 * 1048576 }

export const states: readonly State[] = [
  inOneProcess(
    'in the active memtable',
    SEAL_NONE,
    () => false,
    () => [1, 0],
  ),
  inOneProcess(
    'in sealed memtables',
    SEAL_EACH,
    () => false,
    (steps) => [steps, 0],
  ),
  inOneProcess(
    'in one table',
    SEAL_NONE,
    (i, last) => i === last,
    () => [0, 1],
  ),
  inOneProcess(
    'in a table, newer in the memtable',
    SEAL_NONE,
    (i, last) => i === last - 1,
    () => [1, 1],
  ),
  inOneProcess(
    'in a table, newer in sealed memtables',
    SEAL_EACH,
    (i) => i === 0,
    (steps) => [steps - 1, 1],
  ),
  inOneProcess(
    'in a table of each step',
    SEAL_NONE,
    () => true,
    (steps) => [0, steps],
  ),
  reopened('reopened after a clean close', SEAL_NONE, async (db, fileSystem) => {
    await db.close()
    return fileSystem
  }),
  reopened('reopened after a kill', SEAL_EACH, (_db, fileSystem) =>
    Promise.resolve(fileSystem.crashImage('keepAll', mulberry32(1))),
  ),
]

type Readable = Pick<
  TextDatabase,
  'getSync' | 'hasSync' | 'getManySync' | 'rangeSync' | 'keysSync' | 'valuesSync' | 'firstSync' | 'lastSync'
>

/** Long texts cut to what a person reads. */
function shortened(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shortened)
  return typeof value === 'string' && value.length > 60
    ? `${value.slice(0, 20)}… (${value.length} characters)`
    : value
}

function expectSame(actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return
  expect(shortened(actual)).toEqual(shortened(expected))
  throw new Error('long values differ inside')
}

/** Asks every read of the API for everything, and for `absent` keys. */
export function expectExactly(db: Readable, entries: readonly Entry[], absent: readonly string[] = []): void {
  expectSame([...db.rangeSync()], entries)
  expectSame([...db.rangeSync({ reverse: true })], entries.toReversed())
  expectSame(
    [...db.keysSync()],
    entries.map(([key]) => key),
  )
  expectSame([...db.valuesSync({ reverse: true })], entries.map(([, value]) => value).toReversed())
  expectSame(db.firstSync(), entries[0])
  expectSame(db.lastSync(), entries.at(-1))
  const keys = [...entries.map(([key]) => key), ...absent]
  const values = [...entries.map(([, value]) => value), ...absent.map(() => undefined)]
  expectSame(
    keys.map((key) => db.getSync(key)),
    values,
  )
  expectSame(db.getManySync(keys), values)
  expectSame(
    keys.map((key) => db.hasSync(key)),
    values.map((value) => value !== undefined),
  )
}

/** A number as a key of fixed width. */
export function numbered(i: number, prefix = 'k'): string {
  return prefix + String(i).padStart(6, '0')
}
