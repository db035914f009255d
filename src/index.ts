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
import { attachOn } from './api/attach.ts'
import { writeOutAll } from './api/open-engines.ts'
import { openOn, type Background } from './api/open.ts'
import type { SharedDatabase } from './api/share.ts'
import type { AttachOptions, CreateWorker, KeyEncoding, OpenOptions, ValueEncoding } from './api/types.ts'
import { destroyDatabase } from './engine/destroy.ts'
import { nodeFileSystem } from './fs/node.ts'
import { MovingKeeper } from './workers/moving-keeper.ts'
import { nodePorts, nodeThreads } from './workers/node-threads.ts'
import type { ThreadHost } from './workers/thread-host.ts'
import { ThreadPool } from './workers/thread-pool.ts'

export * from './api/exports.ts'

let hooked = false
/** Background threads, by what starts them. */
const backgrounds = new Map<CreateWorker | undefined, { host: ThreadHost; pool: ThreadPool }>()

const background: Background = (keeper, createWorker, threads) => {
  let found = backgrounds.get(createWorker)
  if (found === undefined) {
    const host = nodeThreads(createWorker)
    found = { host, pool: new ThreadPool(host) }
    backgrounds.set(createWorker, found)
  }
  return new MovingKeeper(keeper, found.host, found.pool, threads)
}

/**
 * Opens the database in a directory, creating it (the last path component, and the database) if it is not there.
 * @throws VarveError LOCKED, NOT_FOUND, EXISTS, CORRUPT, MISSING_FILE, FORMAT_VERSION, NO_MEMORY, IO; TypeError and RangeError for options
 */
export async function open<KE extends KeyEncoding = 'bytes', VE extends ValueEncoding = 'bytes'>(
  location: string,
  options?: OpenOptions<KE, VE>,
): Promise<Database<KE, VE>> {
  checkLocation(location)
  hookExit()
  return openOn(nodeFileSystem(location), options, background)
}

/**
 * The database of another thread of this process, by the handle that its `share()` returned. Close it when done; that of the other thread stays open. When that one
 * is closed, this is, too.
 * @example
 * import { attach } from 'varve'
 * import { workerData } from 'node:worker_threads'
 * const db = attach(workerData)
 * @throws VarveError CLOSED, NO_MEMORY; TypeError
 */
export function attach<KE extends KeyEncoding = 'bytes', VE extends ValueEncoding = 'bytes'>(
  handle: SharedDatabase,
  options?: AttachOptions<KE, VE>,
): Database<KE, VE> {
  hookExit()
  return attachOn(handle, options, nodePorts, (directory) => nodeFileSystem(directory as string))
}

/**
 * Removes the database in a directory for good, even one that `open` refuses, and the directory if nothing else is in it. Files
 * that are not the database's stay. Does nothing if there is no such directory or no database in it. One that was cut off can
 * be called again.
 * @throws VarveError LOCKED while the database is open anywhere, NOT_SUPPORTED, IO; TypeError
 */
export async function destroy(location: string): Promise<void> {
  checkLocation(location)
  await destroyDatabase(nodeFileSystem(location))
}

function hookExit(): void {
  if (hooked) return
  hooked = true
  process.on('exit', writeOutAll)
}

function checkLocation(location: unknown): void {
  if (typeof location !== 'string' || location === '' || location.includes('\0')) {
    throw new TypeError('the location must be the path of a directory')
  }
}
