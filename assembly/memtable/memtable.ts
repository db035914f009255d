import {
  CHAIN_SIBLING,
  CONTROL_MEMTABLES,
  CONTROL_SEED,
  MEMTABLE_ENTRIES,
  MEMTABLE_ENTRY_BYTES,
  MEMTABLE_HIGHEST_SEQNO,
  MEMTABLE_LOWEST_SEQNO,
  MEMTABLE_PAGE_BYTES,
  PAGE_BYTES,
  STATUS_MALFORMED,
  STATUS_NO_PAGES,
  STATUS_OK,
} from '../memory/layout'
import {
  atomicAddU32,
  atomicLoadU32,
  atomicStoreU32,
  compareExchangeU32,
  copyBytes,
  fillBytes,
  loadU32,
  loadU64,
  storeU32,
  storeU64,
} from '../memory/bytes'
import { allocatePage } from '../memory/pages'
import { chainBytes, chainPages, freeChain } from '../memory/chain'
import { equalBytes } from '../key/compare'
import { SECRET_STEP, spread } from '../checksum/xxh3'
import { keyHash } from '../key/hash'
import { ARENA_DATA, arenaAllocate, arenaBeginPage, arenaFree } from './arena'
import {
  CHAIN_TOO_LONG,
  DIRECTORY_BYTES,
  hashIndexBuild,
  hashIndexFind,
  hashIndexFree,
  hashIndexInsert,
} from './hash-index'
import {
  LIST_HEADER_END,
  listCreate,
  listInsert,
  listNextHeight,
  listRank,
  listSeekGE,
  listSplice,
  nodeBytes,
  nodeCreate,
  nodeKey,
  nodeKeyLength,
} from './skiplist'
import { TRAILER_BEFORE, trailerSeqno } from '../key/internal-key'

/**
 * A memtable: a skiplist whose nodes lie densely in one arena and whose values lie in another, so that a search touches
 * few cache lines. It owns its pages and page chains and is freed as a whole.
 *
 * Header, at the start of the first page of the node arena:
 *
 *   0    u32 bytes of pages | u32 bytes of entries | u32 entries    (layout.ts)
 *   12   u32 height of the list                                     (skiplist.ts)
 *   16   u64 highest seqno | u64 lowest seqno                       (layout.ts)
 *   32   u64 random state of the list                               (skiplist.ts)
 *   40   u32 cursor of the node arena
 *   44   u32 cursor of the value arena
 *   48   u32 first of the page chains, linked by CHAIN_SIBLING
 *   52   u32 directory of the hash index, 0 until there is one      (hash-index.ts)
 *   56   u32 the keyspace's gap | u32 zero                        (gap.ts)
 *   64   splice and head of the list                                (skiplist.ts)
 */
const MEMTABLE_NODES: u32 = 40
const MEMTABLE_VALUES: u32 = 44
const MEMTABLE_CHAINS: u32 = 48
const MEMTABLE_INDEX: u32 = 52

/** An empty memtable of one page, or 0 without pages. */
export function createMemtable(): u32 {
  const page = allocatePage()
  if (page == 0) return 0
  arenaBeginPage(page, 0)
  const memtable = page + ARENA_DATA
  fillBytes(memtable, 0, LIST_HEADER_END)
  storeU32(memtable + MEMTABLE_PAGE_BYTES, PAGE_BYTES)
  storeU64(memtable + MEMTABLE_LOWEST_SEQNO, <u64>-1)
  storeU32(memtable + MEMTABLE_NODES, memtable + LIST_HEADER_END)
  const ordinal = atomicAddU32(CONTROL_MEMTABLES, 1)
  listCreate(memtable, spread(loadU64(CONTROL_SEED) + <u64>(ordinal + 1) * SECRET_STEP))
  return memtable
}

/** Frees all pages of a memtable, page chains included. INVARIANT: nobody reads it any more. */
export function freeMemtable(memtable: u32): void {
  let chain = loadU32(memtable + MEMTABLE_CHAINS)
  while (chain != 0) {
    const sibling = loadU32(chain + CHAIN_SIBLING)
    freeChain(chain)
    chain = sibling
  }
  arenaFree(loadU32(memtable + MEMTABLE_VALUES))
  const index = loadU32(memtable + MEMTABLE_INDEX)
  if (index != 0) hashIndexFree(index)
  // The first page of the nodes holds this header, and the directory of the index lies among the nodes.
  arenaFree(loadU32(memtable + MEMTABLE_NODES))
}

/**
 * Inserts one entry; reads [key, + keyLength) and [value, + valueLength), valueLength < INLINE_VALUE_LIMIT_BYTES.
 * INVARIANT: the caller holds the journal mutex (see listInsert).
 * @returns OK, NO_PAGES or MALFORMED (the internal key exists); in the last two cases nothing was inserted.
 */
export function memtableInsert(
  memtable: u32,
  key: u32,
  keyLength: u32,
  trailer: u64,
  value: u32,
  valueLength: u32,
): u32 {
  const height = listNextHeight(memtable)
  const size = nodeBytes(height, keyLength)
  const at = arenaAllocate(memtable + MEMTABLE_NODES, memtable + MEMTABLE_PAGE_BYTES, size)
  if (at == 0) return STATUS_NO_PAGES
  let copy: u32 = 0
  if (valueLength > 0) {
    copy = arenaAllocate(memtable + MEMTABLE_VALUES, memtable + MEMTABLE_PAGE_BYTES, valueLength)
    if (copy == 0) return STATUS_NO_PAGES
    copyBytes(copy, value, valueLength)
  }
  const node = nodeCreate(at, height, keyLength, trailer, copy, valueLength)
  copyBytes(nodeKey(node), key, keyLength)
  if (!listInsert(memtable, listSplice(memtable), node, height)) return STATUS_MALFORMED
  enter(memtable, node, key, keyLength)
  account(memtable, size + valueLength, trailer)
  return STATUS_OK
}

