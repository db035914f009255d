/** The engine as the adapter needs it, in browsers; see engine.ts. */
import type { Format } from './formats.ts'

export { destroy, open } from '../browser.ts'

export const FORMATS: readonly Format[] = ['utf8', 'view']

/** In workers. A page asks its worker for everything. */
export function isSynchronous(): boolean {
  return typeof document === 'undefined'
}

export async function createParents(location: string): Promise<void> {
  let directory = await navigator.storage.getDirectory()
  const path = location.split('/').filter((name) => name !== '' && name !== '.')
  // NOTE: what is no path, `open` refuses.
  for (const name of path.slice(0, -1)) directory = await directory.getDirectoryHandle(name, { create: true })
}
