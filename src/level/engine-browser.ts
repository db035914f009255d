/** The engine as the adapter needs it, in browsers; see engine.ts. */
import { pathOf } from '../fs/opfs-path.ts'
import type { Format } from './formats.ts'

export { destroy, open } from '../browser.ts'

export const FORMATS: readonly Format[] = ['utf8', 'view']

/** In workers. A page asks its worker for everything. */
export function isSynchronous(): boolean {
  return typeof document === 'undefined'
}

export async function createParents(location: string): Promise<void> {
  let directory = await navigator.storage.getDirectory()
  for (const name of pathOf(location).slice(0, -1))
    directory = await directory.getDirectoryHandle(name, { create: true })
}
