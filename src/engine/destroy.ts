import { VarveError } from '../errors.ts'
import type { FileSystem } from '../fs/filesystem.ts'
import { parseFileName, provesDatabase } from '../fs/file-names.ts'

/**
 * Removes the files of a database, and its directory if nothing else is in it. Whatever is damaged or missing does not matter; files that are
 * not a database's stay.
 *
 * CRASH: the superblocks go first, durably. Before that the next open finds everything; after it, tables and journals without a superblock, which
 * it refuses (MISSING_FILE), or no more than an unfinished creation leaves. Calling it again does the rest.
 *
 * @throws LOCKED, IO
 */
export async function destroyDatabase(fileSystem: FileSystem): Promise<void> {
  try {
    await fileSystem.prepare(false)
  } catch (error) {
    if (error instanceof VarveError && error.code === 'NOT_FOUND') return
    throw error
  }
  const found = await fileSystem.list()
  // NOTE: the lock leaves a file, which a directory of strangers does not get.
  if (!found.some(provesDatabase)) return
  const lock = await fileSystem.lock()
  try {
    const files = (await fileSystem.list()).map((name) => ({ name, kind: parseFileName(name)?.kind }))
    for (const { name, kind } of files) if (kind === 'superblock') await fileSystem.remove(name)
    await fileSystem.syncDirectory()
    for (const { name, kind } of files) {
      if (kind !== undefined && !STAYING_KINDS.includes(kind)) await fileSystem.remove(name)
    }
    await fileSystem.syncDirectory()
  } catch (error) {
    await lock.release()
    throw error
  }
  await lock.releaseAndRemoveDirectory()
}

/** Gone already, or the lock's own. */
const STAYING_KINDS: readonly string[] = ['superblock', 'lock', 'owner']
