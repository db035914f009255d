import { streamNext, streamTake } from '../compact/stream-next'
import {
  currentEntry,
  STREAM_CUT_PASSED,
  STREAM_EXTENT_SIZES,
  STREAM_FIRST_VERSION,
  STREAM_HOT,
  STREAM_LONG_VERSIONS,
} from '../compact/stream-page'
import { keyHash } from '../key/hash'
import { trailerType } from '../key/internal-key'
import { copyBytes, loadF64, loadU32, loadU64, storeF64, storeU32 } from '../memory/bytes'
import { chainPages } from '../memory/chain'
import {
  BLOCK_EXTENT,
  BLOCK_MAX_BYTES,
  BUILDER_ENTRIES,
  BUILDER_HIDDEN_VERSIONS,
  BUILDER_MIN_KEY,
  BUILDER_MIN_KEY_LENGTH,
  BUILDER_RAW_KEY_BYTES,
  BUILDER_RAW_VALUE_BYTES,
  BUILDER_ROOT_SIZE,
  BUILDER_TOMBSTONES,
  BUILDER_WEAK_TOMBSTONES,
  INLINE_VALUE_LIMIT_BYTES,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_POSITION,
  SLOT_TABLE,
  SLOT_TYPE,
  STATUS_ABSENT,
  STATUS_DONE,
  STATUS_FULL,
  STATUS_MALFORMED,
  STATUS_NEED_BLOCK,
  STATUS_NO_PAGES,
  STATUS_OK,
  TYPE_EXTENT,
  TYPE_TOMBSTONE,
  TYPE_WEAK_TOMBSTONE,
} from '../memory/layout'
import { SOURCE_MEMTABLE, SOURCE_TABLE } from '../read/merge-page'
import {
  CURSOR_REST,
  CURSOR_REST_LENGTH,
  CURSOR_TRAILER,
  CURSOR_VALUE,
  CURSOR_VALUE_LENGTH,
} from './block-entry'
import { FRAME_BYTES } from './block-frame'
import { LONG_KEY_INTERVAL, writerAdd, writerFits, writerFitsKey, writerSize } from './block-writer'
import { finishDataBlock, isGatheringData, writeChainExtents, writeExtent } from './builder-data'
import { finishFilter, hasFilter, rememberHash, reserveHash } from './builder-filter'
import {
  endIndexBlock,
  finishIndexBlock,
  finishRoot,
  indexDataBlock,
  indexLastDataBlock,
  isDataBlockPending,
  isIndexTight,
  hasIndexBlocks,
} from './builder-index'
import {
  BUILDER_APPENDED,
  BUILDER_BLOCK_BYTES,
  BUILDER_DATA_WRITER,
  BUILDER_EXTENTS_OFFSET,
  BUILDER_HOT_ENTRIES,
  BUILDER_IN_EXTENTS,
  BUILDER_ROOT_FULL,
  outputBlock,
  outputPayload,
  isLastKey,
  isLargeEnough,
  outputResult,
  smallestKey,
} from './builder-state'
import {
  EXTENTS_MAX,
  extentListSize,
  listedExtents,
  listedOffset,
  listedSize,
  listedValueLength,
  writeExtentList,
} from './extent-list'

/** Longest value length, offset and number of an extent list. */
const EXTENT_LIST_HEADER_MAX: u32 = 15

/** Feeds a builder. Each step remembers that it is done, so a call that got FULL is simply made again. */

/** KernelExports.builderFeed. */
export function builderFeed(slot: u32, builder: u32, stream: u32, maxEntries: u32): u32 {
  for (let added: u32 = 0; added < maxEntries; added++) {
    let status = streamNext(slot, stream)
    if (status != STATUS_OK) return status
    status = addEntry(slot, builder, stream)
    if (status != STATUS_OK) {
      if (status == STATUS_FULL) outputResult(slot, builder)
      return status
    }
    streamTake(stream)
  }
  return STATUS_OK
}

/**
 * Adds the current entry of a stream.
 * @returns OK, FULL, NO_PAGES (the table is full: its size, a cut, its root index or its hashes), MALFORMED (a value of more than EXTENTS_MAX
 * extents) or NEED_BLOCK (an extent, for builderExtent).
 */
