/** varve in a browser. The kernel and the API load; storage on OPFS is not there yet. */
import type { Database } from './api/database.ts'
import type { KeyEncoding, OpenOptions, ValueEncoding } from './api/types.ts'
import { VarveError } from './errors.ts'

export * from './api/exports.ts'

/** @throws NOT_SUPPORTED: never silently another store */
export function open<KE extends KeyEncoding = 'bytes', VE extends ValueEncoding = 'bytes'>(
  _location: string,
  _options?: OpenOptions<KE, VE>,
): Promise<Database<KE, VE>> {
  return Promise.reject(notSupported())
}

/** @throws NOT_SUPPORTED: there is nothing to destroy */
export function destroy(_location: string): Promise<void> {
  return Promise.reject(notSupported())
}

function notSupported(): VarveError {
  const message = 'This version of varve stores data in Node.js only; in a browser nothing is stored.'
  return new VarveError('NOT_SUPPORTED', message)
}
