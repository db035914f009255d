import { keyHash } from '../key/hash'
import { copyBytes, loadF64, loadU32, loadU64, storeF64, storeU32 } from '../memory/bytes'
import { chainPages } from '../memory/chain'
import {
  BLOCK_MAX_BYTES,
  BUILDER_ENTRIES,
  BUILDER_MIN_KEY,
  BUILDER_MIN_KEY_LENGTH,
  BUILDER_RAW_KEY_BYTES,
  BUILDER_RAW_VALUE_BYTES,
  BUILDER_ROOT_SIZE,
  BUILDER_TOMBSTONES,
  BUILDER_WEAK_TOMBSTONES,
  INLINE_VALUE_LIMIT_BYTES,
  SLOT_NUMBER,
  SLOT_POSITION,
  STATUS_ABSENT,
  STATUS_DONE,
  STATUS_FULL,
  STATUS_MALFORMED,
  STATUS_NO_PAGES,
  STATUS_OK,
  TYPE_EXTENT,
  TYPE_MASK,
  TYPE_TOMBSTONE,
  TYPE_WEAK_TOMBSTONE,
} from '../memory/layout'
import { nodeKey, nodeKeyLength, nodeTrailer, nodeValue, nodeValueLength } from '../memtable/cursor'
import { FRAME_BYTES } from './block-frame'
import {
  LONG_KEY_BYTES,
  LONG_KEY_INTERVAL,
  writerAdd,
  writerFits,
  writerFitsKey,
  writerSize,
} from './block-writer'
import { extentSizes } from './builder-compress'
import { finishDataBlock, isGatheringData, writeExtents } from './builder-data'
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
import { versionsOfLongKey } from './long-key'
import {
  BUILDER_APPENDED,
  BUILDER_BLOCK_BYTES,
  BUILDER_DATA_WRITER,
  BUILDER_EXTENTS_OFFSET,
  BUILDER_LONG_NODE,
  BUILDER_ROOT_FULL,
  BUILDER_SOURCES,
  outputBlock,
  outputPayload,
  isLastKey,
  outputResult,
  smallestKey,
} from './builder-state'
import { sourcesAdd, sourcesAdvance, sourcesCopy, sourcesNode } from './builder-source'
import { EXTENTS_MAX, extentListSize, writeExtentList } from './extent-list'

/** Longest value length, offset and number of an extent list. */
const EXTENT_LIST_HEADER_MAX: u32 = 15

/** Feeds a builder. Each step remembers that it is done, so a call that got FULL is simply made again. */

/** KernelExports.builderFromMemtable. */
export function builderFromMemtable(builder: u32, memtable: u32): void {
  sourcesAdd(builder + BUILDER_SOURCES, memtable)
}

/** KernelExports.builderResume. */
export function builderResume(builder: u32, previous: u32): void {
  sourcesCopy(builder + BUILDER_SOURCES, previous + BUILDER_SOURCES)
}

/** KernelExports.builderFeed. */
export function builderFeed(slot: u32, builder: u32, maxEntries: u32): u32 {
  const sources = builder + BUILDER_SOURCES
  for (let added: u32 = 0; added < maxEntries; added++) {
    const node = sourcesNode(sources)
    if (node == 0) return STATUS_DONE
    const status = addNode(builder, node)
    if (status != STATUS_OK) {
      if (status == STATUS_FULL) outputResult(slot, builder)
      return status
    }
    sourcesAdvance(sources)
  }
  return sourcesNode(sources) == 0 ? STATUS_DONE : STATUS_OK
}

/** @returns OK, FULL, NO_PAGES (the table is full: its root index or its hashes) or MALFORMED (a value of more than EXTENTS_MAX extents). */
function addNode(builder: u32, node: u32): u32 {
  const key = nodeKey(node)
  const keyLength = nodeKeyLength(node)
  const trailer = nodeTrailer(node)
  const type = (<u32>trailer) & TYPE_MASK
  const value = nodeValue(node)
  const rawLength = nodeValueLength(node)
  const writer = builder + BUILDER_DATA_WRITER
  // Upper bound of the value part; an extent list has 3 bytes for each extent.
  const extents = type == TYPE_EXTENT ? chainPages(rawLength) : 0
  if (extents > EXTENTS_MAX) return STATUS_MALFORMED
  if (!ASC_NO_ASSERT)
    assert(type == TYPE_EXTENT ? rawLength >= INLINE_VALUE_LIMIT_BYTES : rawLength < INLINE_VALUE_LIMIT_BYTES)
  const valueBound = extents == 0 ? rawLength : EXTENT_LIST_HEADER_MAX + 3 * extents

  const hash = keyHash(key, keyLength)
  if (hasFilter(builder) && !reserveHash(builder, hash)) return STATUS_NO_PAGES
  // A long user key with versions begins a data block, an index block if they need several, and a table if they need several of these.
  const longVersions = keyLength > LONG_KEY_BYTES ? versionsOfLongKey(builder, node) : 0
  if (isGatheringData(builder)) {
    const ends =
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
  }
  let valueLength = rawLength
  let extentsOffset: u64 = 0
  if (extents != 0) {
    if (!writeExtents(builder, value)) return STATUS_FULL
    extentsOffset = loadU64(builder + BUILDER_EXTENTS_OFFSET)
    valueLength = extentListSize(rawLength, extentsOffset, extents, value, extentSizes(builder))
  }
  const to = writerAdd(writer, key, keyLength, trailer, valueLength, hash)
  if (extents == 0) copyBytes(to, value, valueLength)
  else writeExtentList(to, rawLength, extentsOffset, extents, value, extentSizes(builder))
  count(builder, key, keyLength, type, rawLength)
  if (hasFilter(builder)) rememberHash(builder, hash)
  if (longVersions != 0) storeU32(builder + BUILDER_LONG_NODE, node)
  return STATUS_OK
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
