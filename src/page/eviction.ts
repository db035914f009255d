/**
 * Whether a database was there before. NOTE: a browser that is short of space removes files and databases of a site, but not these notes (Chromium), or all at once (Firefox), and then
 * nobody can tell.
 */

export function noteDatabase(path: string): void {
  notes((storage) => storage.setItem(nameOf(path), 'was here'))
}

export function forgetDatabase(path: string): void {
  notes((storage) => storage.removeItem(nameOf(path)))
}

export function wasNoted(path: string): boolean {
  return notes((storage) => storage.getItem(nameOf(path)) !== null) ?? false
}

function nameOf(path: string): string {
  return `varve:${path}`
}

/** What a step with the page's notes returns; undefined where there are none, or the user forbids them. */
function notes<T>(step: (storage: Storage) => T): T | undefined {
  try {
    return step(localStorage)
  } catch {
    return undefined
  }
}
