import { compareBytes, loadPrefix } from '../key/compare'
import {
  atomicLoadU32,
  atomicStoreU32,
  compareExchangeU32,
  loadU32,
  loadU64,
  loadU8,
  loadV128,
  storeU32,
  storeU64,
} from '../memory/bytes'

/**
 * A skiplist of internal keys in ascending order. Nothing is ever removed. A node is complete before it is linked and
 * never changes after, except for its links, which are atomic words: readers take no lock and see a list that is
 * sorted at every moment; every level holds only nodes that the levels below already hold.
 *
 * Node, 4-aligned; a node pointer points at its key length:
 *
 *     … link[2] │ link[1] │ link[0] │ u32 key length │ key, padded to 4 │ u64 trailer │ u32 value │ u32 value length │ u32 chain
 *                                   ▲ node
 *
 * What a search touches (a link, the length, the first key bytes) lies together; the rest is read once a node is found.
 * `link[level]` is the next node of that level, 0 at the end. `chain` belongs to the hash index (hash-index.ts).
 *
 * List header, inside the memtable's:
 *
 *   12   u32 height: levels in use, ≥ 1
 *   32   u64 random state of the heights
 *   64   splice: where the last insert took place, u32 previous[HEIGHT] | u32 next[HEIGHT]
 *   160  head: HEIGHT links that end at LIST_HEAD, a node without a key
 */
const LIST_HEIGHT: u32 = 12
const LIST_RANDOM: u32 = 32
const LIST_SPLICE: u32 = 64
/** Levels of the highest node; 4^12 entries are more than a memtable can hold. */
const HEIGHT: u32 = 12
const SPLICE_NEXT: u32 = 4 * HEIGHT
export const SPLICE_BYTES: u32 = 8 * HEIGHT
const LIST_HEAD: u32 = LIST_SPLICE + 12 * HEIGHT
export const LIST_HEADER_END: u32 = LIST_HEAD

const NODE_KEY_LENGTH: u32 = 0
const NODE_KEY: u32 = 4
/** Behind the key: */
const NODE_TRAILER: u32 = 0
const NODE_VALUE: u32 = 8
const NODE_VALUE_LENGTH: u32 = 12
const NODE_CHAIN: u32 = 16
const NODE_TAIL_BYTES: u32 = 20

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Where the user key lies. */
// @ts-ignore: decorator
@inline
export function nodeKey(node: u32): u32 {
  return node + NODE_KEY
}

// @ts-ignore: decorator
@inline
export function nodeKeyLength(node: u32): u32 {
  return loadU32(node + NODE_KEY_LENGTH)
}

/** seqno << 8 | type byte */
// @ts-ignore: decorator
@inline
export function nodeTrailer(node: u32): u64 {
  return loadU64(tail(node) + NODE_TRAILER)
}

/** Where the value lies; of a TYPE_EXTENT entry: its page chain; 0 of an empty value. */
// @ts-ignore: decorator
@inline
export function nodeValue(node: u32): u32 {
  return loadU32(tail(node) + NODE_VALUE)
}

// @ts-ignore: decorator
@inline
export function nodeValueLength(node: u32): u32 {
  return loadU32(tail(node) + NODE_VALUE_LENGTH)
}

/** The next node of its bucket in the hash index; 0 at the end. */
// @ts-ignore: decorator
@inline
export function nodeChain(node: u32): u32 {
  return loadU32(tail(node) + NODE_CHAIN)
}

// @ts-ignore: decorator
@inline
export function setNodeChain(node: u32, next: u32): void {
  storeU32(tail(node) + NODE_CHAIN, next)
}

// @ts-ignore: decorator
@inline
function tail(node: u32): u32 {
  return node + ((NODE_KEY + 3 + nodeKeyLength(node)) & ~3)
}

/** Bytes a node of `height` levels takes, tower included. */
// @ts-ignore: decorator
@inline
export function nodeBytes(height: u32, keyLength: u32): u32 {
  return 4 * height + ((NODE_KEY + 3 + keyLength) & ~3) + NODE_TAIL_BYTES
}

/**
 * Fills in all of a node but its key bytes, in the nodeBytes at `at`, 4-aligned. The caller writes the key at nodeKey and
 * inserts it.
 */
// @ts-ignore: decorator
@inline
export function nodeCreate(
  at: u32,
  height: u32,
  keyLength: u32,
  trailer: u64,
  value: u32,
  valueLength: u32,
): u32 {
  const node = at + 4 * height
  storeU32(node + NODE_KEY_LENGTH, keyLength)
  const tail = node + ((NODE_KEY + 3 + keyLength) & ~3)
  storeU64(tail + NODE_TRAILER, trailer)
  storeU32(tail + NODE_VALUE, value)
  storeU32(tail + NODE_VALUE_LENGTH, valueLength)
  return node
}

