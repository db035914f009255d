/**
 * varve for Node.js: an embedded, ordered key-value storage engine.
 *
 * @example
 * import { open } from 'varve'
 * const db = await open('./data', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
 * await db.put('k', 'v')
 * console.log(await db.get('k')) // 'v'
 * await db.close()
 */
import type { Database } from './api/database.ts'
import { openOn, writeOutAll } from './api/open.ts'
import type { KeyEncoding, OpenOptions, ValueEncoding } from './api/types.ts'
import { destroyDatabase } from './engine/destroy.ts'
import { nodeFileSystem } from './fs/node.ts'

export * from './api/exports.ts'

let hooked = false

/**
 * Opens the database in a directory, creating it (the last path component, and the database) if it is not there.
 * @throws VarveError LOCKED, NOT_FOUND, EXISTS, CORRUPT, MISSING_FILE, FORMAT_VERSION, NO_MEMORY, IO, NOT_SUPPORTED; TypeError and RangeError for options
 */
export async function open<KE extends KeyEncoding = 'bytes', VE extends ValueEncoding = 'bytes'>(
  location: string,
  options?: OpenOptions<KE, VE>,
): Promise<Database<KE, VE>> {
  checkLocation(location)
  if (!hooked) {
    hooked = true
    process.on('exit', writeOutAll)
  }
  return openOn(nodeFileSystem(location), options)
}

/**
 * Removes a database with all it holds: every file of its own, and the directory if nothing else is in it. A location where nothing is is fine;
 * a database that cannot be opened, because it is damaged, can be removed.
 * @throws VarveError LOCKED (it is open: nothing is removed), IO; TypeError for the location
 */
export async function destroy(location: string): Promise<void> {
  checkLocation(location)
  await destroyDatabase(nodeFileSystem(location))
}

/** @throws TypeError */
function checkLocation(location: unknown): void {
  if (typeof location !== 'string' || location === '' || location.includes('\0')) {
    throw new TypeError('the location must be the path of a directory')
  }
}
