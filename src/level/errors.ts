import { VarveError, type VarveErrorCode } from '../errors.ts'

/** What users of abstract-level know the engine's errors by. Those of classic-level are the same where it has one. */
const LEVEL_CODES: Readonly<Record<VarveErrorCode, string>> = {
  LOCKED: 'LEVEL_LOCKED',
  CLOSED: 'LEVEL_DATABASE_NOT_OPEN',
  CORRUPT: 'LEVEL_CORRUPTION',
  MISSING_FILE: 'LEVEL_CORRUPTION',
  FORMAT_VERSION: 'LEVEL_CORRUPTION',
  POISONED: 'LEVEL_IO_ERROR',
  DISK_FULL: 'LEVEL_IO_ERROR',
  IO: 'LEVEL_IO_ERROR',
  NO_MEMORY: 'LEVEL_NO_MEMORY',
  WRITE_STALLED: 'LEVEL_WRITE_STALLED',
  CONFLICT: 'LEVEL_CONFLICT',
  ABORTED: 'LEVEL_ABORTED',
  READ_ONLY: 'LEVEL_READONLY',
  EXISTS: 'LEVEL_DATABASE_EXISTS',
  NOT_FOUND: 'LEVEL_DATABASE_NOT_FOUND',
  STALE_SLICE: 'LEVEL_STALE_SLICE',
  NOT_SUPPORTED: 'LEVEL_NOT_SUPPORTED',
  LOCK_TIMEOUT: 'LEVEL_LOCKED',
}

/** An error as abstract-level's users expect it: `code` is one of theirs, `cause` the engine's. */
export class LevelError extends Error {
  override readonly name: string
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = code === 'LEVEL_ABORTED' ? 'AbortError' : 'LevelError'
  }
}

/** The error to throw for one of the engine; wrong arguments (TypeError, RangeError) stay what they are. */
export function levelError(error: unknown): unknown {
  if (!(error instanceof VarveError)) return error
  return new LevelError(LEVEL_CODES[error.code], error.message, { cause: error })
}

/** The result of a step on the engine. @throws LevelError */
export function translated<T>(step: () => T): T {
  try {
    return step()
  } catch (error) {
    throw levelError(error)
  }
}

/** The same for one that may end later. */
export function translatedSoon<T>(step: () => T | Promise<T>): T | Promise<T> {
  const result = translated(step)
  if (!(result instanceof Promise)) return result
  return result.catch((error: unknown) => {
    throw levelError(error)
  })
}

export function notOpen(method: string): LevelError {
  return new LevelError('LEVEL_DATABASE_NOT_OPEN', `Database is not open: cannot call ${method}()`)
}
