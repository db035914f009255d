import { trailerSeqno } from '../key/internal-key'
import { loadF64, loadU32, loadU64, loadV128, storeF64, storeU32, storeU64, storeV128 } from '../memory/bytes'
import {
  STATUS_DONE,
  STATUS_MALFORMED,
  STATUS_NEED_BLOCK,
  STATUS_OK,
  STREAM_DROPPED,
  STREAM_READ,
  STREAM_REPEATS,
  SLOT_POSITION,
  SLOT_TYPE,
  BLOCK_DATA,
} from '../memory/layout'
import { heapPop, heapSettle, heapTop } from '../read/merge-heap'
import { compareUserKeys, sameUserKey } from '../read/merge-order'
import { MERGE_HEAP_COUNT, RUN_HOT, SOURCE_MEMTABLE, SOURCE_NUMBER, SOURCE_PREFIX } from '../read/merge-page'
import { sourceAdvance } from '../read/merge-source'
import { CURSOR_REST_LENGTH, CURSOR_TRAILER, CURSOR_VALUE } from '../table/block-entry'
import { blockCopyKey, blockKeyLength } from '../table/block-reader'
import { passCuts } from './cuts'
import { annihilate, isDropped, isTombstone, isWeak, repeatsWeak } from './drop'
import { noteExclusion } from './exclusion'
import { longVersions } from './long-key'
import { firstWaiting, want } from './stream'
import {
  currentEntry,
  NO_STRIPE,
  STATE_EMPTY,
  STATE_READY,
  STATE_TAKEN,
  STATE_WEAK,
  STREAM_EXCLUDED,
  STREAM_FIRST_VERSION,
  STREAM_HAS_NEWER,
  STREAM_HOT,
  STREAM_KEY,
  STREAM_LONG_VERSIONS,
  STREAM_NEWER,
  STREAM_NEWER_STRIPE,
  STREAM_SOURCE,
  STREAM_STATE,
  STREAM_TOMBSTONE_STRIPE,
  STREAM_WAITING,
} from './stream-page'
import { stripeOf } from './stripes'

/**
 * Chooses the entry that comes next: then it is the current one, its key in the stream's page, its value where the source has it,
 * until streamTake.
 * @returns OK, DONE, NEED_BLOCK (SLOT_POSITION: of which source), or MALFORMED: the entries of a source do not ascend.
 */
export function streamNext(slot: u32, stream: u32): u32 {
  const state = loadU32(stream + STREAM_STATE)
  if (state == STATE_READY) return STATUS_OK
  while (true) {
    if (loadU32(stream + STREAM_WAITING) != 0) {
      storeU32(slot + SLOT_POSITION, firstWaiting(stream))
      storeU32(slot + SLOT_TYPE, BLOCK_DATA)
      return STATUS_NEED_BLOCK
    }
    const weak = loadU32(stream + STREAM_STATE) == STATE_WEAK
    if (loadU32(stream + MERGE_HEAP_COUNT) == 0) return weak ? ready(stream) : STATUS_DONE
    const top = heapTop(stream)
    const entry = currentEntry(stream)
    const trailer = loadU64(top + CURSOR_TRAILER)
    const same = loadU32(stream + STREAM_STATE) != STATE_EMPTY && sameUserKey(top, entry)
    if (weak && !same) return ready(stream)
    if (same) {
      const newer = loadU64(stream + STREAM_NEWER)
      if (trailer > newer) return STATUS_MALFORMED
      if (trailer == newer) {
        if (loadU32(stream + STREAM_REPEATS) == 0) return STATUS_MALFORMED
        // NOTE: not passed: what holds of the one before holds of what follows.
        count(stream, STREAM_DROPPED, 1)
        count(stream, STREAM_READ, 1)
        advance(stream, top)
        continue
      }
    } else {
      if (loadU32(stream + STREAM_STATE) != STATE_EMPTY && compareUserKeys(top, entry) < 0)
        return STATUS_MALFORMED
      beginUserKey(stream, top)
    }
    const stripe = stripeOf(stream, trailerSeqno(trailer))
    if (weak) {
      const weakStripe = loadU32(stream + STREAM_NEWER_STRIPE)
      const both = annihilate(stream, weakStripe, trailer, stripe)
      if (!both && !repeatsWeak(stream, weakStripe, trailer, stripe)) return ready(stream)
      count(stream, STREAM_DROPPED, both ? 2 : 1)
      pass(stream, top, trailer, stripe)
      if (!both) storeU32(stream + STREAM_STATE, STATE_WEAK)
      continue
    }
    const dropped = loadU32(stream + STREAM_EXCLUDED) != 0 || isDropped(stream, trailer, stripe)
    if (!dropped) takeEntry(stream, top, trailer)
    pass(stream, top, trailer, stripe)
    if (dropped) {
      count(stream, STREAM_DROPPED, 1)
    } else if (isWeak(trailer)) {
      storeU32(stream + STREAM_STATE, STATE_WEAK)
    } else {
      if (isTombstone(trailer)) storeU32(stream + STREAM_TOMBSTONE_STRIPE, stripe)
      return ready(stream)
    }
  }
}

