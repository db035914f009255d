import { isNotFound, VarveError } from '../errors.ts'
import type { FileSystem, OwnerLock } from '../fs/filesystem.ts'
import { parseFileName, provesDatabase } from '../fs/file-names.ts'
import { Kernel } from '../kernel/kernel.ts'
import { applyEdits } from '../version/fold.ts'
import { DatabaseState } from '../version/state.ts'
import { discardUnfinishedSuperblock, SuperblockWriter } from '../version/superblock-writer.ts'
import { readSuperblock } from '../version/superblock.ts'
import { DEFAULT_KEYSPACE_ID, type KeyspaceDefinition } from './engine.ts'
import { randomBytes } from '../bytes.ts'
import { Keeper } from './keeper.ts'
import { DatabaseThread, type EngineOptions } from './thread.ts'
import {
  highestFileId,
  missing,
  readDatabase,
  type RecoveryReport,
  type StoredDatabase,
} from './read-database.ts'
import { replay } from './replay.ts'

/** Names that desktops leave in directories; they do not make a directory somebody else's. */
const JUNK = /^(\.DS_Store|\._.*|Thumbs\.db|desktop\.ini)$/i
/** A manifest that says no more than creation wrote is at most this long (its two first frames, encodings named). */
const FRESH_MANIFEST_BYTES = 320
const EMPTY_JOURNAL_BYTES = 128
const LEFTOVERS_MAX = 4
/** So often the directory may disappear under an open that creates it. */
const MAXIMUM_ATTEMPTS = 10

/** A database that was just opened. */
export interface OpenedDatabase {
  readonly keeper: Keeper
  readonly lock: OwnerLock
  readonly recovery: RecoveryReport
}

/**
 * Opens the database in a directory, or creates it.
 * `definition`: what the default keyspace fixes if it is created now.
 * @throws LOCKED, NOT_FOUND, EXISTS, CORRUPT, MISSING_FILE, FORMAT_VERSION, NO_MEMORY, IO, DISK_FULL
 */
export async function openDatabase(
  fileSystem: FileSystem,
  options: EngineOptions,
  definition: KeyspaceDefinition,
): Promise<OpenedDatabase> {
  const lock = await lockDirectory(fileSystem, options.createIfMissing)
  let kernel: Kernel | undefined
  try {
    kernel = Kernel.create(options.memoryLimit, randomBytes(8))
    return await openLocked(fileSystem, lock, kernel, options, definition)
  } catch (error) {
    kernel?.release()
    await lock.release()
    throw error
  }
}

/** Finds or creates the directory, and takes its lock. @throws LOCKED, NOT_FOUND, … */
async function lockDirectory(fileSystem: FileSystem, create: boolean): Promise<OwnerLock> {
  for (let attempt = 1; ; attempt++) {
    try {
      const isNew = await fileSystem.prepare(create)
      // NOTE: before the lock, which leaves files behind.
      if (!isNew) refuseStrangers(fileSystem, await fileSystem.list(), create)
      return await fileSystem.lock()
    } catch (error) {
      // NOTE: a database that is being destroyed takes its directory along, at its very end: maybe between these two.
      if (!isNotFound(error) || !create || attempt === MAXIMUM_ATTEMPTS) throw error
    }
  }
}

async function openLocked(
  fileSystem: FileSystem,
  lock: OwnerLock,
  kernel: Kernel,
  options: EngineOptions,
  definition: KeyspaceDefinition,
): Promise<OpenedDatabase> {
  const names = await fileSystem.list()
  const found = await readSuperblock(fileSystem, kernel)
  if (found.kind !== 'found') {
    if (!options.createIfMissing) {
      throw noDatabase(fileSystem)
    }
    await clearForCreation(fileSystem, names)
    return create(fileSystem, lock, kernel, options, definition)
  }
  if (options.errorIfExists) {
    throw new VarveError('EXISTS', `A database exists in ${fileSystem.location} already (errorIfExists).`)
  }
  kernel.hashKeysFor(found.superblock.databaseId)
  const stored = await readDatabase(fileSystem, kernel, names, found, options.recovery)
  let superblock: SuperblockWriter | undefined
  let keeper: Keeper | undefined
  try {
    superblock = await SuperblockWriter.open(fileSystem, kernel, found)
    kernel.exports.raiseNextSeqno(stored.nextSeqno)
    kernel.exports.publishSeqno(stored.nextSeqno)
    keeper = Keeper.open(new DatabaseThread(kernel, fileSystem, options), stored, superblock)
    recover(keeper, stored)
    return { keeper, lock, recovery: stored.recovery }
  } catch (error) {
    if (keeper !== undefined) keeper.close()
    else {
      superblock?.close()
      for (const table of stored.tables.values()) table.file.close()
    }
    throw error
  } finally {
    for (const journal of stored.journals) journal.file.close()
  }
}

