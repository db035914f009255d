import {
  BOUND_AFTER,
  SLOT_READ_SEQNO,
  SLOT_SOURCE,
  STATUS_NO_PAGES,
  STATUS_OK,
  SUPERVERSION_COUNT,
  SUPERVERSION_MAX_MEMTABLES,
  SUPERVERSION_MEMTABLES,
} from '../memory/layout'
import { loadU32, loadU64, storeU32, storeU64 } from '../memory/bytes'
import { readTrailer, TRAILER_AFTER, TRAILER_BEFORE } from '../key/internal-key'
import { readSeqno } from '../key/seqno'
import { CURSOR_ENTRY } from '../table/block-entry'
import { heapPush } from './merge-heap'
import {
  CURRENT_NONE,
  MAX_SOURCES,
  MERGE_BEGIN_KEY,
  MERGE_BEGIN_LENGTH,
  MERGE_BEGIN_TRAILER,
  MERGE_CHUNK,
  MERGE_CURRENT_STATE,
  MERGE_FIRST_WAITING,
  MERGE_HEAP_COUNT,
  MERGE_READ_SEQNO,
  MERGE_REVERSE,
  MERGE_RUNNER_UP,
  MERGE_SOURCES,
  MERGE_WAITING,
  mergePage,
  NO_KEY,
  SOURCE_MEMTABLE,
  SOURCE_NUMBER,
  SOURCE_TRAIL,
  SOURCE_WAITING,
  sourceAt,
  trailAt,
} from './merge-page'
import { sourceSeekBlock, sourceSeekMemtable } from './merge-source'

/**
 * Setting up the merge of a slot: its sources and where they stand. src/kernel/exports.ts says what each export does.
 * Running it: merge-fill.ts.
 */
export function mergeBegin(
  slot: u32,
  superVersion: u32,
  seqno: f64,
  reverse: u32,
  key: u32,
  keyLength: u32,
  bound: u32,
): void {
  const page = mergePage(slot)
  // NOTE: S before any memtable is looked at: what is inserted in between has a seqno ≥ S.
  const s = readSeqno(seqno)
  storeU64(slot + SLOT_READ_SEQNO, s)
  storeU64(page + MERGE_READ_SEQNO, s)
  storeU32(page + MERGE_REVERSE, reverse != 0 ? 1 : 0)
  storeU32(page + MERGE_HEAP_COUNT, 0)
  storeU32(page + MERGE_WAITING, 0)
  storeU32(page + MERGE_FIRST_WAITING, MAX_SOURCES)
  storeU32(page + MERGE_RUNNER_UP, 0)
  storeU32(page + MERGE_CHUNK, 0)
  storeU32(page + MERGE_CURRENT_STATE, CURRENT_NONE)

  // Forwards the versions that S does not see need not be walked over.
  let trailer = TRAILER_AFTER
  if (bound != BOUND_AFTER) trailer = reverse != 0 ? TRAILER_BEFORE : readTrailer(s)
  storeU32(page + MERGE_BEGIN_KEY, key)
  storeU32(page + MERGE_BEGIN_LENGTH, keyLength)
  storeU64(page + MERGE_BEGIN_TRAILER, trailer)

  const count = loadU32(superVersion + SUPERVERSION_COUNT)
  if (!ASC_NO_ASSERT) assert(count <= SUPERVERSION_MAX_MEMTABLES)
  storeU32(page + MERGE_SOURCES, count)
  for (let i: u32 = 0; i < count; i++) {
    const source = sourceAt(page, i)
    storeU32(source + SOURCE_MEMTABLE, loadU32(superVersion + SUPERVERSION_MEMTABLES + 4 * i))
    storeU32(source + SOURCE_WAITING, 0)
    storeU32(source + SOURCE_NUMBER, i)
    if (sourceSeekMemtable(source, reverse != 0, key, keyLength, trailer)) heapPush(page, source)
  }
}

export function mergeAddTable(slot: u32): u32 {
  const page = mergePage(slot)
  const number = loadU32(page + MERGE_SOURCES)
  if (number == MAX_SOURCES) return STATUS_NO_PAGES
  storeU32(page + MERGE_SOURCES, number + 1)
  const source = sourceAt(page, number)
  storeU32(source + SOURCE_MEMTABLE, 0)
  storeU32(source + SOURCE_NUMBER, number)
  storeU32(source + SOURCE_TRAIL, trailAt(page, number))
  sourceWait(page, source)
  storeU32(slot + SLOT_SOURCE, number)
  return STATUS_OK
}

export function mergeSetBlock(slot: u32, source: u32, payload: u32, length: u32, seek: u32): void {
  const page = mergePage(slot)
  const record = waitingSource(page, source)
  const found = sourceSeekBlock(
    record,
    payload,
    length,
    loadU32(page + MERGE_REVERSE) != 0,
    loadU32(page + MERGE_BEGIN_KEY),
    seek != 0 ? loadU32(page + MERGE_BEGIN_LENGTH) : NO_KEY,
    loadU64(page + MERGE_BEGIN_TRAILER),
  )
  if (!found) return
  sourceResume(page, record)
  heapPush(page, record)
}

export function mergeExhaust(slot: u32, source: u32): void {
  const page = mergePage(slot)
  sourceResume(page, waitingSource(page, source))
}

// ── waiting for blocks ───────────────────────────────────────────────────────────────────────────────────

/** Notes that a table source, at no entry and not in the heap, needs a block. */
export function sourceWait(page: u32, source: u32): void {
  storeU32(source + CURSOR_ENTRY, 0)
  storeU32(source + SOURCE_WAITING, 1)
  storeU32(page + MERGE_WAITING, loadU32(page + MERGE_WAITING) + 1)
  const number = loadU32(source + SOURCE_NUMBER)
  if (number < loadU32(page + MERGE_FIRST_WAITING)) storeU32(page + MERGE_FIRST_WAITING, number)
}

/** Number of a source that waits. INVARIANT: there is one. */
export function firstWaiting(page: u32): u32 {
  let number = loadU32(page + MERGE_FIRST_WAITING)
  while (loadU32(sourceAt(page, number) + SOURCE_WAITING) == 0) number++
  if (!ASC_NO_ASSERT) assert(number < loadU32(page + MERGE_SOURCES))
  storeU32(page + MERGE_FIRST_WAITING, number)
  return number
}

function sourceResume(page: u32, source: u32): void {
  storeU32(source + SOURCE_WAITING, 0)
  storeU32(page + MERGE_WAITING, loadU32(page + MERGE_WAITING) - 1)
}

function waitingSource(page: u32, number: u32): u32 {
  const source = sourceAt(page, number)
  if (!ASC_NO_ASSERT) assert(number < loadU32(page + MERGE_SOURCES) && loadU32(source + SOURCE_WAITING) == 1)
  return source
}
