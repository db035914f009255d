/** Errors of a browser's storage, told as a code and a sentence. */
import { VarveError, type VarveErrorDetails } from '../errors.ts'

/** The host's name of what was thrown: `QuotaExceededError`, … */
export function domErrorName(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : 'unknown error'
}

const advice: ReadonlyMap<string, string> = new Map([
  ['QuotaExceededError', 'the quota of this site is used up; delete something and try again'],
  ['NoModificationAllowedError', 'another tab or worker has it open'],
  ['NotFoundError', 'the browser has removed it'],
  ['InvalidStateError', 'the browser has closed it'],
  ['NotAllowedError', 'the browser does not allow this page to store anything'],
  ['SecurityError', 'the browser does not allow this page to store anything'],
])

export function storageFailure(
  error: unknown,
  action: string,
  what: string,
  details: VarveErrorDetails = {},
): VarveError {
  const name = domErrorName(error)
  const code =
    name === 'QuotaExceededError' ? 'DISK_FULL' : name === 'NoModificationAllowedError' ? 'LOCKED' : 'IO'
  const message = `Cannot ${action} ${what}: ${advice.get(name) ?? 'the browser failed'} (${name}).`
  return new VarveError(code, message, { ...details, cause: error })
}

/** What a step returns. @throws storageFailure of what it throws */
export function attempt<T>(action: string, what: string, file: string, step: () => T): T {
  try {
    return step()
  } catch (error) {
    throw storageFailure(error, action, what, { file })
  }
}

/** Whether the browser has no such file or directory. */
export function isMissing(error: unknown): boolean {
  return domErrorName(error) === 'NotFoundError'
}
