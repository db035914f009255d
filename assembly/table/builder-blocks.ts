import { equalBytes } from '../key/compare'
import {
  copyBytes,
  loadF64,
  loadU32,
  loadU64,
  loadU8,
  storeF64,
  storeU32,
  storeU64,
  storeU8,
} from '../memory/bytes'
import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_INDEX,
  BLOCK_ROOT_INDEX,
  BUILDER_DATA_BLOCKS,
  BUILDER_EXTENT_BLOCKS,
  BUILDER_HIGHEST_SEQNO,
  BUILDER_INDEX_BLOCKS,
  BUILDER_LOWEST_SEQNO,
  BUILDER_MAX_KEY,
  BUILDER_MAX_KEY_LENGTH,
  BUILDER_ROOT_OFFSET,
  BUILDER_ROOT_SIZE,
  CHAIN_DATA,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  KEY_MAX_BYTES,
  TYPE_VALUE,
} from '../memory/layout'
import {
  writerAdd,
  writerBound,
  writerEntries,
  writerFinish,
  writerFits,
  writerHighestSeqno,
  writerLastKey,
  writerLastTrailer,
  writerLowestSeqno,
  writerSize,
} from './block-writer'
import {
  BUILDER_APPENDED,
  BUILDER_CHAIN,
  BUILDER_DATA,
  BUILDER_DATA_WRITER,
  BUILDER_EXTENTS_OFFSET,
  BUILDER_INDEX_BLOCK_BYTES,
  BUILDER_INDEX_ENDS,
  BUILDER_INDEX_WRITER,
  BUILDER_IN_EXTENTS,
  BUILDER_LAST_TRAILER,
  BUILDER_PENDING_OFFSET,
  BUILDER_PENDING_SIZE,
  BUILDER_ROOT_FULL,
  BUILDER_ROOT_WRITER,
  lastKey,
  outputBlock,
  outputPayload,
} from './builder-state'
import { handleSize, writeHandle } from './index-handle'
import { separator } from './separator'

/**
 * The blocks of a table that is being built. Every function that writes to the output returns false if there is no room in
 * it; what was done stays done, and it is called again with the output empty.
 *
 * INVARIANT: the index block and the root index being gathered can take one more entry, whatever its key.
 */

/** An index entry's value: varint64 below 2^53, varint32 up to 2^17. */
const HANDLE_MAX_BYTES: u32 = 11

// ── data ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Finishes the data block being gathered. It gets its index entry when the key that follows is known. */
export function finishDataBlock(builder: u32): bool {
  const writer = builder + BUILDER_DATA_WRITER
  const payload = outputPayload(builder, writerBound(writer))
  if (payload == 0) return false
  const lowest = writerLowestSeqno(writer)
  storeF64(builder + BUILDER_LOWEST_SEQNO, min(loadF64(builder + BUILDER_LOWEST_SEQNO), <f64>lowest))
  const highest = <f64>writerHighestSeqno(writer)
  storeF64(builder + BUILDER_HIGHEST_SEQNO, max(loadF64(builder + BUILDER_HIGHEST_SEQNO), highest))
  const key = lastKey(builder)
  storeU32(builder + BUILDER_MAX_KEY, key)
  storeU32(builder + BUILDER_MAX_KEY_LENGTH, writerLastKey(writer, key))
  storeU64(builder + BUILDER_LAST_TRAILER, writerLastTrailer(writer))
  const length = writerFinish(writer, payload, lowest)
  storeU64(builder + BUILDER_PENDING_OFFSET, outputBlock(builder, BLOCK_DATA, length))
  storeU32(builder + BUILDER_PENDING_SIZE, loadU32(builder + BUILDER_APPENDED))
  storeU32(builder + BUILDER_DATA_BLOCKS, loadU32(builder + BUILDER_DATA_BLOCKS) + 1)
  return true
}

/** Turns a value's page chain into extents, one for each page; BUILDER_EXTENTS_OFFSET: where the first one lies. */
export function writeExtents(builder: u32, chain: u32): bool {
  let page = loadU32(builder + BUILDER_IN_EXTENTS) != 0 ? loadU32(builder + BUILDER_CHAIN) : chain
  while (page != 0) {
    const length = loadU32(page + CHAIN_LENGTH)
    const payload = outputPayload(builder, length)
    if (payload == 0) {
      storeU32(builder + BUILDER_CHAIN, page)
      return false
    }
    copyBytes(payload, page + CHAIN_DATA, length)
    const offset = outputBlock(builder, BLOCK_EXTENT, length)
    if (loadU32(builder + BUILDER_IN_EXTENTS) == 0) storeU64(builder + BUILDER_EXTENTS_OFFSET, offset)
    storeU32(builder + BUILDER_IN_EXTENTS, 1)
    storeU32(builder + BUILDER_EXTENT_BLOCKS, loadU32(builder + BUILDER_EXTENT_BLOCKS) + 1)
    page = loadU32(page + CHAIN_NEXT)
  }
  storeU32(builder + BUILDER_IN_EXTENTS, 0)
  return true
}

