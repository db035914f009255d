import { equalBytes } from '../key/compare'
import { loadU32 } from '../memory/bytes'
import { PAGE_BYTES } from '../memory/layout'
import { nodeKey, nodeKeyLength, nodeValueLength } from '../memtable/cursor'
import { LONG_KEY_INTERVAL } from './block-writer'
import { sourcesAdvance, sourcesCopy, sourcesNode } from './builder-source'
import { BUILDER_AHEAD, BUILDER_BLOCK_BYTES, BUILDER_LONG_NODE, BUILDER_SOURCES } from './builder-state'

/** No fewer than the bytes an entry takes besides key and value, and than a block besides its entries. */
const ENTRY_OVERHEAD: u32 = 40
const BLOCK_OVERHEAD: u32 = 256

/**
 * Looks ahead from the first version of a long user key. @returns 0 if it is the only one, or `node` is a later one of
 * BUILDER_LONG_NODE's key; 1 if all versions fit a data block that begins with them; otherwise (or in doubt) their number,
 * counted up to LONG_KEY_INTERVAL.
 */
export function versionsOfLongKey(builder: u32, node: u32): u32 {
  const seen = loadU32(builder + BUILDER_LONG_NODE)
  if (seen != 0 && isSameKey(seen, node)) return 0
  const blockBytes = loadU32(builder + BUILDER_BLOCK_BYTES)
  const room = PAGE_BYTES - BLOCK_OVERHEAD - nodeKeyLength(node)
  let size: u32 = ENTRY_OVERHEAD
  let fitsBlock = true
  let versions: u32 = 1
  // The versions follow each other in the sources, of which `node` is the first entry.
  const ahead = builder + BUILDER_AHEAD
  sourcesCopy(ahead, builder + BUILDER_SOURCES)
  sourcesAdvance(ahead)
  let next = sourcesNode(ahead)
  while (next != 0 && versions <= LONG_KEY_INTERVAL && isSameKey(node, next)) {
    // A block ends behind the version with which it reaches its size, or before one that does not fit.
    size = min(PAGE_BYTES, size + ENTRY_OVERHEAD + nodeValueLength(node))
    if (size >= blockBytes || size + nodeValueLength(next) > room) fitsBlock = false
    node = next
    sourcesAdvance(ahead)
    next = sourcesNode(ahead)
    versions++
  }
  if (versions == 1) return 0
  // One more would be a restart head, with its whole key.
  if (versions > LONG_KEY_INTERVAL) return LONG_KEY_INTERVAL
  return fitsBlock ? 1 : versions
}

function isSameKey(a: u32, b: u32): bool {
  const length = nodeKeyLength(a)
  return length == nodeKeyLength(b) && equalBytes(nodeKey(a), nodeKey(b), length)
}
