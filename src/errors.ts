/**
 * What can go wrong. Every error the engine reports is a `VarveError` with one of these codes; a wrong
 * argument is a `TypeError` or `RangeError` that names it.
 */
export type VarveErrorCode =
  | 'LOCKED'
  | 'CLOSED'
  | 'CORRUPT'
  | 'MISSING_FILE'
  | 'FORMAT_VERSION'
  | 'POISONED'
  | 'DISK_FULL'
  | 'IO'
  | 'NO_MEMORY'
  | 'WRITE_STALLED'
  | 'CONFLICT'
  | 'ABORTED'
  | 'READ_ONLY'
  | 'EXISTS'
  | 'NOT_FOUND'
  | 'STALE_SLICE'
  | 'NOT_SUPPORTED'
  | 'LOCK_TIMEOUT'

const BRAND = Symbol.for('varve.error')

export interface VarveErrorDetails {
  /** The error that caused this one. */
  cause?: unknown
  /** Name of the file concerned, relative to the database directory. */
  file?: string
  /** Byte offset in that file. */
  offset?: number
}

/**
 * An error of the engine: a code to act on, and one sentence that says what happened and what to do.
 * Messages carry no keys and no values.
 *
 * @example
 * try { await open('./data') } catch (error) {
 *   if (error instanceof VarveError && error.code === 'LOCKED') console.error('already open elsewhere')
 * }
 */
export class VarveError extends Error {
  override readonly name: string = 'VarveError'
  readonly code: VarveErrorCode
  readonly file: string | undefined
  readonly offset: number | undefined

  constructor(code: VarveErrorCode, message: string, details: VarveErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    this.file = details.file
    this.offset = details.offset
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** NOTE: by what it is, not by where its class is from: the script that a page loads the engine from has a class of its own. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

/** Damage in a file: names the file and the offset where it was noticed. */
export function corrupt(file: string, offset: number, what: string): VarveError {
  return new VarveError(
    'CORRUPT',
    `${file} is damaged at offset ${offset}: ${what}. Nothing was changed; restore the file from a backup.`,
    { file, offset },
  )
}

/** A read gave fewer bytes than the file has: it was cut while it was read, or the host is not telling the truth. */
export function becameShorter(file: string, offset: number): VarveError {
  return new VarveError('IO', `${file} became shorter while it was read.`, { file, offset })
}

/** Whether something was not there, as opposed to any other failure. */
export function isNotFound(error: unknown): boolean {
  return error instanceof VarveError && error.code === 'NOT_FOUND'
}
