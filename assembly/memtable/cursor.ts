import {
  listFirst,
  listLast,
  listNext,
  listSeekGE,
  listSeekLT,
  nodeKey,
  nodeKeyLength,
  nodeTrailer,
} from './skiplist'

/**
 * Moving through a memtable in internal-key order. A cursor is a node pointer, 0 outside of the entries; it stays valid as
 * long as the memtable, also while others insert. Of an entry whose trailer has TYPE_EXTENT the value is a page chain.
 */
export { nodeKey, nodeKeyLength, nodeTrailer, nodeValue, nodeValueLength } from './skiplist'

// @ts-ignore: decorator
@inline
export function cursorFirst(memtable: u32): u32 {
  return listFirst(memtable)
}

// @ts-ignore: decorator
@inline
export function cursorLast(memtable: u32): u32 {
  return listLast(memtable)
}

/** First entry at or after (key, trailer). */
// @ts-ignore: decorator
@inline
export function cursorSeekGE(memtable: u32, key: u32, keyLength: u32, trailer: u64): u32 {
  return listSeekGE(memtable, key, keyLength, trailer)
}

/** Last entry before (key, trailer). */
// @ts-ignore: decorator
@inline
export function cursorSeekLT(memtable: u32, key: u32, keyLength: u32, trailer: u64): u32 {
  return listSeekLT(memtable, key, keyLength, trailer)
}

// @ts-ignore: decorator
@inline
export function cursorNext(node: u32): u32 {
  return listNext(node)
}

/** The entry before a node: a search from the head. */
// @ts-ignore: decorator
@inline
export function cursorPrevious(memtable: u32, node: u32): u32 {
  return listSeekLT(memtable, nodeKey(node), nodeKeyLength(node), nodeTrailer(node))
}