/** As memtableInsert, with a value in a page chain, which the memtable owns if the entry was inserted. */
export function memtableInsertChain(
  memtable: u32,
  key: u32,
  keyLength: u32,
  trailer: u64,
  chain: u32,
  valueLength: u32,
): u32 {
  if (!ASC_NO_ASSERT) assert(chain != 0 && chainBytes(chain) == valueLength)
  const height = listNextHeight(memtable)
  const size = nodeBytes(height, keyLength)
  const at = arenaAllocate(memtable + MEMTABLE_NODES, memtable + MEMTABLE_PAGE_BYTES, size)
  if (at == 0) return STATUS_NO_PAGES
  const node = nodeCreate(at, height, keyLength, trailer, chain, valueLength)
  copyBytes(nodeKey(node), key, keyLength)
  if (!listInsert(memtable, listSplice(memtable), node, height)) return STATUS_MALFORMED
  while (true) {
    const sibling = atomicLoadU32(memtable + MEMTABLE_CHAINS)
    storeU32(chain + CHAIN_SIBLING, sibling)
    if (compareExchangeU32(memtable + MEMTABLE_CHAINS, sibling, chain)) break
  }
  const pageBytes = loadU32(memtable + MEMTABLE_PAGE_BYTES) + chainPages(valueLength) * PAGE_BYTES
  storeU32(memtable + MEMTABLE_PAGE_BYTES, pageBytes)
  enter(memtable, node, key, keyLength)
  account(memtable, size + valueLength, trailer)
  return STATUS_OK
}

/**
 * Gives a memtable without one a hash index of `pages` pages, a power of two up to HASH_INDEX_MAX_PAGES.
 * INVARIANT: the caller holds the journal mutex.
 * @returns OK, or NO_PAGES: there is none then.
 */
export function memtableIndex(memtable: u32, pages: u32): u32 {
  if (!ASC_NO_ASSERT) assert(loadU32(memtable + MEMTABLE_INDEX) == 0)
  const total = memtable + MEMTABLE_PAGE_BYTES
  const directory = arenaAllocate(memtable + MEMTABLE_NODES, total, DIRECTORY_BYTES)
  if (directory == 0 || !hashIndexBuild(directory, pages, memtable)) return STATUS_NO_PAGES
  storeU32(total, loadU32(total) + pages * PAGE_BYTES)
  // ORDER: pairs with the load in memtableFind: who sees the directory sees every node in it.
  atomicStoreU32(memtable + MEMTABLE_INDEX, directory)
  return STATUS_OK
}

/** The newest version of a key with a trailer ≤ `trailer`, or 0. Reads the key, whose keyHash is `hash`. */
export function memtableFind(memtable: u32, key: u32, keyLength: u32, hash: u64, trailer: u64): u32 {
  const index = atomicLoadU32(memtable + MEMTABLE_INDEX)
  if (index != 0) {
    const found = hashIndexFind(index, key, keyLength, hash, trailer)
    if (found != CHAIN_TOO_LONG) return found
  }
  const node = listSeekGE(memtable, key, keyLength, trailer)
  const isVersion = node != 0 && nodeKeyLength(node) == keyLength && equalBytes(nodeKey(node), key, keyLength)
  return isVersion ? node : 0
}

/** KernelExports.memtableRank. */
export function memtableRank(memtable: u32, key: u32, keyLength: u32): f64 {
  const entries = loadU32(memtable + MEMTABLE_ENTRIES)
  return min(listRank(memtable, entries, key, keyLength, TRAILER_BEFORE), <f64>entries)
}

/** Enters a node that is in the list into the hash index, if there is one. */
// @ts-ignore: decorator
@inline
function enter(memtable: u32, node: u32, key: u32, keyLength: u32): void {
  const index = loadU32(memtable + MEMTABLE_INDEX)
  if (index != 0) hashIndexInsert(index, node, keyHash(key, keyLength))
}

/** Counts an inserted entry. */
// @ts-ignore: decorator
@inline
function account(memtable: u32, bytes: u32, trailer: u64): void {
  const seqno = trailerSeqno(trailer)
  // NOTE: all plain, because one thread at a time inserts; others may read the counts at any time, and the seqnos of a sealed memtable.
  storeU32(memtable + MEMTABLE_ENTRY_BYTES, loadU32(memtable + MEMTABLE_ENTRY_BYTES) + bytes)
  storeU32(memtable + MEMTABLE_ENTRIES, loadU32(memtable + MEMTABLE_ENTRIES) + 1)
  if (seqno > loadU64(memtable + MEMTABLE_HIGHEST_SEQNO)) storeU64(memtable + MEMTABLE_HIGHEST_SEQNO, seqno)
  if (seqno < loadU64(memtable + MEMTABLE_LOWEST_SEQNO)) storeU64(memtable + MEMTABLE_LOWEST_SEQNO, seqno)
}
