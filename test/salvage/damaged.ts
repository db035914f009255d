import { openOn } from '../../src/api/open.ts'
import type { RecoveryReport } from '../../src/api/types.ts'
import { SMALL_MEMORY, type TextDatabase } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'

const OPTIONS = {
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
  memoryLimit: SMALL_MEMORY,
  threads: 0,
} as const

export type Contents = ReadonlyMap<string, ReadonlyMap<string, string>>

/** A database to be damaged, and what is in it. */
export interface Golden {
  readonly files: ReadonlyMap<string, Uint8Array>
  /** By keyspace. */
  readonly contents: Contents
  /** Every value that a key ever had. */
  readonly history: ReadonlyMap<string, ReadonlySet<string>>
}

const KEYS = 60

/** Two keyspaces: runs of flushed tables and a level below them, overwritten and deleted keys, a large value, and a journal with the newest. */
export async function makeGolden(): Promise<Golden> {
  const fileSystem = new FaultyFileSystem()
  const db = await openOn(fileSystem, { ...OPTIONS, tables: { blockSize: 1024 } })
  const other = await db.keyspace('other', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  const spaces = { '': db, other } as const
  const contents = new Map<string, Map<string, string>>([
    ['', new Map()],
    ['other', new Map()],
  ])
  const history = new Map<string, Set<string>>()
  const put = (space: '' | 'other', key: string, value: string): void => {
    spaces[space].putSync(key, value)
    contents.get(space)?.set(key, value)
    const values = history.get(`${space}/${key}`) ?? new Set()
    history.set(`${space}/${key}`, values.add(value))
  }
  const remove = (space: '' | 'other', key: string): void => {
    spaces[space].deleteSync(key)
    contents.get(space)?.delete(key)
  }
  const key = (i: number): string => `key${String(i).padStart(3, '0')}`
  for (let i = 0; i < KEYS; i++) put('', key(i), `first ${i} ${'a'.repeat(50)}`)
  for (let i = 0; i < KEYS; i += 2) put('other', key(i), `other ${i}`)
  put('', 'large', 'L'.repeat(40_000))
  db.flushSync()
  db.compactSync()
  for (let i = 0; i < KEYS; i += 3) put('', key(i), `second ${i} ${'b'.repeat(30)}`)
  for (let i = 1; i < KEYS; i += 6) remove('', key(i))
  db.flushSync()
  for (let i = 0; i < KEYS; i += 5) put('other', key(i), `third ${i}`)
  for (let i = 2; i < KEYS; i += 10) remove('other', key(i))
  for (let i = 4; i < KEYS; i += 7) put('', key(i), `third ${i}`)
  await db.close()
  return { files: fileSystem.snapshotFiles(), contents, history }
}

/** The files on a disk of their own. */
export function diskOf({ files }: Golden): FaultyFileSystem {
  return FaultyFileSystem.fromFiles(new Map([...files].map(([name, bytes]) => [name, bytes.slice()])))
}

export function named(files: FaultyFileSystem | Golden, extension: string): string[] {
  const names = 'contents' in files ? files.files.keys() : files.snapshotFiles().keys()
  return [...names].filter((name) => name.endsWith(extension)).sort()
}

export function openDamaged(
  files: FaultyFileSystem,
  recovery: 'salvage' | 'tolerate-tail' = 'salvage',
): Promise<TextDatabase> {
  return openOn(files, { ...OPTIONS, recovery })
}

export async function contentsOf(db: TextDatabase): Promise<Map<string, Map<string, string>>> {
  const contents = new Map<string, Map<string, string>>([['', new Map(db.rangeSync())]])
  for (const name of db.keyspaces()) {
    const keyspace = await db.keyspace(name, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    contents.set(name, new Map(keyspace.rangeSync()))
  }
  return contents
}

/** Salvages, reads everything, checks that the result is sound, and opens it again the usual way. */
export async function salvaged(
  files: FaultyFileSystem,
): Promise<{ contents: Map<string, Map<string, string>>; recovery: RecoveryReport }> {
  const db = await openDamaged(files)
  const contents = await contentsOf(db)
  db.putSync('written after', 'the salvage')
  const { problems } = await db.verify()
  if (problems.length > 0) throw new Error(`salvaged, and damaged: ${problems[0]?.message}`)
  await db.close()
  const again = await openDamaged(files, 'tolerate-tail')
  again.deleteSync('written after')
  const second = await contentsOf(again)
  if (JSON.stringify(plain(second)) !== JSON.stringify(plain(contents)))
    throw new Error('the next open finds something else')
  await again.close()
  return { contents, recovery: db.recovery }
}

/** For comparing. */
export function plain(contents: Contents): Record<string, Record<string, string>> {
  return Object.fromEntries([...contents].map(([name, entries]) => [name, Object.fromEntries(entries)]))
}
