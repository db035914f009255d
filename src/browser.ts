/**
 * varve in a browser: databases in the origin private file system. In a page the engine runs in a worker, and the asynchronous calls are messages to it; several tabs share one database.
 * In a dedicated worker it runs right there, and the `Sync` twins work, too.
 *
 * @example
 * import { open } from 'varve'
 * const db = await open('data', { keyEncoding: 'utf8', valueEncoding: 'json' })
 * await db.put('k', { n: 1 })
 */
import type { Database } from './api/database.ts'
import type { KeyEncoding, OpenOptions, ValueEncoding } from './api/types.ts'
import { VarveError } from './errors.ts'
import { loadEngine } from './page/engine-script.ts'
import { destroyOnPage, exportOnPage, importOnPage } from './page/errand.ts'
import { openOnPage } from './page/open.ts'

export type * from './api/exports.ts'
export { VarveError, type VarveErrorCode } from './errors.ts'
export { estimateStorage, requestPersistentStorage, type StorageEstimate } from './page/storage.ts'

/**
 * Opens the database in a directory of this site's storage, creating it (the last path component, and the database) if it is not there. In a page, what the engine does at once (`Sync` twins,
 * slices, `share`) says NOT_SUPPORTED, and `stats()` and `keyspaces()` are as of the last answer.
 * @throws VarveError NOT_SUPPORTED where files cannot be read and written synchronously (never silently another store), LOCKED, NOT_FOUND, EXISTS, CORRUPT, MISSING_FILE,
 * FORMAT_VERSION, NO_MEMORY, DISK_FULL, IO; TypeError and RangeError for options
 */
export async function open<KE extends KeyEncoding = 'bytes', VE extends ValueEncoding = 'bytes'>(
  location: string,
  options?: OpenOptions<KE, VE>,
): Promise<Database<KE, VE>> {
  const checked = checkedLocation(location)
  if (isWorker()) return (await loadEngine()).open(checked, options)
  assertStorage()
  // NOTE: it has all of it but what runs at once, and says so there.
  return (await openOnPage(checked, options)) as unknown as Database<KE, VE>
}

/**
 * Removes the database in a directory for good, even one that `open` refuses, and the directory if nothing else is in it. Does nothing
 * if there is no such directory or no database in it. One that was cut off can be called again.
 * @throws VarveError LOCKED while the database is open anywhere, NOT_SUPPORTED, IO; TypeError
 */
export async function destroy(location: string): Promise<void> {
  const checked = checkedLocation(location)
  if (isWorker()) return (await loadEngine()).destroy(checked)
  assertStorage()
  return destroyOnPage(checked)
}

/**
 * The files of a database that nobody has open as one tar file, which unpacks to the very directory that Node.js opens. The database is locked until the stream has ended or was cancelled.
 * @example
 * const file = await (await root.getFileHandle('backup.tar', { create: true })).createWritable()
 * await (await exportDatabase('data')).pipeTo(file)
 * @throws VarveError NOT_FOUND, LOCKED, NOT_SUPPORTED, IO; TypeError
 */
export async function exportDatabase(location: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const checked = checkedLocation(location)
  if (isWorker()) return (await loadEngine()).exportDatabase(checked)
  assertStorage()
  return exportOnPage(checked)
}

/**
 * Makes a database of what `exportDatabase` wrote, or of a tar file of a database's directory of Node.js.
 * @throws VarveError EXISTS if there is a database, CORRUPT for what is no export (nothing is left of it), LOCKED, NOT_SUPPORTED, DISK_FULL, IO; TypeError
 */
export async function importDatabase(location: string, stream: ReadableStream<Uint8Array>): Promise<void> {
  const checked = checkedLocation(location)
  if (!(stream instanceof ReadableStream)) throw new TypeError('what is imported must be a ReadableStream')
  if (isWorker()) return (await loadEngine()).importDatabase(checked, stream)
  assertStorage()
  return importOnPage(checked, stream)
}

/** Whether files can be read and written synchronously here, if anywhere. */
function isWorker(): boolean {
  return typeof DedicatedWorkerGlobalScope !== 'undefined' && globalThis instanceof DedicatedWorkerGlobalScope
}

/** @throws NOT_SUPPORTED */
function assertStorage(): void {
  const { storage, locks }: Partial<Navigator> = typeof navigator === 'undefined' ? {} : navigator
  const why =
    storage?.getDirectory === undefined
      ? 'this browser or page has no origin private file system (pages need a secure context)'
      : locks === undefined
        ? 'this browser has no Web Locks'
        : undefined
  if (why !== undefined) throw new VarveError('NOT_SUPPORTED', `varve stores nothing here: ${why}.`)
}

function checkedLocation(location: unknown): string {
  if (typeof location !== 'string' || location === '' || location.includes('\0'))
    throw new TypeError('the location must be the path of a directory')
  return location
}
