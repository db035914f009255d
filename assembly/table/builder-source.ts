import { compareInternal } from '../key/compare'
import { copyBytes, loadU32, storeU32 } from '../memory/bytes'
import { SUPERVERSION_MAX_MEMTABLES } from '../memory/layout'
import { cursorFirst, cursorNext, nodeKey, nodeKeyLength, nodeTrailer } from '../memtable/cursor'

/**
 * Where a builder's entries come from: the memtables of one flush, merged.
 *
 *   u32 node[14]: the next entry of each memtable that has more | u32 which of them comes first | u32 their number
 */
const SOURCES_FIRST: u32 = 56
const SOURCES_COUNT: u32 = 60
export const SOURCES_BYTES: u32 = 64

/** Adds the entries of a memtable. INVARIANT: no more than SUPERVERSION_MAX_MEMTABLES, before the first entry is taken. */
export function sourcesAdd(sources: u32, memtable: u32): void {
  const node = cursorFirst(memtable)
  if (node == 0) return
  const count = loadU32(sources + SOURCES_COUNT)
  if (!ASC_NO_ASSERT) assert(count < SUPERVERSION_MAX_MEMTABLES)
  storeU32(sources + 4 * count, node)
  storeU32(sources + SOURCES_COUNT, count + 1)
  choose(sources)
}

export function sourcesCopy(to: u32, from: u32): void {
  copyBytes(to, from, SOURCES_BYTES)
}

/** The entry that comes next; 0 at the end. */
// @ts-ignore: decorator
@inline
export function sourcesNode(sources: u32): u32 {
  if (loadU32(sources + SOURCES_COUNT) == 0) return 0
  return loadU32(sources + 4 * loadU32(sources + SOURCES_FIRST))
}

/** Goes past it. INVARIANT: there is one. */
export function sourcesAdvance(sources: u32): void {
  const at = sources + 4 * loadU32(sources + SOURCES_FIRST)
  const next = cursorNext(loadU32(at))
  const count = loadU32(sources + SOURCES_COUNT)
  if (next != 0) {
    storeU32(at, next)
    if (count == 1) return
  } else {
    storeU32(at, loadU32(sources + 4 * (count - 1)))
    storeU32(sources + SOURCES_COUNT, count - 1)
  }
  choose(sources)
}

/** Finds the first one anew. */
function choose(sources: u32): void {
  const count = loadU32(sources + SOURCES_COUNT)
  let first: u32 = 0
  for (let i: u32 = 1; i < count; i++) {
    if (comesBefore(loadU32(sources + 4 * i), loadU32(sources + 4 * first))) first = i
  }
  storeU32(sources + SOURCES_FIRST, first)
}

// @ts-ignore: decorator
@inline
function comesBefore(a: u32, b: u32): bool {
  return (
    compareInternal(
      nodeKey(a),
      nodeKeyLength(a),
      nodeTrailer(a),
      nodeKey(b),
      nodeKeyLength(b),
      nodeTrailer(b),
    ) < 0
  )
}
