/** Errors of a Node host, told as a code and a sentence. */
import { VarveError } from '../errors.ts'
import type { VarveErrorDetails } from '../errors.ts'

const noSpace = 'no space is left; free some and try again'
const noPermission = 'permission is denied; check the owner and the mode of the file and its directory'
const noDescriptors = 'too many files are open; raise the limit (ulimit -n)'
/** What a person can do about a host error. */
const advice: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', noSpace],
  ['EDQUOT', noSpace],
  ['EFBIG', 'the file size limit is reached; raise it (ulimit -f) and try again'],
  ['EMFILE', noDescriptors],
  ['ENFILE', noDescriptors],
  ['EACCES', noPermission],
  ['EPERM', noPermission],
  ['EROFS', 'the file system is read-only; mount it writable'],
  ['EIO', 'the device reported an error; check the disk and the system log'],
])

/** The host's code (`ENOENT`, ...) of what was thrown. */
export function hostErrorCode(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'unknown error'
}

/**
 * The error for what the runtime itself forbids, whatever the operating system would allow: Deno without the flags it
 * takes (NotCapable, which has no code), Node.js with --permission (ERR_ACCESS_DENIED). Only the runtime's own words
 * say which permission is missing.
 */
export function refusedByRuntime(
  error: unknown,
  action: string,
  details: VarveErrorDetails = {},
): VarveError | undefined {
  if (!(error instanceof Error)) return undefined
  if (error.name !== 'NotCapable' && hostErrorCode(error) !== 'ERR_ACCESS_DENIED') return undefined
  const reason = error.message.replace(/\.$/, '')
  const message = `Cannot ${action}: the runtime does not permit it (${reason}).`
  return new VarveError('NOT_SUPPORTED', message, { ...details, cause: error })
}

export function hostFailure(
  error: unknown,
  action: string,
  what: string,
  details: VarveErrorDetails,
): VarveError {
  const refusal = refusedByRuntime(error, `${action} ${what}`, details)
  if (refusal !== undefined) return refusal
  const code = hostErrorCode(error)
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
  const message = `Cannot ${action} ${what}: ${advice.get(code) ?? 'check the file and its directory'} (${code}).`
  return new VarveError(full ? 'DISK_FULL' : 'IO', message, details)
}