function addEntry(slot: u32, builder: u32, stream: u32): u32 {
  const entry = currentEntry(stream)
  const key = loadU32(entry + CURSOR_REST)
  const keyLength = loadU32(entry + CURSOR_REST_LENGTH)
  const trailer = loadU64(entry + CURSOR_TRAILER)
  const type = trailerType(trailer)
  const value = loadU32(entry + CURSOR_VALUE)
  let valueLength = loadU32(entry + CURSOR_VALUE_LENGTH)
  const isChain = loadU32(entry + SOURCE_MEMTABLE) != 0
  const writer = builder + BUILDER_DATA_WRITER
  let rawLength = valueLength
  let extents: u32 = 0
  if (type == TYPE_EXTENT) {
    if (!isChain) rawLength = listedValueLength(value, valueLength)
    extents = isChain ? chainPages(rawLength) : listedExtents(value, valueLength)
    if (extents > EXTENTS_MAX) return STATUS_MALFORMED
  }
  if (!ASC_NO_ASSERT)
    assert(type == TYPE_EXTENT ? rawLength >= INLINE_VALUE_LIMIT_BYTES : rawLength < INLINE_VALUE_LIMIT_BYTES)
  // Upper bound of the value part; an extent list has 3 bytes for each extent.
  const valueBound = extents == 0 ? rawLength : EXTENT_LIST_HEADER_MAX + 3 * extents

  const isFirst = loadU32(stream + STREAM_FIRST_VERSION) != 0
  if (isFirst && loadU32(stream + STREAM_CUT_PASSED) != 0) {
    if (loadF64(builder + BUILDER_ENTRIES) != 0) return STATUS_NO_PAGES
    storeU32(stream + STREAM_CUT_PASSED, 0)
  }
  const hash = keyHash(key, keyLength)
  if (hasFilter(builder) && !reserveHash(builder, hash)) return STATUS_NO_PAGES
  // NOTE: not between the extents of a value, which are in this file.
  const endsTable = isFirst && loadU32(builder + BUILDER_IN_EXTENTS) == 0 && isLargeEnough(builder)
  // A long user key with versions begins a data block, an index block if they may need several, and a table if they may need several of these.
  const longVersions = loadU32(stream + STREAM_LONG_VERSIONS)
  if (isGatheringData(builder)) {
    const ends =
      endsTable ||
      longVersions != 0 ||
      writerSize(writer) >= loadU32(builder + BUILDER_BLOCK_BYTES) ||
      !fits(writer, key, keyLength, valueBound) ||
      (isIndexTight(builder) && !isLastKey(builder, key, keyLength))
    if (ends && !finishDataBlock(builder)) return STATUS_FULL
  }
  if (!isGatheringData(builder)) {
    if (isDataBlockPending(builder)) indexDataBlock(builder, key, keyLength)
    if (longVersions > 1) endIndexBlock(builder)
    if (!finishIndexBlock(builder)) return STATUS_FULL
    if (loadU32(builder + BUILDER_ROOT_FULL) != 0) return STATUS_NO_PAGES
    if (longVersions == LONG_KEY_INTERVAL && hasIndexBlocks(builder)) return STATUS_NO_PAGES
    // NOTE: not between the extents of a value, which are in this file.
    if (isFirst && loadU32(builder + BUILDER_IN_EXTENTS) == 0 && isLargeEnough(builder))
      return STATUS_NO_PAGES
  }
  const sizes = stream + STREAM_EXTENT_SIZES
  let extentsOffset: u64 = 0
  if (extents != 0) {
    if (isChain) {
      if (!writeChainExtents(builder, value, sizes)) return STATUS_FULL
    } else if (loadU32(builder + BUILDER_IN_EXTENTS) < extents) {
      wantExtent(slot, builder, loadU32(entry + SOURCE_TABLE), value, valueLength)
      return STATUS_NEED_BLOCK
    }
    storeU32(builder + BUILDER_IN_EXTENTS, 0)
    extentsOffset = loadU64(builder + BUILDER_EXTENTS_OFFSET)
    valueLength = extentListSize(rawLength, extentsOffset, extents, sizes)
  }
  const to = writerAdd(writer, key, keyLength, trailer, valueLength, hash)
  if (extents == 0) copyBytes(to, value, valueLength)
  else writeExtentList(to, rawLength, extentsOffset, extents, sizes)
  count(builder, key, keyLength, type, rawLength)
  if (!isFirst) addF64(builder + BUILDER_HIDDEN_VERSIONS, 1)
  if (loadU32(stream + STREAM_HOT) != 0)
    storeU32(builder + BUILDER_HOT_ENTRIES, loadU32(builder + BUILDER_HOT_ENTRIES) + 1)
  if (hasFilter(builder)) rememberHash(builder, hash)
  return STATUS_OK
}