// @ts-ignore: decorator
@inline
function linkOf(node: u32, level: u32): u32 {
  return node - 4 - 4 * level
}

/** The next node of a level; 0 at the end. */
// @ts-ignore: decorator
@inline
function nextAt(node: u32, level: u32): u32 {
  return atomicLoadU32(linkOf(node, level))
}

// ── list ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Sets up the header of an empty list in zeroed memory. */
export function listCreate(list: u32, seed: u64): void {
  storeU32(list + LIST_HEIGHT, 1)
  storeU64(list + LIST_RANDOM, seed | 1)
  spliceCreate(list + LIST_SPLICE, list)
}

/** The splice of the writer that holds the journal mutex. */
// @ts-ignore: decorator
@inline
export function listSplice(list: u32): u32 {
  return list + LIST_SPLICE
}

/** Sets up an unused splice in SPLICE_BYTES of zeroed memory: the head before everything, the end behind it. */
export function spliceCreate(splice: u32, list: u32): void {
  for (let level: u32 = 0; level < HEIGHT; level++) storeU32(splice + 4 * level, list + LIST_HEAD)
}

/**
 * Height for the next node: each level is four times rarer than the one below.
 * INVARIANT: only the writer that holds the journal mutex calls this (it advances a plain word).
 */
// @ts-ignore: decorator
@inline
export function listNextHeight(list: u32): u32 {
  let x = loadU64(list + LIST_RANDOM)
  x ^= x << 13
  x ^= x >>> 7
  x ^= x << 17
  storeU64(list + LIST_RANDOM, x)
  return 1 + (ctz<u32>((<u32>(x >>> 32)) | (1 << (2 * (HEIGHT - 1)))) >>> 1)
}

/**
 * Whether a node stands before the internal key (key, trailer). `prefix` is loadPrefix of the key. Reads 16 bytes of the
 * node's key even if it is shorter: its tail and the arena's slack follow.
 */
// @ts-ignore: decorator
@inline
function nodeBefore(node: u32, prefix: v128, key: u32, keyLength: u32, trailer: u64): bool {
  const length = nodeKeyLength(node)
  const common = min(length, keyLength)
  const differ = i8x16.bitmask(i8x16.ne(prefix, loadV128(nodeKey(node)))) & ((1 << min<u32>(common, 16)) - 1)
  if (differ != 0) {
    const i = ctz<u32>(differ)
    return loadU8(nodeKey(node) + i) < loadU8(key + i)
  }
  return nodeBeforeLong(node, key, keyLength, trailer)
}

/** nodeBefore when the first 16 bytes, or all of the shorter key, are equal. */
function nodeBeforeLong(node: u32, key: u32, keyLength: u32, trailer: u64): bool {
  const length = nodeKeyLength(node)
  const skip = min<u32>(min(length, keyLength), 16)
  const order = compareBytes(nodeKey(node) + skip, length - skip, key + skip, keyLength - skip)
  return order != 0 ? order < 0 : nodeTrailer(node) > trailer
}

/** First node that does not stand before (key, trailer); 0 at the end. Reads the key and the list. */
export function listSeekGE(list: u32, key: u32, keyLength: u32, trailer: u64): u32 {
  const prefix = loadPrefix(key, keyLength)
  let node = list + LIST_HEAD
  let bigger: u32 = 0
  let level = atomicLoadU32(list + LIST_HEIGHT)
  do {
    level--
    while (true) {
      const next = nextAt(node, level)
      // `bigger` is on this level too, so it comes before the end.
      if (next == bigger) break
      if (!nodeBefore(next, prefix, key, keyLength, trailer)) {
        bigger = next
        break
      }
      node = next
    }
  } while (level > 0)
  return bigger
}

/** Last node that stands before (key, trailer); 0 if there is none. Reads the key and the list. */
export function listSeekLT(list: u32, key: u32, keyLength: u32, trailer: u64): u32 {
  const prefix = loadPrefix(key, keyLength)
  let node = list + LIST_HEAD
  let bigger: u32 = 0
  let level = atomicLoadU32(list + LIST_HEIGHT)
  do {
    level--
    while (true) {
      const next = nextAt(node, level)
      if (next == bigger) break
      if (!nodeBefore(next, prefix, key, keyLength, trailer)) {
        bigger = next
        break
      }
      node = next
    }
  } while (level > 0)
  return node == list + LIST_HEAD ? 0 : node
}

