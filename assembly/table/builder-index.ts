import { loadU32, loadU64, loadU8, storeF64, storeU32, storeU8 } from '../memory/bytes'
import {
  BLOCK_INDEX,
  BLOCK_ROOT_INDEX,
  BUILDER_INDEX_BLOCKS,
  BUILDER_MAX_KEY_LENGTH,
  BUILDER_ROOT_OFFSET,
  BUILDER_ROOT_SIZE,
  KEY_MAX_BYTES,
  TYPE_VALUE,
} from '../memory/layout'
import {
  writerAdd,
  writerBound,
  writerEntries,
  writerFinish,
  writerFits,
  writerFitsKey,
  writerLastKey,
  writerLastTrailer,
  writerSize,
} from './block-writer'
import { outputCompressed } from './builder-compress'
import {
  BUILDER_APPENDED,
  BUILDER_DATA,
  BUILDER_INDEX_BLOCK_BYTES,
  BUILDER_INDEX_ENDS,
  BUILDER_INDEX_TIGHT,
  BUILDER_INDEX_WRITER,
  BUILDER_LAST_TRAILER,
  BUILDER_PENDING_OFFSET,
  BUILDER_PENDING_SIZE,
  BUILDER_ROOT_FULL,
  BUILDER_ROOT_TIGHT,
  BUILDER_ROOT_WRITER,
  isLastKey,
  lastKey,
  outputBlock,
  outputPayload,
} from './builder-state'
import { handleSize, writeHandle } from './index-handle'
import { separator } from './separator'

/**
 * The index of a table that is being built: the index block and the root index being gathered. Both must end before they
 * outgrow a block, and neither they nor the table should end between two versions of a user key, or tables would not
 * be disjoint. So:
 *
 * INVARIANT: between two user keys both can take one more entry, whatever its key. Between versions of a user key they may be
 * *tight*: then there is room for one entry with that key or a beginning of it (which may share almost all its bytes with a
 * restart head), and data blocks, or index blocks, end with the user key.
 *
 * A long user key whose versions fill several data blocks starts an index block, to be its head (builder.ts).
 */

/** An index entry's value: varint64 below 2^53, varint32 up to 2^17. */
const HANDLE_MAX_BYTES: u32 = 11
// ── index entries ────────────────────────────────────────────────────────────────────────────────────────

/** Whether a finished data block waits for its index entry. */
// @ts-ignore: decorator
@inline
export function isDataBlockPending(builder: u32): bool {
  return loadU32(builder + BUILDER_PENDING_SIZE) != 0
}

/** Gives it one; [next, next + nextLength) is the user key that follows. */
export function indexDataBlock(builder: u32, next: u32, nextLength: u32): void {
  const writer = builder + BUILDER_INDEX_WRITER
  const last = lastKey(builder)
  const lastLength = loadU32(builder + BUILDER_MAX_KEY_LENGTH)
  if (isLastKey(builder, next, nextLength)) {
    addIndexEntry(builder, last, lastLength, loadU64(builder + BUILDER_LAST_TRAILER) >>> 8)
    storeU32(builder + BUILDER_INDEX_TIGHT, fitsAny(writer) ? 0 : 1)
    if (!writerFitsKey(writer, last, lastLength, HANDLE_MAX_BYTES)) endIndexBlock(builder)
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
  const isLarge = writerSize(writer) >= loadU32(builder + BUILDER_INDEX_BLOCK_BYTES)
  if (isLarge || !fitsAny(writer) || loadU32(builder + BUILDER_ROOT_TIGHT) != 0) endIndexBlock(builder)
  storeU32(builder + BUILDER_INDEX_TIGHT, 0)
}

/** The same for the table's last data block. */
export function indexLastDataBlock(builder: u32): void {
  addIndexEntry(builder, lastKey(builder), loadU32(builder + BUILDER_MAX_KEY_LENGTH), 0)
}

function addIndexEntry(builder: u32, key: u32, keyLength: u32, seqno: u64): void {
  const offset = loadU64(builder + BUILDER_PENDING_OFFSET)
  const size = loadU32(builder + BUILDER_PENDING_SIZE)
  addHandle(builder + BUILDER_INDEX_WRITER, key, keyLength, (seqno << 8) | TYPE_VALUE, offset, size)
  storeU32(builder + BUILDER_PENDING_SIZE, 0)
}

function addHandle(writer: u32, key: u32, keyLength: u32, trailer: u64, offset: u64, size: u32): void {
  writeHandle(writerAdd(writer, key, keyLength, trailer, handleSize(offset, size), 0), offset, size)
}

/** Whether an index entry fits, whatever its key. */
// @ts-ignore: decorator
@inline
function fitsAny(writer: u32): bool {
  return writerFits(writer, KEY_MAX_BYTES, HANDLE_MAX_BYTES)
}

/** Whether keys other than the last user key and its beginnings are to wait until data and index block are finished. */
// @ts-ignore: decorator
@inline
export function isIndexTight(builder: u32): bool {
  return (loadU32(builder + BUILDER_INDEX_TIGHT) | loadU32(builder + BUILDER_ROOT_TIGHT)) != 0
}

// ── index blocks ─────────────────────────────────────────────────────────────────────────────────────────

/** Lets finishIndexBlock finish the index block being gathered, if there is one. */
export function endIndexBlock(builder: u32): void {
  storeU32(builder + BUILDER_INDEX_ENDS, writerEntries(builder + BUILDER_INDEX_WRITER) == 0 ? 0 : 1)
}

/**
 * Finishes the index block being gathered if it is to end. INVARIANT: no data block is being gathered; its buffer takes the
 * separator. @returns false without room in the output: to be called again.
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
  const offset = outputCompressed(builder, BLOCK_INDEX, writerFinish(writer, payload, 0, false))
  addHandle(root, key, keyLength, trailer, offset, loadU32(builder + BUILDER_APPENDED))
  storeU32(builder + BUILDER_INDEX_BLOCKS, loadU32(builder + BUILDER_INDEX_BLOCKS) + 1)
  storeU32(builder + BUILDER_INDEX_ENDS, 0)
  storeU32(builder + BUILDER_INDEX_TIGHT, 0)
  storeU32(builder + BUILDER_ROOT_TIGHT, 0)
  if (!fitsAny(root)) {
    // A separator with a seqno stands between two versions of its user key.
    const goesOn = trailer >>> 8 != 0 && writerFitsKey(root, key, keyLength, HANDLE_MAX_BYTES)
    storeU32(builder + (goesOn ? BUILDER_ROOT_TIGHT : BUILDER_ROOT_FULL), 1)
  }
  return true
}

/** Finishes the root index. @returns false without room in the output: to be called again. */
export function finishRoot(builder: u32): bool {
  const writer = builder + BUILDER_ROOT_WRITER
  const payload = outputPayload(builder, writerBound(writer))
  if (payload == 0) return false
  const offset = outputBlock(builder, BLOCK_ROOT_INDEX, writerFinish(writer, payload, 0, false))
  storeF64(builder + BUILDER_ROOT_OFFSET, <f64>offset)
  storeU32(builder + BUILDER_ROOT_SIZE, loadU32(builder + BUILDER_APPENDED))
  return true
}

/** Whether the table has index blocks already. */
// @ts-ignore: decorator
@inline
export function hasIndexBlocks(builder: u32): bool {
  return writerEntries(builder + BUILDER_ROOT_WRITER) != 0
}