/** Asks for the next extent of the current value, whose list lies in a block of `table`. */
function wantExtent(slot: u32, builder: u32, table: u32, list: u32, length: u32): void {
  const number = loadU32(builder + BUILDER_IN_EXTENTS)
  storeU32(slot + SLOT_TABLE, table)
  storeF64(slot + SLOT_NUMBER, <f64>listedOffset(list, length, number))
  storeU32(slot + SLOT_LENGTH, listedSize(list, length, number))
  storeU32(slot + SLOT_TYPE, BLOCK_EXTENT)
}

/** KernelExports.builderExtent. */
export function builderExtent(slot: u32, builder: u32, stream: u32, payload: u32, length: u32): u32 {
  return writeExtent(builder, payload, length, stream + STREAM_EXTENT_SIZES) ? STATUS_OK : full(slot, builder)
}

// @ts-ignore: decorator
@inline
function fits(writer: u32, key: u32, keyLength: u32, valueLength: u32): bool {
  return writerFits(writer, keyLength, valueLength) || writerFitsKey(writer, key, keyLength, valueLength)
}

// @ts-ignore: decorator
@inline
function count(builder: u32, key: u32, keyLength: u32, type: u32, valueLength: u32): void {
  const entries = loadF64(builder + BUILDER_ENTRIES)
  if (entries == 0) {
    const smallest = smallestKey(builder)
    copyBytes(smallest, key, keyLength)
    storeU32(builder + BUILDER_MIN_KEY, smallest)
    storeU32(builder + BUILDER_MIN_KEY_LENGTH, keyLength)
  }
  storeF64(builder + BUILDER_ENTRIES, entries + 1)
  addF64(builder + BUILDER_RAW_KEY_BYTES, keyLength)
  addF64(builder + BUILDER_RAW_VALUE_BYTES, valueLength)
  if (type == TYPE_TOMBSTONE) addF64(builder + BUILDER_TOMBSTONES, 1)
  if (type == TYPE_WEAK_TOMBSTONE) addF64(builder + BUILDER_WEAK_TOMBSTONES, 1)
}

// @ts-ignore: decorator
@inline
function addF64(p: u32, n: u32): void {
  storeF64(p, loadF64(p) + <f64>n)
}

/** KernelExports.builderFinish. A table without entries is ABSENT: there is nothing to finish. */
export function builderFinish(slot: u32, builder: u32): u32 {
  if (loadF64(builder + BUILDER_ENTRIES) == 0) return STATUS_ABSENT
  if (loadU32(builder + BUILDER_ROOT_SIZE) == 0) {
    if (isGatheringData(builder)) {
      if (!finishDataBlock(builder)) return full(slot, builder)
    }
    if (isDataBlockPending(builder)) indexLastDataBlock(builder)
    endIndexBlock(builder)
    if (!finishIndexBlock(builder) || !finishRoot(builder)) return full(slot, builder)
  }
  if (!finishFilter(builder)) return full(slot, builder)
  outputResult(slot, builder)
  return STATUS_DONE
}

/** KernelExports.builderAppend. */
export function builderAppend(slot: u32, builder: u32, kind: u32, payload: u32, length: u32): u32 {
  if (length > BLOCK_MAX_BYTES - FRAME_BYTES) return STATUS_MALFORMED
  const to = outputPayload(builder, length)
  if (to == 0) return full(slot, builder)
  copyBytes(to, payload, length)
  storeF64(slot + SLOT_NUMBER, <f64>outputBlock(builder, kind, length))
  storeU32(slot + SLOT_POSITION, loadU32(builder + BUILDER_APPENDED))
  outputResult(slot, builder)
  return STATUS_OK
}

function full(slot: u32, builder: u32): u32 {
  outputResult(slot, builder)
  return STATUS_FULL
}
