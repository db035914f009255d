/** The engine on the storage of a browser's site: runs in dedicated workers, whose files can be read and written synchronously. The script of workers is made of this. */
import type { Database } from '../api/database.ts'
import { MemoryReads, type SharedReads } from '../api/memory-reads.ts'
import { openOn } from '../api/open.ts'
import { exportDatabase as exportFiles } from '../archive/export.ts'
import { importDatabase as importFiles } from '../archive/import.ts'
import type { KeyEncoding, OpenOptions, ValueEncoding } from '../api/types.ts'
import { destroyDatabase } from '../engine/destroy.ts'
import { VarveError } from '../errors.ts'
import { opfsFileSystem, type OpfsHost } from '../fs/opfs.ts'
import { Host, type WorkerScope } from './host.ts'
import type { Page, RangeMode } from './messages.ts'
import { ServedRange, type WireView } from './served-range.ts'
import { warm } from './warm.ts'

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

/** Its files as a tar file; see `exportDatabase` of the browser's entry. */
export function exportDatabase(
  location: string,
  ended?: () => void,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  return exportFiles(opfsFileSystem(checkedLocation(location), storage()), ended)
}

export function importDatabase(location: string, stream: ReadableStream<Uint8Array>): Promise<void> {
  return importFiles(opfsFileSystem(checkedLocation(location), storage()), stream)
}

/** The reads of a page that shares its worker's memory. @throws NO_MEMORY, CLOSED */
export function readMemory(shared: SharedReads, onReadEnded: () => void): MemoryReads {
  return new MemoryReads(shared, onReadEnded)
}

/** All of a range that is no longer than a piece; undefined: it is longer. @throws whatever its reads throw */
export function shortRange(view: WireView, mode: RangeMode, range: object): Page | undefined {
  const served = new ServedRange(view, mode, range)
  try {
    const page = served.next([])
    return page.isLast ? page : undefined
  } finally {
    served.end()
  }
}

/** Has this thread help at the other end of a port. */
export { helpOver as help } from '../api/helper.ts'

/** Serves the page that started this worker. */
export function serve(scope: WorkerScope): void {
  new Host(scope, { warm: warmFor, open, destroy, exportDatabase, importDatabase })
}

function warmFor(location: string, memoryLimit: number | undefined, signal: AbortSignal): Promise<void> {
  return warm(opfsFileSystem(checkedLocation(location), storage()), memoryLimit, signal)
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
