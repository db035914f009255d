/** The kernel's decoders and what makes their inputs, as test/torture/fuzz compiles them: once as they are, once with a guard (guard.ts). Not shipped. */
export { guard } from './guard'

export { attachSlot, initialise } from '../memory/control'
export { allocatePage } from '../memory/pages'
export { loadU8 } from '../memory/bytes'
export { hash, mixedChecksum } from '../checksum/mixed'
export { commonPrefix, compareBytes, equalBytes } from '../key/compare'
export { keyHash } from '../key/hash'
export { readVarint32, varint64Length, varint64Value, writeVarint32, writeVarint64 } from '../key/varint'
export { setGroup } from '../key/seqno'
export { applyEntries } from '../memtable/apply'
export { createMemtable, freeMemtable } from '../memtable/memtable'
export { checkBlock } from '../table/block-check'
export { blockGet } from '../table/block-get'
export { blockFirst, blockLast, blockNext, blockOpen, blockPrevious } from '../table/block-reader'
export {
  checkExtentList,
  listedOffset,
  listedSize,
  listedExtents,
  listedValueLength,
} from '../table/extent-list'
export { filterLine, filterMayContain } from '../table/filter'
export { indexEntry, indexSeek } from '../table/index-block'
export { LZ4_SCRATCH_BYTES, lz4Compress } from '../table/lz4-compress'
export { lz4Decompress } from '../table/lz4-decompress'
