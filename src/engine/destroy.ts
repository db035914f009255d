import { isNotFound } from '../errors.ts'
import { parseFileName, provesDatabase } from '../fs/file-names.ts'
import type { FileSystem } from '../fs/filesystem.ts'

/**
 * Removes the database in a directory, whatever state it is in, and the directory if nothing else is in it. Without
 * one there is nothing to do.
 *
 * CRASH: the superblocks go first, durably; whatever of the rest a cut leaves then is no database. Cut off before,
 * one copy may be left: open refuses that (MISSING_FILE). Cut off after, open refuses the remains (MISSING_FILE), or
 * takes them for a creation that was cut off, and creates a new database. Both can be destroyed again.
 * @throws LOCKED, IO; after IO what is left can be destroyed again
 */
export async function destroyDatabase(fileSystem: FileSystem): Promise<void> {
  try {
    await fileSystem.prepare(false)
    const names = await fileSystem.list()
    // NOTE: before the lock is taken, which writes to the directory.
    if (names.length > 0 && !names.some(provesDatabase)) return
    if (names.length > 0) await destroyFiles(fileSystem)
  } catch (error) {
    // Another one that destroyed it was faster.
    if (isNotFound(error)) return
    throw error
  }
  await fileSystem.removeDirectory()
}

async function destroyFiles(fileSystem: FileSystem): Promise<void> {
  const lock = await fileSystem.lock()
  try {
    const superblocks: string[] = []
    const others: string[] = []
    for (const name of await fileSystem.list()) {
      const file = parseFileName(name)
      if (file?.kind === 'superblock') superblocks.push(name)
      else if (file !== undefined && 'id' in file) others.push(name)
    }
    for (const name of superblocks) await removeIfPresent(fileSystem, name)
    // ORDER: before anything else goes, even if no superblock was there: one that was killed here may have removed them.
    await fileSystem.syncDirectory()
    for (const name of others) await removeIfPresent(fileSystem, name)
    // CRASH: once this function returns no file may come back, because open would refuse it.
    await fileSystem.syncDirectory()
    await lock.destroy()
  } finally {
    await lock.release()
  }
}

async function removeIfPresent(fileSystem: FileSystem, name: string): Promise<void> {
  try {
    await fileSystem.remove(name)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
