/**
 * The kernel's parts that several threads use at once, as test/torture/sched explores their interleavings (scripts/build-explored.mjs compiles
 * this entry). Not shipped. Every atomic access in what is exported here must be reached by a scenario.
 */
import './atomic'
import './touched'
import { atomicLoadU32, atomicStoreU32 } from '../memory/bytes'

export { attachSlot, giveSlot, takeSlot } from '../memory/control'
export { enterRead, isRead, leaveRead, retire } from '../memory/epoch'
export { allocateOwnPage, allocatePage, freePage, payPages, repayPages } from '../memory/pages'
export { allocateRecord, freeRecord } from '../memory/records'
export { allocateChain, freeChain } from '../memory/chain'
export {
  beginGroup,
  nextSeqno,
  publishGroup,
  publishSeqno,
  raiseNextSeqno,
  setGroup,
  visibleSeqno,
} from '../key/seqno'
export { applyEntries, applyLarge } from '../memtable/apply'
export { createMemtable, freeMemtable, memtableIndex } from '../memtable/memtable'
export {
  cursorFirst,
  cursorLast,
  cursorNext,
  cursorPrevious,
  cursorSeekGE,
  cursorSeekLT,
} from '../memtable/cursor'
export { listInsert, nodeCreate, spliceCreate } from '../memtable/skiplist'
export { pointRead } from '../read/point'
export { mergeBegin, mergeEnd } from '../read/merge'
export { mergeFill } from '../read/merge-fill'
export { cacheCreate, cacheFind, cacheHolds, cacheInsert, cacheShrink, frameUnpin } from '../cache/cache'

/** For shared words that TypeScript reads and writes with Atomics. */
export function loadWord(p: u32): u32 {
  return atomicLoadU32(p)
}

export function storeWord(p: u32, value: u32): void {
  atomicStoreU32(p, value)
}
