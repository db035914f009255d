/** Where entries can lie when they are read: every conformance test runs over all of these. */
import { memoryFileSystem } from '../../src/fs/memory.ts'
import type { FileSystem } from '../../src/fs/filesystem.ts'
import { openText, type TextDatabase } from '../api/support.ts'

/** [key, value], or [key] to delete it. */
export type Step = readonly [key: string, value?: string]

export const PLACES = [
  'in the memtable',
  'in one table',
  'half in a table, half in the memtable',
  'in overlapping tables',
  'in the journal of a closed database',
  'in tables of a reopened database',
] as const
export type Place = (typeof PLACES)[number]

/** A database in which the steps were taken, in order, and which keeps them in that place. */
export async function placed(place: Place, steps: readonly Step[]): Promise<TextDatabase> {
  const files: FileSystem = memoryFileSystem()
  let db = await openText(files)
  const quarter = Math.max(1, Math.ceil(steps.length / 4))
  steps.forEach((step, i) => {
    const [key, value] = step
    if (value === undefined) db.deleteSync(key)
    else db.putSync(key, value)
    const done = i + 1
    if (place === 'half in a table, half in the memtable' && done === 2 * quarter) db.flushSync()
    if (place === 'in overlapping tables' && done % quarter === 0) db.flushSync()
  })
  if (place === 'in one table' || place.includes('tables')) db.flushSync()
  if (place.includes('closed') || place.includes('reopened')) {
    await db.close()
    db = await openText(files)
  }
  return db
}

/** What the steps leave, sorted. */
export function left(steps: readonly Step[]): [string, string][] {
  const entries = new Map<string, string>()
  for (const [key, value] of steps) {
    if (value === undefined) entries.delete(key)
    else entries.set(key, value)
  }
  return [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}
