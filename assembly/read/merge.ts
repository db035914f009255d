import {
  BOUND_AFTER,
  SLOT_READ_SEQNO,
  STATUS_NEED_BLOCK,
  STATUS_NO_PAGES,
  STATUS_OK,
  SUPERVERSION_COUNT,
  SUPERVERSION_MAX_MEMTABLES,
  SUPERVERSION_MEMTABLES,
  SUPERVERSION_VERSION,
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
  MERGE_CONTINUES,
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
  RUN_FRAME,
  RUN_PHASE,
  RUN_TABLES,
  RUN_TABLE_COUNT,
  RUN_TABLE_NUMBER,
  SOURCE_MEMTABLE,
  SOURCE_NUMBER,
  SOURCE_TABLE,
  SOURCE_TRAIL,
  sourceAt,
  trailAt,
} from './merge-page'
import {
  PHASE_AHEAD,
  PHASE_DONE,
  PHASE_ROOT_SEEK,
  PHASE_STANDS,
  runAhead,
  runFetch,
  runRelease,
} from './merge-run'
import { sourceSeekMemtable } from './merge-source'
import {
  compareLargest,
  compareSmallest,
  countStarting,
  firstReaching,
  runEnd,
  tableWord,
  versionRuns,
} from './version-tables'

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
  continues: u32,
): u32 {
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
  storeU32(page + MERGE_CONTINUES, continues)
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
    storeU32(source + SOURCE_TABLE, 0)
    storeU32(source + SOURCE_NUMBER, i)
    storeU32(source + RUN_PHASE, PHASE_STANDS)
    if (sourceSeekMemtable(source, reverse != 0, key, keyLength, trailer)) heapPush(page, source)
  }
  const version = loadU32(superVersion + SUPERVERSION_VERSION)
  return version == 0 ? STATUS_OK : addRuns(page, version, reverse != 0, key, keyLength)
}

/** Adds the runs of a Version; each stands in the table where it starts and waits for its first block. */
function addRuns(page: u32, version: u32, reverse: bool, key: u32, keyLength: u32): u32 {
  const runs = versionRuns(version)
  let number = loadU32(page + MERGE_SOURCES)
  if (runs > MAX_SOURCES - number) return STATUS_NO_PAGES
  let start: u32 = 0
  for (let run: u32 = 0; run < runs; run++) {
    const end = runEnd(version, run)
    const tables = tableWord(version, start)
    const count = end - start
    start = end
    let first: u32 = reverse ? count - 1 : 0
    if (keyLength != NO_KEY) {
      first = reverse
        ? countStarting(tables, count, key, keyLength) - 1
        : firstReaching(tables, count, key, keyLength)
    }
    const source = sourceAt(page, number)
    storeU32(source + SOURCE_MEMTABLE, 0)
    storeU32(source + SOURCE_NUMBER, number)
    storeU32(source + SOURCE_TRAIL, trailAt(page, number))
    storeU32(source + RUN_TABLES, tables)
    storeU32(source + RUN_TABLE_COUNT, count)
    storeU32(source + RUN_TABLE_NUMBER, first)
    storeU32(source + RUN_FRAME, 0)
    number++
    if (first >= count) {
      storeU32(source + RUN_PHASE, PHASE_DONE)
      continue
    }
    const table = loadU32(tables + 4 * first)
    if (keyLength != NO_KEY && !isBeyond(table, reverse, key, keyLength)) {
      sourceWait(page, source, PHASE_ROOT_SEEK)
    } else {
      runAhead(source, table, reverse)
      heapPush(page, source)
    }
  }
  storeU32(page + MERGE_SOURCES, number)
  return STATUS_OK
}

/** Whether all user keys of a table lie beyond a key in the direction of the merge. */
function isBeyond(table: u32, reverse: bool, key: u32, keyLength: u32): bool {
  return reverse ? compareLargest(table, key, keyLength) < 0 : compareSmallest(table, key, keyLength) > 0
}

/** KernelExports.mergeEnd. */
export function mergeEnd(slot: u32): void {
  const page = mergePage(slot)
  const sources = loadU32(page + MERGE_SOURCES)
  for (let i: u32 = 0; i < sources; i++) {
    const source = sourceAt(page, i)
    if (loadU32(source + SOURCE_MEMTABLE) == 0) runRelease(source)
  }
  storeU32(page + MERGE_SOURCES, 0)
}

// ── waiting for blocks ───────────────────────────────────────────────────────────────────────────────────

/** Notes that a run source, at no entry and not in the heap, is to be taken to its next entry, beginning with `phase`. */
export function sourceWait(page: u32, source: u32, phase: u32): void {
  storeU32(source + CURSOR_ENTRY, 0)
  storeU32(source + RUN_PHASE, phase)
  storeU32(page + MERGE_WAITING, loadU32(page + MERGE_WAITING) + 1)
  const number = loadU32(source + SOURCE_NUMBER)
  if (number < loadU32(page + MERGE_FIRST_WAITING)) storeU32(page + MERGE_FIRST_WAITING, number)
}

/** Takes all sources that wait to their next entries. @returns OK or NEED_BLOCK */
export function fetchWaiting(slot: u32, page: u32, reverse: bool): u32 {
  let number = loadU32(page + MERGE_FIRST_WAITING)
  for (let waiting = loadU32(page + MERGE_WAITING); waiting > 0; number++) {
    if (!ASC_NO_ASSERT) assert(number < loadU32(page + MERGE_SOURCES))
    const source = sourceAt(page, number)
    const phase = loadU32(source + RUN_PHASE)
    if (phase == PHASE_STANDS || phase == PHASE_DONE || phase == PHASE_AHEAD) continue
    const status = runFetch(slot, page, source, reverse)
    if (status == STATUS_NEED_BLOCK) {
      storeU32(page + MERGE_FIRST_WAITING, number)
      return status
    }
    storeU32(page + MERGE_WAITING, --waiting)
    if (status == STATUS_OK) heapPush(page, source)
  }
  storeU32(page + MERGE_FIRST_WAITING, MAX_SOURCES)
  return STATUS_OK
}
