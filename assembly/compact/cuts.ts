import { compareBytes } from '../key/compare'
import { loadU32, storeU32 } from '../memory/bytes'
import { CURSOR_REST, CURSOR_REST_LENGTH } from '../table/block-entry'
import { currentEntry, STREAM_CUTS, STREAM_CUT_PASSED, STREAM_NEXT_CUT } from './stream-page'

/**
 * Keys at which a table ends, so that it does not overlap too much of the level below its own. A record:
 *
 *   u32 number of cuts | u32 zero | (u32 key, u32 length) × number, ascending
 *
 * A table ends before the first user key above a cut.
 */
const CUTS_COUNT: u32 = 0
const CUTS_KEYS: u32 = 8

/** Notes whether the current user key has passed a cut. */
export function passCuts(stream: u32): void {
  const cuts = loadU32(stream + STREAM_CUTS)
  if (cuts == 0) return
  const entry = currentEntry(stream)
  const key = loadU32(entry + CURSOR_REST)
  const keyLength = loadU32(entry + CURSOR_REST_LENGTH)
  const count = loadU32(cuts + CUTS_COUNT)
  let next = loadU32(stream + STREAM_NEXT_CUT)
  while (next < count) {
    const cut = cuts + CUTS_KEYS + 8 * next
    if (compareBytes(key, keyLength, loadU32(cut), loadU32(cut + 4)) <= 0) break
    storeU32(stream + STREAM_CUT_PASSED, 1)
    next++
  }
  storeU32(stream + STREAM_NEXT_CUT, next)
}
