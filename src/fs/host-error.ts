/** The host's code (`ENOENT`, ...) of what was thrown. */
export function hostErrorCode(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'unknown error'
}
