/**
 * The kernel's parts that no export shows, opened for its tests (test/kernel/internals.ts compiles this entry). Not shipped.
 */
export { attachSlot, initialise } from './memory/control'
export { allocatePage, freePage } from './memory/pages'
export { allocateRecord, freeRecord } from './memory/records'
export { allocateChain, freeChain } from './memory/chain'
export { keyHash, splitKeyHash } from './key/hash'
export { setKeySecret } from './checksum/xxh3'
export { blockGet, blockGetHashed } from './table/block-get'
export { checkBlock } from './table/block-check'
export { copyBytes, loadBigEndianU64 } from './memory/bytes'
export { commonPrefix, compareBytes, compareInternal, compareWords, equalBytes } from './key/compare'
export {
  readVarint32,
  varint32Size,
  varint64Length,
  varint64Size,
  varint64Value,
  writeVarint32,
  writeVarint64,
} from './key/varint'
export { beginGroup, setGroup } from './key/seqno'
export {
  cacheCreate,
  cacheFind,
  cacheInsert,
  cacheShrink,
  frameLength,
  framePayload,
  frameUnpin,
} from './cache/cache'
export { applyEntries, applyLarge } from './memtable/apply'
export { createMemtable, freeMemtable, memtableIndex } from './memtable/memtable'
export {
  cursorFirst,
  cursorLast,
  cursorNext,
  cursorPrevious,
  cursorSeekGE,
  cursorSeekLT,
  nodeKey,
  nodeKeyLength,
  nodeTrailer,
  nodeValue,
  nodeValueLength,
} from './memtable/cursor'
export { fenceChildAt, fenceHandle, fencesBytes, fencesCreate, fencesFind, fencesFree } from './table/fences'
export { filterAdd, filterLine, filterMayContain } from './table/filter'
export { arenaAllocate, arenaFree } from './memtable/arena'
export { listInsert, nodeBytes, nodeCreate, spliceCreate } from './memtable/skiplist'
export { LZ4_SCRATCH_BYTES, lz4Compress } from './table/lz4-compress'
export { lz4Decompress } from './table/lz4-decompress'
