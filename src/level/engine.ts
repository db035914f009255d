/** The engine as the adapter needs it, in Node.js. In browsers engine-browser.ts takes the place of this file. */
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Format } from './formats.ts'

export { destroy, open } from '../index.ts'

/** How keys and values may be handed over without being turned into something else first. */
export const FORMATS: readonly Format[] = ['buffer', 'utf8', 'view']

/** Whether reads can be synchronous. */
export function isSynchronous(): boolean {
  return true
}

/** Makes the directories that lead to a database. NOTE: the engine creates the last component only; LevelDB's users are used to more. */
export async function createParents(location: string): Promise<void> {
  await mkdir(dirname(resolve(location)), { recursive: true })
}
