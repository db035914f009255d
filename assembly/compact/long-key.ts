import { loadU32 } from '../memory/bytes'
import { heapTop } from '../read/merge-heap'
import { sameUserKey } from '../read/merge-order'
import { MERGE_HEAP_COUNT } from '../read/merge-page'
import { CURSOR_REST_LENGTH } from '../table/block-entry'
import { LONG_KEY_BYTES, LONG_KEY_INTERVAL } from '../table/block-writer'
import { currentEntry, STREAM_FIRST_VERSION, STREAM_MEMBER_COUNT, STREAM_WAITING } from './stream-page'

/**
 * For the first version of a long user key: how many versions of it may come, counted up to LONG_KEY_INTERVAL; 0 if there is no other, or the
 * key is not long, or this is not the first one.
 *
 * NOTE: they are not counted, which would take blocks that are not read yet: below B a stripe keeps one value and one tombstone
 * of a key, or two weak tombstones in a row, and above B there is nothing in a sealed memtable or a table.
 */
// @ts-ignore: decorator
@inline
export function longVersions(stream: u32): u32 {
  const entry = currentEntry(stream)
  if (loadU32(entry + CURSOR_REST_LENGTH) <= LONG_KEY_BYTES) return 0
  return versionsOfLongKey(stream, entry)
}

function versionsOfLongKey(stream: u32, entry: u32): u32 {
  if (loadU32(stream + STREAM_FIRST_VERSION) == 0) return 0
  if (loadU32(stream + STREAM_WAITING) == 0) {
    const isLast = loadU32(stream + MERGE_HEAP_COUNT) == 0 || !sameUserKey(heapTop(stream), entry)
    if (isLast) return 0
  }
  const members = loadU32(stream + STREAM_MEMBER_COUNT)
  return members == 0 ? LONG_KEY_INTERVAL : min(LONG_KEY_INTERVAL, 3 * (members + 1))
}
