import type { Database, Snapshot } from '../index.ts'
import { boundsOf, type Range } from './bounds.ts'
import { isSynchronous } from './engine.ts'

/** Ranges of about more entries are dropped as a whole, which writes the tables at their edges again. */
const BY_KEY_ENTRIES = 250_000
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
  const isWhole = range.limit === -1 && snapshot === undefined
  if (isWhole && Object.keys(bounds).length === 0) return db.clear()
  if (!isSynchronous()) return clearByKey(db, range, snapshot)
  const now = snapshot ?? db.snapshot()
  const keys = db.keysSync({
    ...bounds,
    reverse: range.reverse,
    limit: range.limit,
    snapshot: now,
    slices: true,
  })
  try {
    for (let isEnd = false, isFirst = true; !isEnd; isFirst = false) {
      const batch = db.batch()
      while (!isEnd && batch.length < BATCH_ENTRIES && batch.sizeBytes < BATCH_BYTES) {
        const key = keys.next()
        if (key.done === true) isEnd = true
        else batch.delete(key.value.bytes)
      }
      // NOTE: decided in the turn of the call, so that what is written after it stays.
      if (isFirst && isWhole && !isEnd && db.approximateCountSync(bounds) > BY_KEY_ENTRIES) {
        return db.dropRangeSync(bounds)
      }
      if (batch.length > 0) await batch.commit()
    }
  } finally {
    keys.return()
    if (snapshot === undefined) now.close()
  }
}

/** The same for one who has to ask for everything. */
async function clearByKey(
  db: Database<'bytes', 'bytes'>,
  range: Range,
  snapshot: Snapshot<'bytes', 'bytes'> | undefined,
): Promise<void> {
  const { reverse, limit } = range
  const now = snapshot ?? db.snapshot()
  try {
    let batch = db.batch()
    for await (const key of db.keys({ ...boundsOf(range), reverse, limit, snapshot: now })) {
      batch.delete(key)
      if (batch.length < BATCH_ENTRIES && batch.sizeBytes < BATCH_BYTES) continue
      await batch.commit()
      batch = db.batch()
    }
    if (batch.length > 0) await batch.commit()
  } finally {
    if (snapshot === undefined) now.close()
  }
}
