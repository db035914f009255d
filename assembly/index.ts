/** The export table: the only door of the kernel. src/kernel/exports.ts says what each function does. */

// ── memory ───────────────────────────────────────────────────────────────────────────────────────────────
export { attachSlot, giveSlot, initialise, takeSlot } from './memory/control'
export { enterRead, isRead, leaveRead, retire } from './memory/epoch'
export { allocateOwnPage, allocatePage, freePage, payPages, repayPages } from './memory/pages'
export { allocateRecord, freeRecord } from './memory/records'
export { allocateChain, freeChain } from './memory/chain'

// ── seqnos ───────────────────────────────────────────────────────────────────────────────────────────────
export {
  beginGroup,
  nextSeqno,
  publishGroup,
  publishSeqno,
  raiseNextSeqno,
  setGroup,
  skipEntry,
  visibleSeqno,
} from './key/seqno'

// ── writing ──────────────────────────────────────────────────────────────────────────────────────────────
export { applyEntries, applyLarge } from './memtable/apply'
export { createMemtable, freeMemtable, memtableIndex, memtableRank } from './memtable/memtable'

// ── reading memtables ────────────────────────────────────────────────────────────────────────────────────
export { pointRead } from './read/point'
export { tablePosition } from './read/table-position'

// ── checksum ─────────────────────────────────────────────────────────────────────────────────────────────
export { hash, mixedChecksum } from './checksum/mixed'
export { hashBegin, hashFinish, hashUpdate } from './checksum/xxh3-stream'
export { setKeySecret } from './checksum/xxh3'

// ── block cache ──────────────────────────────────────────────────────────────────────────────────────────
export { cacheCreate, cacheShrink } from './cache/cache'
export { loadBlock, releaseTable } from './cache/block-load'

// ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────
export { checkBlock } from './table/block-check'
export { blockGet } from './table/block-get'
export { blockEntries, indexEntry, indexSeek } from './table/index-block'

// ── what a flush or a compaction writes ──────────────────────────────────────────────────────────────────
export { streamExclude } from './compact/exclusion'
export { streamInspect } from './compact/inspect'
export {
  streamBlock,
  streamCreate,
  streamFree,
  streamMemtable,
  streamRules,
  streamRun,
  streamRunEnd,
} from './compact/stream'

// ── building tables ──────────────────────────────────────────────────────────────────────────────────────
export { builderAppend, builderExtent, builderFeed, builderFinish } from './table/builder'
export { builderCreate, builderFree, builderWritten } from './table/builder-state'

// ── merging ranges ───────────────────────────────────────────────────────────────────────────────────────
export { mergeBegin, mergeEnd } from './read/merge'
export { mergeCut, mergeFill, mergeKey } from './read/merge-fill'
