import type { Database, Snapshot } from '../index.ts'
import { boundsOf, type Range } from './bounds.ts'

/** Ranges of more entries are dropped as a whole, which writes the tables at their edges again. */
const BY_KEY_ENTRIES = 10_000
const BATCH_ENTRIES = 1000
const BATCH_BYTES = 1_048_576

/**
 * Removes the entries of a range that are there at the moment of the call, or that `snapshot` sees: all of them, or `range.limit` from its
 * beginning (with `reverse`: from its end).
 */
export async function clearRange(
  db: Database<'bytes', 'bytes'>,
  range: Range,
  snapshot: Snapshot<'bytes', 'bytes'> | undefined,
): Promise<void> {
  const bounds = boundsOf(range)
  // NOTE: what was written before the call is removed too, so it must be visible.
  const now = db.snapshot()
  try {
    const isWhole = range.limit === -1 && snapshot === undefined
    // NOTE: in the turn of the call: what is written after it stays.
    if (isWhole && db.countSync({ ...bounds, limit: BY_KEY_ENTRIES + 1 }) > BY_KEY_ENTRIES) {
      return db.dropRangeSync(bounds)
    }
    const keys = db.keysSync({
      ...bounds,
      reverse: range.reverse,
      limit: range.limit,
      snapshot: snapshot ?? now,
    })
    try {
      for (let isEnd = false; !isEnd;) {
        const batch = db.batch()
        while (!isEnd && batch.length < BATCH_ENTRIES && batch.sizeBytes < BATCH_BYTES) {
          const key = keys.next()
          if (key.done === true) isEnd = true
          else batch.delete(key.value)
        }
        if (batch.length > 0) await batch.commit()
      }
    } finally {
      keys.return()
    }
  } finally {
    now.close()
  }
}
