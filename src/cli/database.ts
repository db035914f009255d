import { open, type Database, type Keyspace } from '../index.ts'
import { encodingsOf, isFixed, type FixedEncodings } from './encodings.ts'
import type { KeyspaceHeader } from './entries.ts'
import { notFound, sentenceOf } from './failure.ts'
import type { DatabaseChoice } from './options.ts'

/** The command works on bytes, whatever encodings a keyspace was created with. */
export type RawDatabase = Database<'bytes', 'bytes'>
export type RawKeyspace = Keyspace<'bytes', 'bytes'>

const raw = { keyEncoding: 'bytes', valueEncoding: 'bytes' } as const
const BYTES_PER_MEBIBYTE = 1024 * 1024

/** What the command opens databases with. */
export function rawOptions({ memoryLimit }: DatabaseChoice): typeof raw & { memoryLimit: number } {
  return { ...raw, memoryLimit: memoryLimit * BYTES_PER_MEBIBYTE }
}

/** Opens an existing database for the time of an action. @throws NOT_FOUND */
export async function withDatabase<T>(
  directory: string,
  choice: DatabaseChoice,
  action: (database: RawDatabase) => Promise<T>,
): Promise<T> {
  return await withOpen(await openDatabase(directory, choice, false), action)
}

/** The same for one keyspace of an existing database. @throws NOT_FOUND, also when there is no such keyspace */
export async function withKeyspace<T>(
  directory: string,
  choice: DatabaseChoice,
  action: (keyspace: RawKeyspace) => Promise<T>,
): Promise<T> {
  return await withDatabase(directory, choice, async (database) =>
    action(await existingKeyspace(database, choice.keyspace ?? '')),
  )
}

/** The same, creating the database and the keyspace when they do not exist. */
export async function withNewKeyspace<T>(
  directory: string,
  choice: DatabaseChoice,
  action: (keyspace: RawKeyspace) => Promise<T>,
): Promise<T> {
  return await withOpen(await openDatabase(directory, choice, true), async (database) =>
    action(await rawKeyspace(database, choice.keyspace ?? '')),
  )
}

/** Opens a database; `defaults` are encodings to fix for its default keyspace first. */
export async function openDatabase(
  directory: string,
  choice: DatabaseChoice,
  createIfMissing: boolean,
  defaults?: KeyspaceHeader,
): Promise<RawDatabase> {
  const options = rawOptions(choice)
  if (defaults?.name === '' && isFixed(defaults)) {
    const fixing = await open(directory, { ...options, ...encodingsOf(defaults), createIfMissing })
    await fixing.close()
  }
  const database = await open(directory, { ...options, createIfMissing })
  reportRecovery(database)
  return database
}

export async function existingKeyspace(database: RawDatabase, name: string): Promise<RawKeyspace> {
  if (name !== '' && !database.keyspaces().includes(name)) {
    throw notFound(`There is no keyspace ${JSON.stringify(name)}; "varve stat" lists those there are.`)
  }
  return await rawKeyspace(database, name)
}

/** Creates the keyspace if it does not exist, with these encodings fixed. */
export async function rawKeyspace(
  database: RawDatabase,
  name: string,
  encodings?: KeyspaceHeader,
): Promise<RawKeyspace> {
  if (name === '') return database
  if (encodings !== undefined && isFixed(encodings)) await database.keyspace(name, encodingsOf(encodings))
  return await database.keyspace(name, raw)
}

/** Encodings that were fixed when a keyspace was created. */
export function fixedEncodings(database: RawDatabase, name: string): FixedEncodings {
  const stats = database.stats().keyspaces.find((keyspace) => keyspace.name === name)
  return { keyEncoding: stats?.keyEncoding, valueEncoding: stats?.valueEncoding }
}

async function withOpen<T>(database: RawDatabase, action: (database: RawDatabase) => Promise<T>): Promise<T> {
  let result: T
  try {
    result = await action(database)
  } catch (error) {
    // The first failure is the one to report.
    await closeQuietly(database)
    throw error
  }
  await database.close()
  return result
}

function reportRecovery({ recovery }: RawDatabase): void {
  if (recovery.droppedBytes === 0) return
  const { droppedBytes, droppedFrom, reason } = recovery
  const what = `${droppedBytes} bytes at the end of the log (from ${droppedFrom} on) were dropped`
  process.stderr.write(`varve: ${sentenceOf(`${what} when the database was opened: ${reason}`)}\n`)
}

export async function closeQuietly(database: { close(): Promise<void> }): Promise<void> {
  await database.close().catch(() => undefined)
}
