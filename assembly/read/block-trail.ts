import { loadU32, storeU32 } from '../memory/bytes'
import {
  CURSOR_ENTRY,
  CURSOR_INTERVAL,
  CURSOR_INTERVALS,
  CURSOR_NEXT,
  CURSOR_POSITION,
  CURSOR_RESTARTS,
  decodeEntry,
  entryEnd,
} from '../table/block-entry'
import { moveToHead } from '../table/block-reader'

/**
 * Moving a block cursor backwards without walking its restart interval again for every entry: a trail remembers where
 * the last 16 entries before the cursor begin.
 *
 *   u32 low | u32 entry[16]
 *
 * entry[position % 16] is the entry at that position of the cursor's interval, for positions from `low` to the cursor's own.
 */
const TRAIL_LOW: u32 = 0
const TRAIL_ENTRIES: u32 = 4
const TRAIL_LENGTH: u32 = 16
export const TRAIL_BYTES: u32 = TRAIL_ENTRIES + 4 * TRAIL_LENGTH

/** The cursor was moved otherwise: the trail knows nothing. */
// @ts-ignore: decorator
@inline
export function trailForget(trail: u32): void {
  storeU32(trail + TRAIL_LOW, -1)
}

/** As blockLast. */
export function trailLast(cursor: u32, trail: u32): bool {
  walk(cursor, trail, loadU32(cursor + CURSOR_INTERVALS) - 1, loadU32(cursor + CURSOR_RESTARTS))
  return true
}

/** As blockPrevious. */
export function trailPrevious(cursor: u32, trail: u32): bool {
  const position = loadU32(cursor + CURSOR_POSITION)
  const interval = loadU32(cursor + CURSOR_INTERVAL)
  if (position > 0) {
    const low = loadU32(trail + TRAIL_LOW)
    if (position > low) {
      storeU32(cursor + CURSOR_POSITION, position - 1)
      decodeEntry(cursor, loadU32(slotOf(trail, position - 1)))
    } else {
      walk(cursor, trail, interval, loadU32(cursor + CURSOR_ENTRY))
    }
    return true
  }
  if (interval > 0) {
    walk(cursor, trail, interval - 1, loadU32(cursor + CURSOR_ENTRY))
    return true
  }
  storeU32(cursor + CURSOR_ENTRY, 0)
  return false
}

/** Moves to the entry of an interval that ends at `end`, and leaves a trail. */
function walk(cursor: u32, trail: u32, interval: u32, end: u32): void {
  moveToHead(cursor, interval)
  let entry = loadU32(cursor + CURSOR_ENTRY)
  let next = loadU32(cursor + CURSOR_NEXT)
  let position: u32 = 0
  storeU32(slotOf(trail, 0), entry)
  while (next != end) {
    entry = next
    next = entryEnd(entry)
    position++
    storeU32(slotOf(trail, position), entry)
  }
  storeU32(trail + TRAIL_LOW, position >= TRAIL_LENGTH ? position - (TRAIL_LENGTH - 1) : 0)
  if (position == 0) return
  storeU32(cursor + CURSOR_POSITION, position)
  decodeEntry(cursor, entry)
}

// @ts-ignore: decorator
@inline
function slotOf(trail: u32, position: u32): u32 {
  return trail + TRAIL_ENTRIES + ((position & (TRAIL_LENGTH - 1)) << 2)
}
