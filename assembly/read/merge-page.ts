import { PAGE_BYTES, SLOT_MERGE } from '../memory/layout'
import { loadU32 } from '../memory/bytes'
import { BLOCK_CURSOR_BYTES } from '../table/block-entry'
import { TRAIL_BYTES } from './block-trail'

/**
 * The state of a merge, all of it in the slot's merge page:
 *
 *   0        320    2880                                           110400               131072
 *   ├ header ┼ heap ┼ sources (640 × 168 B): memtables, then runs ┼ trails (304 × 68 B) ┤
 *
 * There is no room for keys here. A key that must outlive its block (the user key in progress when a block is replaced) is put
 * behind the last entry of the chunk; the key of mergeBegin stays where the caller has it.
 */

// ── source ───────────────────────────────────────────────────────────────────────────────────────────────
//   block cursor (80 B) │ v128 prefix │ u32 memtable │ u32 table │ u32 number │ u32 trail │ run (56 B)
//
// A memtable source uses of the block cursor CURSOR_ENTRY (its node) and the entry's slices and trailer. The run part, of run sources only,
// says where in the run the source is (merge-run.ts).

/** v128: the first 16 bytes of the user key, zeros behind a shorter one. */
export const SOURCE_PREFIX: u32 = BLOCK_CURSOR_BYTES
/** u32: the memtable; 0 of a run source. */
export const SOURCE_MEMTABLE: u32 = BLOCK_CURSOR_BYTES + 16
/** u32: the record of the table that a run source is in; 0 of a memtable source. */
export const SOURCE_TABLE: u32 = BLOCK_CURSOR_BYTES + 20
/** u32: index in the source array. */
export const SOURCE_NUMBER: u32 = BLOCK_CURSOR_BYTES + 24
/** u32: trail of a run source, for moving backwards; 0 of those with numbers from TRAIL_COUNT on, which do without. */
export const SOURCE_TRAIL: u32 = BLOCK_CURSOR_BYTES + 28
/** Bytes that say all about the entry at which a source stands. */
const ENTRY_BYTES: u32 = BLOCK_CURSOR_BYTES + 32
/** u32: what the source wants next; 0 while it stands at an entry. */
export const RUN_PHASE: u32 = ENTRY_BYTES
/** u32: address of the words that name the run's tables; their number; number of the table it is in. */
export const RUN_TABLES: u32 = ENTRY_BYTES + 4
export const RUN_TABLE_COUNT: u32 = ENTRY_BYTES + 8
export const RUN_TABLE_NUMBER: u32 = ENTRY_BYTES + 12
/** u32: ordinal in the root index of the index block it is in; in that of the data block. */
export const RUN_ROOT_ORDINAL: u32 = ENTRY_BYTES + 16
export const RUN_INDEX_ORDINAL: u32 = ENTRY_BYTES + 20
/** u64 offset, u32 size of these blocks. */
export const RUN_INDEX_OFFSET: u32 = ENTRY_BYTES + 24
export const RUN_DATA_OFFSET: u32 = ENTRY_BYTES + 32
export const RUN_INDEX_SIZE: u32 = ENTRY_BYTES + 40
export const RUN_DATA_SIZE: u32 = ENTRY_BYTES + 44
/** u32: frame of the data block, pinned; 0 if there is none. */
export const RUN_FRAME: u32 = ENTRY_BYTES + 48
/** u32, in an entry stream: 1 if the data block it is in was in the cache when it was read. */
export const RUN_HOT: u32 = ENTRY_BYTES + 52
const SOURCE_BYTES: u32 = ENTRY_BYTES + 56
export const MAX_SOURCES: u32 = 640

// ── header ───────────────────────────────────────────────────────────────────────────────────────────────
/** u64: S. Kept here too, since other reads of the thread may use SLOT_READ_SEQNO between two calls. */
export const MERGE_READ_SEQNO: u32 = 0
/** u32: 1 if backwards. */
export const MERGE_REVERSE: u32 = 8
/** u32: number of sources; of sources in the heap; of run sources that wait for a block. */
export const MERGE_SOURCES: u32 = 12
export const MERGE_HEAP_COUNT: u32 = 16
export const MERGE_WAITING: u32 = 20
/** u32: no source with a smaller number waits. */
export const MERGE_FIRST_WAITING: u32 = 24
/** u32: heap index (1 or 2) of the second best source, 0 if not known. */
export const MERGE_RUNNER_UP: u32 = 28
/** u32: key of mergeBegin; its length or NO_KEY; u64: where it stands among the versions of its key. */
export const MERGE_BEGIN_KEY: u32 = 32
export const MERGE_BEGIN_LENGTH: u32 = 36
export const MERGE_BEGIN_TRAILER: u32 = 40
/** u32: the chunk being filled, 0 between two chunks; bytes and entries in it; start of the last entry. */
export const MERGE_CHUNK: u32 = 48
export const MERGE_CHUNK_LENGTH: u32 = 52
export const MERGE_CHUNK_COUNT: u32 = 56
export const MERGE_CHUNK_LAST: u32 = 60
/** u32: what MERGE_CURRENT is, below. */
export const MERGE_CURRENT_STATE: u32 = 64
/** u32: 1 if the mergeFill in progress has an end key. */
export const MERGE_HAS_END: u32 = 68
/** u32: 1 if the merge goes on behind another one: its bound was reached before. */
export const MERGE_CONTINUES: u32 = 72
/** u32: entries that a forward merge passed before the first one of the chunk. */
export const MERGE_PASSED: u32 = 76
/**
 * A source record, copied when its entry was taken: the user key in progress. Forwards: the last one decided, whose older versions are
 * skipped. Backwards: its newest visible version so far, not yet in the chunk.
 */
export const MERGE_CURRENT: u32 = 96
/** A source record of which only the user key is used: the end key of the mergeFill in progress. */
export const MERGE_END: u32 = MERGE_CURRENT + ENTRY_BYTES
const MERGE_HEADER_BYTES: u32 = MERGE_END + ENTRY_BYTES

/** There is none. */
export const CURRENT_NONE: u32 = 0
/** Its slices lie in a memtable or in the block it was read from. */
export const CURRENT_REFERENCED: u32 = 1
/** It lies behind the last entry of the chunk. */
export const CURRENT_KEPT: u32 = 2

/** A key length that means: no key. */
export const NO_KEY: u32 = 0xffffffff

// ── heap, sources, trails ────────────────────────────────────────────────────────────────────────────────
/** u32 × MAX_SOURCES: pointers to sources that stand at an entry. */
export const MERGE_HEAP: u32 = MERGE_HEADER_BYTES
const MERGE_SOURCE_ARRAY: u32 = MERGE_HEAP + 4 * MAX_SOURCES
const MERGE_TRAILS: u32 = MERGE_SOURCE_ARRAY + MAX_SOURCES * SOURCE_BYTES
export const TRAIL_COUNT: u32 = (PAGE_BYTES - MERGE_TRAILS) / TRAIL_BYTES

// @ts-ignore: decorator
@inline
export function mergePage(slot: u32): u32 {
  return loadU32(slot + SLOT_MERGE)
}

// @ts-ignore: decorator
@inline
export function sourceAt(page: u32, number: u32): u32 {
  return page + MERGE_SOURCE_ARRAY + number * SOURCE_BYTES
}

/** The trail of the source with that number, or 0. */
// @ts-ignore: decorator
@inline
export function trailAt(page: u32, number: u32): u32 {
  return number < TRAIL_COUNT ? page + MERGE_TRAILS + number * TRAIL_BYTES : 0
}
