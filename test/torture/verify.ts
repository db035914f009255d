/** What must hold of every database that is opened after a crash. */
import type { FileSystem } from '../../src/fs/filesystem.ts'
import {
  type Contents,
  type Entries,
  type Entry,
  type Model,
  type Position,
  equalEntries,
  get,
} from '../model.ts'
import type { SubjectDatabase, SubjectKeyspace } from '../support/subject.ts'
import { type Image, describe, develop } from './images.ts'
import { Run, Violation, encode, openFor } from './runner.ts'
import { type Setting, type Step, counterKey } from './workload.ts'

/** Recovery may take this long: P14. Generous, as the machine has other work. */
const slowestOpenMs = 5000

export interface Recovered {
  readonly run: Run
  readonly contents: Contents
  readonly position: Position
}

/** Everything in a database; each keyspace is read forwards, backwards, by key and by list, and must be the same every time. */
export async function readAll(database: SubjectDatabase): Promise<Map<string, Entries>> {
  const contents = new Map<string, Entries>()
  for (const name of ['', ...database.keyspaces()]) {
    const keyspace = name === '' ? database : await database.keyspace(name)
    contents.set(name, readKeyspace(name, keyspace))
  }
  return contents
}

function readKeyspace(name: string, keyspace: SubjectKeyspace): Entries {
  const entries: Entry[] = [...keyspace.rangeSync()]
  const backwards: Entry[] = [...keyspace.rangeSync({ reverse: true })]
  const same = (found: Entries, way: string): void => {
    if (!equalEntries(found, entries))
      throw new Violation(`keyspace '${name}' read ${way} differs from a scan`)
  }
  same(backwards.reverse(), 'backwards')
  const keys = entries.map(([key]) => key)
  same(
    pairs(keys, (key) => keyspace.getSync(key)),
    'by get',
  )
  const many = keyspace.getManySync(keys)
  same(
    pairs(keys, (_, i) => many[i]),
    'by getMany',
  )
  const ends = [keyspace.firstSync(), keyspace.lastSync()].filter((entry) => entry !== undefined)
  const expectedEnds =
    entries.length === 0 ? [] : [entries[0], entries.at(-1)].filter((entry) => entry !== undefined)
  if (!equalEntries(ends, expectedEnds))
    throw new Violation(`keyspace '${name}': first or last differ from a scan`)
  return entries
}

function pairs(
  keys: readonly Uint8Array[],
  valueOf: (key: Uint8Array, i: number) => Uint8Array | undefined,
): Entry[] {
  return keys.flatMap((key, i): Entry[] => {
    const value = valueOf(key, i)
    return value === undefined ? [] : [[key, value]]
  })
}

/** Opens the image and compares what is in it with what may be in it. The database is left open, in `run`. */
export async function recover(image: Image, model: Model, setting: Setting): Promise<Recovered> {
  const files = await develop(image)
  const began = performance.now()
  const database = await openFor(files, setting).catch((error: unknown) => {
    throw new Violation(`does not open: ${String(error)}`, { cause: error })
  })
  try {
    const tookMs = performance.now() - began
    if (tookMs > slowestOpenMs) throw new Violation(`recovery took ${tookMs} ms`)
    const contents = await readAll(database)
    const { droppedBytes } = database.recovery
    const position = requirePossible(image, model, { contents, droppedBytes })
    const run = new Run(files, setting, model.recovered(position, contents, image.bounds, image.crash))
    await run.adopt(database)
    return { run, contents, position }
  } catch (error) {
    await database.close().catch(() => {})
    throw error
  }
}

/** What an image was found to hold is what it may hold. @throws Violation */
export function requirePossible(
  image: Image,
  model: Model,
  { contents, droppedBytes }: { readonly contents: Contents; readonly droppedBytes: number },
): Position {
  if (image.whole && droppedBytes !== 0) {
    throw new Violation(`${droppedBytes} B dropped although every write was whole`)
  }
  const position = model.matching(contents, image.bounds, image.crash)
  if (position === undefined) throw new Violation(`wrong contents: ${explain(contents)}`)
  return position
}

/**
 * Writes a little more into a recovered database, opens it again, compares exactly, writes again, and compares the files with
 * what the database knows of: none may be left over. Leaves nothing open.
 */
export async function goOn({ run }: Recovered, number: number): Promise<void> {
  const names = ['', ...run.model.layout.keys()]
  const writes = names.map((keyspace) => ({ keyspace, key: `more${number % 3}`, valueBytes: 20 }))
  const last: Step = {
    do: 'write',
    write: { keyspace: '', key: 'k1', valueBytes: 5 },
    sync: true,
    durability: undefined,
  }
  await run.run({ do: 'batch', writes, form: 'batch', sync: number % 2 === 0, durability: undefined })
  if (number % 3 === 0) await run.run({ do: 'flush', keyspace: undefined, sync: true })
  await run.run(last)
  await run.run({ do: 'reopen' })
  const contents = await readAll(run.database)
  if (run.model.matching(contents, run.model.boundsWhenClosed(), 'kill') === undefined) {
    throw new Violation('written after the recovery, and gone after the next open')
  }
  await run.run(last)
  requireNoOrphans(run.database, await run.files.list())
  await run.close()
}

/** `names`: of the files in the directory of a database that has been written to. @throws Violation if there are others than it uses */
export function requireNoOrphans(database: Pick<SubjectDatabase, 'stats'>, names: readonly string[]): void {
  const { keyspaces, journals } = database.stats()
  const known = { sst: keyspaces.reduce((sum, { tables }) => sum + tables, 0), wal: journals, man: 1 }
  for (const [extension, count] of Object.entries(known)) {
    const found = names.filter((name) => name.endsWith(`.${extension}`))
    if (found.length !== count)
      throw new Violation(`${count} .${extension} files are in use, but there are ${found.join(', ')}`)
  }
}

/** Opens an image, compares and, if it `continues`, writes more, opens again, compares exactly. @throws Violation */
export async function verify(
  image: Image,
  model: Model,
  setting: Setting,
  number: number,
  continues = true,
): Promise<void> {
  let recovered: Recovered | undefined
  try {
    recovered = await recover(image, model, setting)
    if (continues) await goOn(recovered, number)
    else await recovered.run.close()
  } catch (error) {
    await recovered?.run
      .abandon()
      ?.close()
      .catch(() => {})
    throw new Violation(`${describe(image)}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

/** For people: which commits each keyspace seems to hold. */
function explain(contents: Contents): string {
  const parts = [...contents].map(([name, entries]) => {
    const bytes = get(entries, encode(counterKey))
    const counter = bytes === undefined ? 'none' : new TextDecoder().decode(bytes)
    const numbers = entries.map(([, value]) => Number.parseInt(new TextDecoder().decode(value), 10))
    return `'${name}': ${entries.length} entries, last batch ${counter} last commit seen ${Math.max(0, ...numbers)}`
  })
  return parts.join('; ')
}
