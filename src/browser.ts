/**
 * varve in a browser: databases in the origin private file system. For now in dedicated workers, whose files can be read and written synchronously.
 *
 * @example
 * import { open } from 'varve' // in a worker
 * const db = await open('data', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
 * db.putSync('k', 'v')
 */
import type { Database } from './api/database.ts'
import { openOn } from './api/open.ts'
import type { KeyEncoding, OpenOptions, ValueEncoding } from './api/types.ts'
import { destroyDatabase } from './engine/destroy.ts'
import { VarveError } from './errors.ts'
import { opfsFileSystem, type OpfsHost } from './fs/opfs.ts'

export * from './api/exports.ts'

/**
 * Opens the database in a directory of this site's storage, creating it (the last path component, and the database) if it is not there.
 * @throws VarveError NOT_SUPPORTED where files cannot be read and written synchronously (never silently another store), LOCKED, NOT_FOUND, EXISTS, CORRUPT, MISSING_FILE,
 * FORMAT_VERSION, NO_MEMORY, DISK_FULL, IO; TypeError and RangeError for options
 */
export async function open<KE extends KeyEncoding = 'bytes', VE extends ValueEncoding = 'bytes'>(
  location: string,
  options?: OpenOptions<KE, VE>,
): Promise<Database<KE, VE>> {
  return openOn(opfsFileSystem(checkedLocation(location), storage()), options)
}

/**
 * Removes the database in a directory for good, even one that `open` refuses, and the directory if nothing else is in it. Does nothing
 * if there is no such directory or no database in it. One that was cut off can be called again.
 * @throws VarveError LOCKED while the database is open anywhere, NOT_SUPPORTED, IO; TypeError
 */
export async function destroy(location: string): Promise<void> {
  await destroyDatabase(opfsFileSystem(checkedLocation(location), storage()))
}

/** @throws NOT_SUPPORTED */
function storage(): OpfsHost {
  const { storage: manager, locks }: Partial<Navigator> = typeof navigator === 'undefined' ? {} : navigator
  const why =
    manager?.getDirectory === undefined
      ? 'this browser or page has no origin private file system (pages need a secure context)'
      : typeof FileSystemFileHandle.prototype.createSyncAccessHandle !== 'function'
        ? 'files can be read and written synchronously in dedicated workers only; open the database in one'
        : undefined
  if (why !== undefined || manager === undefined)
    throw new VarveError('NOT_SUPPORTED', `varve stores nothing here: ${why}.`)
  return { root: () => manager.getDirectory(), locks }
}

function checkedLocation(location: unknown): string {
  if (typeof location !== 'string' || location === '' || location.includes('\0'))
    throw new TypeError('the location must be the path of a directory')
  return location
}
