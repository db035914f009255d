import { PAGE_BYTES } from '../memory/layout'
import { atomicLoadU32, atomicStoreU32, fillBytes, loadU32, storeU32 } from '../memory/bytes'
import { allocatePage, freePage } from '../memory/pages'
import { equalBytes } from '../key/compare'
import { keyHash } from '../key/hash'
import { listFirst, listNext, nodeChain, nodeKey, nodeKeyLength, nodeTrailer, setNodeChain } from './skiplist'

/**
 * A hash index over the nodes of a memtable: a point read follows one chain of two or three cache lines instead of searching the
 * list, and an empty bucket proves a key absent.
 *
 *   directory: u32 bucket mask | u32 page[1 … HASH_INDEX_MAX_PAGES]
 *   page:      u32 bucket[32768]: the node inserted last whose key hashes there, 0 for none
 *   node:      u32 chain: the node inserted before it in the same bucket, 0 at the end
 *
 * Nodes are inserted in the order of their seqnos, so along a chain the versions of a key go from the newest to the oldest.
 */
const DIRECTORY_MASK: u32 = 0
const DIRECTORY_PAGES: u32 = 4
/** A power of two. */
export const HASH_INDEX_MAX_PAGES: u32 = 16
export const DIRECTORY_BYTES: u32 = DIRECTORY_PAGES + 4 * HASH_INDEX_MAX_PAGES
const PAGE_BUCKET_SHIFT: u32 = 15
const PAGE_BUCKETS: u32 = PAGE_BYTES / 4

/** Nodes a lookup follows before it asks the list instead: a key overwritten often must not slow down its neighbours. */
const CHAIN_STEPS: u32 = 12
/** hashIndexFind: the chain is too long to tell. */
export const CHAIN_TOO_LONG: u32 = 1

/**
 * Fills in the directory of an index of `pages` pages (a power of two) and enters all nodes of the list.
 * @returns false if there are not so many pages; then it holds none.
 */
export function hashIndexBuild(directory: u32, pages: u32, list: u32): bool {
  if (!ASC_NO_ASSERT) assert(pages <= HASH_INDEX_MAX_PAGES && (pages & (pages - 1)) == 0 && pages > 0)
  storeU32(directory + DIRECTORY_MASK, pages * PAGE_BUCKETS - 1)
  for (let i: u32 = 0; i < pages; i++) {
    const page = allocatePage()
    if (page == 0) {
      while (i > 0) freePage(loadU32(pageWord(directory, --i)))
      return false
    }
    fillBytes(page, 0, PAGE_BYTES)
    storeU32(pageWord(directory, i), page)
  }
  let node = listFirst(list)
  while (node != 0) node = enterVersions(directory, node)
  return true
}

/** Enters the versions of one user key, the newest of which is `node`; they are neighbours. @returns the node behind them. */
function enterVersions(directory: u32, node: u32): u32 {
  const key = nodeKey(node)
  const keyLength = nodeKeyLength(node)
  const bucket = bucketOf(directory, keyHash(key, keyLength))
  const before = loadU32(bucket)
  storeU32(bucket, node)
  let last = node
  let next = listNext(node)
  while (next != 0 && nodeKeyLength(next) == keyLength && equalBytes(nodeKey(next), key, keyLength)) {
    setNodeChain(last, next)
    last = next
    next = listNext(next)
  }
  setNodeChain(last, before)
  return next
}

/** Frees the pages. INVARIANT: nobody reads the index any more. */
export function hashIndexFree(directory: u32): void {
  const pages = (loadU32(directory + DIRECTORY_MASK) + 1) / PAGE_BUCKETS
  for (let i: u32 = 0; i < pages; i++) freePage(loadU32(pageWord(directory, i)))
}

/** Enters a node that is in the list. INVARIANT: one writer at a time, in the order of the seqnos. */
export function hashIndexInsert(directory: u32, node: u32, hash: u64): void {
  const bucket = bucketOf(directory, hash)
  setNodeChain(node, loadU32(bucket))
  // ORDER: pairs with the load in hashIndexFind: who sees the node sees its chain.
  atomicStoreU32(bucket, node)
}

/** The newest version of a key with a trailer ≤ `trailer`; 0 if there is none, CHAIN_TOO_LONG if that would take too long to tell. */
export function hashIndexFind(directory: u32, key: u32, keyLength: u32, hash: u64, trailer: u64): u32 {
  let node = atomicLoadU32(bucketOf(directory, hash))
  for (let step: u32 = 0; node != 0; step++) {
    if (step == CHAIN_STEPS) return CHAIN_TOO_LONG
    if (
      nodeKeyLength(node) == keyLength &&
      equalBytes(nodeKey(node), key, keyLength) &&
      nodeTrailer(node) <= trailer
    ) {
      return node
    }
    node = nodeChain(node)
  }
  return 0
}

// @ts-ignore: decorator
@inline
function bucketOf(directory: u32, hash: u64): u32 {
  const bucket = (<u32>hash) & loadU32(directory + DIRECTORY_MASK)
  return loadU32(pageWord(directory, bucket >>> PAGE_BUCKET_SHIFT)) + 4 * (bucket & (PAGE_BUCKETS - 1))
}

// @ts-ignore: decorator
@inline
function pageWord(directory: u32, page: u32): u32 {
  return directory + DIRECTORY_PAGES + 4 * page
}