/** The current entry was written: the next one may be chosen. */
export function streamTake(stream: u32): void {
  storeU32(stream + STREAM_STATE, STATE_TAKEN)
  storeU32(stream + STREAM_FIRST_VERSION, 0)
}

// @ts-ignore: decorator
@inline
function ready(stream: u32): u32 {
  storeU32(stream + STREAM_STATE, STATE_READY)
  storeU32(stream + STREAM_LONG_VERSIONS, longVersions(stream))
  return STATUS_OK
}

/** Makes the user key of a source the current one. */
// @ts-ignore: decorator
@inline
function beginUserKey(stream: u32, source: u32): void {
  const entry = currentEntry(stream)
  blockCopyKey(source, stream + STREAM_KEY)
  storeU32(entry + CURSOR_REST_LENGTH, blockKeyLength(source))
  storeV128(entry + SOURCE_PREFIX, loadV128(source + SOURCE_PREFIX))
  storeU32(stream + STREAM_HAS_NEWER, 0)
  storeU32(stream + STREAM_TOMBSTONE_STRIPE, NO_STRIPE)
  storeU32(stream + STREAM_FIRST_VERSION, 1)
  passCuts(stream)
  noteExclusion(stream)
}

/** Makes the rest of a source's entry the current one. */
// @ts-ignore: decorator
@inline
function takeEntry(stream: u32, source: u32, trailer: u64): void {
  const entry = currentEntry(stream)
  storeU64(entry + CURSOR_TRAILER, trailer)
  storeU64(entry + CURSOR_VALUE, loadU64(source + CURSOR_VALUE))
  storeU64(entry + SOURCE_MEMTABLE, loadU64(source + SOURCE_MEMTABLE))
  storeU32(stream + STREAM_HOT, loadU32(source + RUN_HOT))
  storeU32(stream + STREAM_SOURCE, loadU32(source + SOURCE_NUMBER))
}

/** Leaves an entry behind; the page its value is in stays as it is until a block is asked for. */
// @ts-ignore: decorator
@inline
function pass(stream: u32, top: u32, trailer: u64, stripe: u32): void {
  storeU32(stream + STREAM_HAS_NEWER, 1)
  storeU64(stream + STREAM_NEWER, trailer)
  storeU32(stream + STREAM_NEWER_STRIPE, stripe)
  storeU32(stream + STREAM_STATE, STATE_TAKEN)
  count(stream, STREAM_READ, 1)
  advance(stream, top)
}

/** Goes on in a source. */
// @ts-ignore: decorator
@inline
function advance(stream: u32, top: u32): void {
  if (sourceAdvance(top, false)) {
    heapSettle(stream, false)
  } else {
    heapPop(stream)
    if (loadU32(top + SOURCE_MEMTABLE) == 0) want(stream, top)
  }
}

// @ts-ignore: decorator
@inline
function count(stream: u32, counter: u32, n: u32): void {
  storeF64(stream + counter, loadF64(stream + counter) + <f64>n)
}