/** Nodes that listRank counts, at most, if heights are as they should be. */
const RANK_STEPS: u32 = 1024

/**
 * About how many of a list's `entries` nodes stand before (key, trailer): those of the lowest level that has few enough to count them, each for
 * as many as it stands for. Higher levels have too few to tell.
 */
export function listRank(list: u32, entries: u32, key: u32, keyLength: u32, trailer: u64): f64 {
  const prefix = loadPrefix(key, keyLength)
  let level: u32 = 0
  while (entries >>> (2 * level) > RANK_STEPS) level++
  level = min(level, atomicLoadU32(list + LIST_HEIGHT) - 1)
  let steps: u32 = 0
  for (let next = nextAt(list + LIST_HEAD, level); next != 0; next = nextAt(next, level)) {
    if (!nodeBefore(next, prefix, key, keyLength, trailer)) break
    steps++
  }
  return <f64>steps * <f64>(1 << (2 * level))
}

/** The first node; 0 of an empty list. */
// @ts-ignore: decorator
@inline
export function listFirst(list: u32): u32 {
  return nextAt(list + LIST_HEAD, 0)
}

/** The last node; 0 of an empty list. */
export function listLast(list: u32): u32 {
  let node = list + LIST_HEAD
  let level = atomicLoadU32(list + LIST_HEIGHT)
  do {
    level--
    for (let next = nextAt(node, level); next != 0; next = nextAt(node, level)) node = next
  } while (level > 0)
  return node == list + LIST_HEAD ? 0 : node
}

/** The node behind; 0 at the end. */
// @ts-ignore: decorator
@inline
export function listNext(node: u32): u32 {
  return nextAt(node, 0)
}

/**
 * Links a complete node of `height` levels. `splice` is listSplice(list).
 * INVARIANT: a splice has one writer at a time; the list's own belongs to the holder of the journal mutex. Its words are plain, but
 * the links are exchanged one by one, and searched for again if someone else was faster: a second writer needs nothing but a
 * splice of its own (of this list, and set up by spliceCreate before).
 * @returns false if the list holds that internal key already; then nothing is linked.
 */
export function listInsert(list: u32, splice: u32, node: u32, height: u32): bool {
  const key = nodeKey(node)
  const keyLength = nodeKeyLength(node)
  const trailer = nodeTrailer(node)
  const prefix = loadV128(key)

  // Ascending keys go where the last one went. The levels above are nested around the lowest.
  const previous = loadU32(splice)
  const next = loadU32(splice + SPLICE_NEXT)
  const hit =
    previous != list + LIST_HEAD &&
    nodeBefore(previous, prefix, key, keyLength, trailer) &&
    (next == 0 || !nodeBefore(next, prefix, key, keyLength, trailer))
  let levels = atomicLoadU32(list + LIST_HEIGHT)
  if (!hit) {
    findSplice(splice, list + LIST_HEAD, 0, levels, prefix, key, keyLength, trailer)
  }

  const behind = loadU32(splice + SPLICE_NEXT)
  if (
    behind != 0 &&
    nodeTrailer(behind) == trailer &&
    compareBytes(nodeKey(behind), nodeKeyLength(behind), key, keyLength) == 0
  ) {
    return false
  }

  for (let level: u32 = 0; level < height; level++) {
    const at = splice + 4 * level
    while (true) {
      const before = loadU32(at)
      const after = loadU32(at + SPLICE_NEXT)
      storeU32(linkOf(node, level), after)
      if (compareExchangeU32(linkOf(before, level), after, node)) break
      findSplice(at, before, level, level + 1, prefix, key, keyLength, trailer)
    }
    storeU32(at, node)
  }
  while (levels < height && !compareExchangeU32(list + LIST_HEIGHT, levels, height))
    levels = atomicLoadU32(list + LIST_HEIGHT)
  return true
}

/** Finds the neighbours of (key, trailer) on the levels [lowest, end), from `node` on, and writes them to the splice's words at `at`. */
// @ts-ignore: decorator
@inline
function findSplice(
  at: u32,
  node: u32,
  lowest: u32,
  end: u32,
  prefix: v128,
  key: u32,
  keyLength: u32,
  trailer: u64,
): void {
  let bigger: u32 = 0
  let level = end
  at += 4 * (end - lowest)
  do {
    level--
    at -= 4
    while (true) {
      const next = nextAt(node, level)
      if (next == bigger) break
      if (!nodeBefore(next, prefix, key, keyLength, trailer)) {
        bigger = next
        break
      }
      node = next
    }
    storeU32(at, node)
    storeU32(at + SPLICE_NEXT, bigger)
  } while (level > lowest)
}
