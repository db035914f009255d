import { fillBytes, copyBytes, loadU32, storeF64, storeU32 } from '../memory/bytes'
import {
  BLOCK_DATA,
  SLOT_COUNT_RESULT,
  SLOT_LENGTH,
  SLOT_POINTER,
  STATUS_OK,
  STREAM_DROPPED,
  STREAM_MEMBERS_MAX,
  STREAM_READ,
  SUPERVERSION_MAX_MEMTABLES,
} from '../memory/layout'
import { cacheHolds } from '../cache/cache'
import { allocatePage, freePage } from '../memory/pages'
import { heapPush } from '../read/merge-heap'
import {
  MERGE_HEAP,
  NO_KEY,
  RUN_HOT,
  RUN_PHASE,
  SOURCE_MEMTABLE,
  SOURCE_NUMBER,
  SOURCE_TABLE,
  SOURCE_TRAIL,
  sourceAt,
} from '../read/merge-page'
import { sourceSeekBlock, sourceSeekMemtable } from '../read/merge-source'
import { CURSOR_ENTRY, CURSOR_REST } from '../table/block-entry'
import { openFrame } from '../table/block-check'
import { blockEntries } from '../table/index-block'
import {
  currentEntry,
  NO_STRIPE,
  RUN_PAGE,
  STREAM_CUTS,
  STREAM_EXTENT_SIZES,
  STREAM_KEY,
  STREAM_MAX_SOURCES,
  STREAM_MEMBER_COUNT,
  STREAM_OLDER,
  STREAM_SOURCES,
  STREAM_TOMBSTONE_STRIPE,
  STREAM_WAITING,
} from './stream-page'

/**
 * An entry stream: what a flush or a compaction writes. It merges memtables and runs of tables, every version of every key, and leaves out what
 * nobody can ask for any more (drop.ts). Setting it up and giving it blocks; taking entries from it: stream-next.ts.
 *
 * Runs are read front to back, each with one data block at a time in a page of its own, past the cache. NOTE: a table is read once and then goes.
 */

/** A run source stands at an entry; wants its next data block; has no more. */
export const RUN_STANDS: u32 = 0
export const RUN_WANTS: u32 = 1
const RUN_ENDED: u32 = 2

/** KernelExports.streamCreate. */
export function streamCreate(): u32 {
  const stream = allocatePage()
  if (stream == 0) return 0
  fillBytes(stream, 0, STREAM_EXTENT_SIZES)
  const entry = currentEntry(stream)
  storeU32(entry + CURSOR_REST, stream + STREAM_KEY)
  storeU32(stream + STREAM_TOMBSTONE_STRIPE, NO_STRIPE)
  return stream
}

/** KernelExports.streamFree. */
export function streamFree(stream: u32): void {
  const count = loadU32(stream + STREAM_SOURCES)
  for (let i: u32 = 0; i < count; i++) {
    const source = sourceAt(stream, i)
    if (loadU32(source + SOURCE_MEMTABLE) == 0) freePage(loadU32(source + RUN_PAGE))
  }
  freePage(stream)
}

/** KernelExports.streamMemtable. */
export function streamMemtable(stream: u32, memtable: u32): void {
  const number = loadU32(stream + STREAM_SOURCES)
  if (!ASC_NO_ASSERT) assert(number < SUPERVERSION_MAX_MEMTABLES)
  const source = addSource(stream, number)
  storeU32(source + SOURCE_MEMTABLE, memtable)
  if (sourceSeekMemtable(source, false, 0, NO_KEY, 0)) heapPush(stream, source)
}

/** KernelExports.streamRun. */
export function streamRun(stream: u32): u32 {
  const number = loadU32(stream + STREAM_SOURCES)
  if (number == STREAM_MAX_SOURCES) return NO_SOURCE
  const page = allocatePage()
  if (page == 0) return NO_SOURCE
  const source = addSource(stream, number)
  storeU32(source + RUN_PAGE, page)
  want(stream, source)
  return number
}

const NO_SOURCE: u32 = 0xffffffff

function addSource(stream: u32, number: u32): u32 {
  const source = sourceAt(stream, number)
  storeU32(source + SOURCE_NUMBER, number)
  storeU32(source + SOURCE_TRAIL, 0)
  storeU32(source + RUN_PHASE, RUN_STANDS)
  storeU32(stream + STREAM_SOURCES, number + 1)
  return source
}

/** KernelExports.streamRules. */
export function streamRules(stream: u32, members: u32, older: u32, cuts: u32): void {
  if (!ASC_NO_ASSERT) assert(members <= STREAM_MEMBERS_MAX)
  storeU32(stream + STREAM_MEMBER_COUNT, members)
  storeU32(stream + STREAM_OLDER, older)
  storeU32(stream + STREAM_CUTS, cuts)
}

/** Has a run source, at no entry and not in the heap, wait for its next data block. */
export function want(stream: u32, source: u32): void {
  storeU32(source + CURSOR_ENTRY, 0)
  storeU32(source + RUN_PHASE, RUN_WANTS)
  storeU32(stream + STREAM_WAITING, loadU32(stream + STREAM_WAITING) + 1)
}

/** Number of the first source that wants a block. INVARIANT: there is one. */
export function firstWaiting(stream: u32): u32 {
  let number: u32 = 0
  while (loadU32(sourceAt(stream, number) + RUN_PHASE) != RUN_WANTS) number++
  return number
}

/** KernelExports.streamBlock. */
export function streamBlock(
  slot: u32,
  stream: u32,
  number: u32,
  table: u32,
  block: u32,
  size: u32,
  offset: f64,
): u32 {
  const source = sourceAt(stream, number)
  if (!ASC_NO_ASSERT) assert(loadU32(source + RUN_PHASE) == RUN_WANTS)
  const page = loadU32(source + RUN_PAGE)
  const status = openFrame(slot, block, size, BLOCK_DATA, table, offset, page, true)
  if (status != STATUS_OK) return status
  const payload = loadU32(slot + SLOT_POINTER)
  const length = loadU32(slot + SLOT_LENGTH)
  if (payload != page) copyBytes(page, payload, length)
  storeU32(slot + SLOT_COUNT_RESULT, blockEntries(page, length))
  storeU32(source + SOURCE_TABLE, table)
  storeU32(source + RUN_HOT, cacheHolds(table, <u64>offset) ? 1 : 0)
  storeU32(source + RUN_PHASE, RUN_STANDS)
  storeU32(stream + STREAM_WAITING, loadU32(stream + STREAM_WAITING) - 1)
  // A block that was walked has an entry.
  if (sourceSeekBlock(source, page, length, false, 0, NO_KEY, 0)) heapPush(stream, source)
  return STATUS_OK
}

/** KernelExports.streamRunEnd. */
export function streamRunEnd(stream: u32, number: u32): void {
  const source = sourceAt(stream, number)
  if (!ASC_NO_ASSERT) assert(loadU32(source + RUN_PHASE) == RUN_WANTS)
  storeU32(source + RUN_PHASE, RUN_ENDED)
  storeU32(stream + STREAM_WAITING, loadU32(stream + STREAM_WAITING) - 1)
}