/** Brings back what only the journals hold. After an unclean end that begins the epoch; after a clean one it writes nothing. */
function recover(keeper: Keeper, stored: StoredDatabase): void {
  keeper.replaying = true
  if (!stored.clean) keeper.beginEpoch()
  replay(keeper, stored.journals)
  keeper.replaying = false
  if (!keeper.catalog.begun) return
  keeper.journals.removeObsolete()
  // CRASH: each open after an unclean end leaves a journal; a program that is always killed, and soon, must not leave as many.
  if (keeper.journals.overcrowded) keeper.journals.thinOut()
}

/** @throws EXISTS, or NOT_FOUND if nothing is to be created, in a directory that holds files but none of a database */
function refuseStrangers(fileSystem: FileSystem, names: readonly string[], create: boolean): void {
  if (names.some(provesDatabase)) return
  const stranger = names.find((name) => !JUNK.test(name))
  if (stranger !== undefined) throw create ? strangers(fileSystem, stranger) : noDatabase(fileSystem)
}

function strangers({ location }: FileSystem, name: string): VarveError {
  const message = `${location} holds files that are not a database's (${name}); choose an empty or new directory.`
  return new VarveError('EXISTS', message, { file: name })
}

function noDatabase({ location }: FileSystem): VarveError {
  return new VarveError(
    'NOT_FOUND',
    `A database does not exist in ${location}, and createIfMissing is false.`,
  )
}

/** @throws EXISTS in a directory of strangers, MISSING_FILE where there was a database */
async function clearForCreation(fileSystem: FileSystem, names: readonly string[]): Promise<void> {
  const stranger = names.find((name) => parseFileName(name) === undefined && !JUNK.test(name))
  if (stranger !== undefined) throw strangers(fileSystem, stranger)
  const leftovers = await leftoversOfCreation(fileSystem, names)
  if (leftovers === undefined) throw missing('superblock-a')
  await discardUnfinishedSuperblock(fileSystem)
  for (const name of leftovers) await fileSystem.remove(name)
}

/**
 * What a creation left that was cut off; undefined: more than that, so there was a database.
 * CRASH: before the superblock that is one manifest and one empty journal, for each time it was tried.
 */
export async function leftoversOfCreation(
  fileSystem: FileSystem,
  names: readonly string[],
): Promise<string[] | undefined> {
  const leftovers: string[] = []
  for (const name of names) {
    const file = parseFileName(name)
    if (file === undefined || !('id' in file)) continue
    const limit =
      file.kind === 'manifest' ? FRESH_MANIFEST_BYTES : file.kind === 'journal' ? EMPTY_JOURNAL_BYTES : -1
    if ((await sizeOf(fileSystem, name)) > limit) return undefined
    leftovers.push(name)
  }
  return leftovers.length > LEFTOVERS_MAX ? undefined : leftovers
}

async function sizeOf(fileSystem: FileSystem, name: string): Promise<number> {
  const file = await fileSystem.open(name, false)
  try {
    return file.size()
  } finally {
    file.close()
  }
}

/** A new database: manifest and journal first, the superblock last. */
async function create(
  fileSystem: FileSystem,
  lock: OwnerLock,
  kernel: Kernel,
  options: EngineOptions,
  definition: KeyspaceDefinition,
): Promise<OpenedDatabase> {
  const state = new DatabaseState()
  const problem = applyEdits(state, [
    { type: 'counters', nextFileId: 1, nextKeyspaceId: DEFAULT_KEYSPACE_ID + 1, nextSeqno: 1 },
    { type: 'keyspaceCreated', id: DEFAULT_KEYSPACE_ID, name: '', ...definition },
  ])
  if (problem !== undefined) throw new Error(`creation: ${problem}`)
  const databaseId = randomBytes(16)
  kernel.hashKeysFor(databaseId)
  const stored: StoredDatabase = {
    databaseId,
    epoch: 0,
    manifestId: 0,
    state,
    tables: new Map(),
    journals: [],
    tail: undefined,
    logNextSeqno: undefined,
    nextSeqno: 1,
    nextFileId: highestFileId(await fileSystem.list()) + 1,
    orphans: [],
    clean: true,
    recovery: { droppedBytes: 0, droppedFrom: '', reason: '', isNew: true },
  }
  const thread = new DatabaseThread(kernel, fileSystem, options)
  const keeper = Keeper.open(thread, stored, undefined)
  try {
    keeper.beginEpoch()
    await keeper.catalog.createSuperblock(fileSystem)
    return { keeper, lock, recovery: stored.recovery }
  } catch (error) {
    keeper.close()
    throw error
  }
}