// ── index ────────────────────────────────────────────────────────────────────────────────────────────────

/** Gives the data block that has none its index entry; [next, next + nextLength) is the user key that follows it. */
export function indexDataBlock(builder: u32, next: u32, nextLength: u32): void {
  const last = lastKey(builder)
  const lastLength = loadU32(builder + BUILDER_MAX_KEY_LENGTH)
  if (lastLength == nextLength && equalBytes(last, next, lastLength)) {
    addIndexEntry(builder, last, lastLength, loadU64(builder + BUILDER_LAST_TRAILER) >>> 8)
    if (!writerFits(builder + BUILDER_INDEX_WRITER, KEY_MAX_BYTES, HANDLE_MAX_BYTES)) endIndexBlock(builder)
    return
  }
  const short = separator(last, lastLength, next, nextLength)
  const length = short >>> 8
  if (length > 0) {
    // The separator is the beginning of the last key with another last byte, put there for a moment.
    const lastByte = last + (length - 1)
    const byte = loadU8(lastByte)
    storeU8(lastByte, short)
    addIndexEntry(builder, last, length, 0)
    storeU8(lastByte, byte)
  } else {
    addIndexEntry(builder, last, 0, 0)
  }
  // NOTE: only here: a user key does not go on in another index block (or table) unless a whole block does not hold it.
  const writer = builder + BUILDER_INDEX_WRITER
  if (
    writerSize(writer) >= loadU32(builder + BUILDER_INDEX_BLOCK_BYTES) ||
    !writerFits(writer, KEY_MAX_BYTES, HANDLE_MAX_BYTES)
  ) {
    endIndexBlock(builder)
  }
}

/** The same for the table's last data block. */
export function indexLastDataBlock(builder: u32): void {
  addIndexEntry(builder, lastKey(builder), loadU32(builder + BUILDER_MAX_KEY_LENGTH), 0)
  endIndexBlock(builder)
}

function addIndexEntry(builder: u32, key: u32, keyLength: u32, seqno: u64): void {
  const offset = loadU64(builder + BUILDER_PENDING_OFFSET)
  const size = loadU32(builder + BUILDER_PENDING_SIZE)
  addHandle(builder + BUILDER_INDEX_WRITER, key, keyLength, (seqno << 8) | TYPE_VALUE, offset, size)
  storeU32(builder + BUILDER_PENDING_SIZE, 0)
}

function addHandle(writer: u32, key: u32, keyLength: u32, trailer: u64, offset: u64, size: u32): void {
  writeHandle(writerAdd(writer, key, keyLength, trailer, handleSize(offset, size)), offset, size)
}

export function endIndexBlock(builder: u32): void {
  storeU32(builder + BUILDER_INDEX_ENDS, 1)
}

/**
 * Finishes the index block being gathered if it is to end. INVARIANT: no data block is being gathered; its buffer takes the
 * separator.
 */
export function finishIndexBlock(builder: u32): bool {
  if (loadU32(builder + BUILDER_INDEX_ENDS) == 0) return true
  const writer = builder + BUILDER_INDEX_WRITER
  const root = builder + BUILDER_ROOT_WRITER
  const payload = outputPayload(builder, writerBound(writer))
  if (payload == 0) return false
  const key = loadU32(builder + BUILDER_DATA)
  const keyLength = writerLastKey(writer, key)
  const trailer = writerLastTrailer(writer)
  const offset = outputBlock(builder, BLOCK_INDEX, writerFinish(writer, payload, 0))
  addHandle(root, key, keyLength, trailer, offset, loadU32(builder + BUILDER_APPENDED))
  storeU32(builder + BUILDER_INDEX_BLOCKS, loadU32(builder + BUILDER_INDEX_BLOCKS) + 1)
  storeU32(builder + BUILDER_INDEX_ENDS, 0)
  if (!writerFits(root, KEY_MAX_BYTES, HANDLE_MAX_BYTES)) storeU32(builder + BUILDER_ROOT_FULL, 1)
  return true
}

export function finishRoot(builder: u32): bool {
  const writer = builder + BUILDER_ROOT_WRITER
  const payload = outputPayload(builder, writerBound(writer))
  if (payload == 0) return false
  const offset = outputBlock(builder, BLOCK_ROOT_INDEX, writerFinish(writer, payload, 0))
  storeF64(builder + BUILDER_ROOT_OFFSET, <f64>offset)
  storeU32(builder + BUILDER_ROOT_SIZE, loadU32(builder + BUILDER_APPENDED))
  return true
}

/** Whether an index entry waits to be made. */
// @ts-ignore: decorator
@inline
export function isDataBlockPending(builder: u32): bool {
  return loadU32(builder + BUILDER_PENDING_SIZE) != 0
}

/** Whether entries are being gathered. */
// @ts-ignore: decorator
@inline
export function isGatheringData(builder: u32): bool {
  return writerEntries(builder + BUILDER_DATA_WRITER) != 0
}
