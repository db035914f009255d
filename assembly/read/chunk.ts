import {
  CHUNK_ENTRY_HEADER_BYTES,
  CHUNK_EXTENT_CHAIN,
  CHUNK_EXTENT_LENGTH,
  CHUNK_EXTENT_LIST,
  CHUNK_EXTENT_TABLE,
  PAGE_BYTES,
  TYPE_EXTENT,
} from '../memory/layout'
import { copyBytes, loadU32, loadU64, loadV128, storeU32, storeU64, storeV128 } from '../memory/bytes'
import { readVarint32, varintValue } from '../key/varint'
import { trailerType, trailerTypeByte } from '../key/internal-key'
import {
  CURSOR_HEAD,
  CURSOR_REST,
  CURSOR_REST_LENGTH,
  CURSOR_SHARED,
  CURSOR_TRAILER,
  CURSOR_VALUE,
  CURSOR_VALUE_LENGTH,
} from '../table/block-entry'
import { blockKeyLength } from '../table/block-reader'
import { SOURCE_MEMTABLE, SOURCE_PREFIX, SOURCE_TABLE } from './merge-page'

/**
 * Entries of a chunk (memory/layout.ts), written from source records. A chunk is a page, so an entry that is its only one always
 * fits: 8 + 65,535 + 32,767 bytes and padding, or an extent list of 4,096 extents.
 */

/** Room that copying whole words of 16 bytes may need behind an entry. */
const WORD_SLACK: u32 = 32

// @ts-ignore: decorator
@inline
export function isExtent(source: u32): bool {
  return trailerType(loadU64(source + CURSOR_TRAILER)) == TYPE_EXTENT
}

/** Length of the value part of a source's entry in a chunk. */
// @ts-ignore: decorator
@inline
export function chunkValueLength(source: u32): u32 {
  if (isExtent(source)) {
    return loadU32(source + SOURCE_MEMTABLE) != 0
      ? CHUNK_EXTENT_LIST
      : CHUNK_EXTENT_LIST + loadU32(source + CURSOR_VALUE_LENGTH)
  }
  return loadU32(source + CURSOR_VALUE_LENGTH)
}

/** Bytes of a chunk entry. */
// @ts-ignore: decorator
@inline
export function chunkEntryBytes(source: u32, valueLength: u32): u32 {
  return (CHUNK_ENTRY_HEADER_BYTES + 3 + blockKeyLength(source) + valueLength) & ~3
}

/**
 * Writes a source's entry at p, with its value part of chunkValueLength bytes or without one (`valueLength` 0).
 * Reads the entry's slices and up to 15 bytes behind each; writes nothing at or past `chunk` + PAGE_BYTES.
 */
// @ts-ignore: decorator
@inline
export function writeChunkEntry(p: u32, chunk: u32, source: u32, valueLength: u32): void {
  const trailer = loadU64(source + CURSOR_TRAILER)
  const keyLength = blockKeyLength(source)
  const size = chunkEntryBytes(source, valueLength)
  if (!ASC_NO_ASSERT) assert(p - chunk + size <= PAGE_BYTES)
  if (
    keyLength <= 16 &&
    valueLength <= 256 &&
    size + WORD_SLACK <= PAGE_BYTES - (p - chunk) &&
    trailerType(trailer) != TYPE_EXTENT
  ) {
    // The usual small entry: whole words, each written over the surplus of the one before.
    storeU64(p, (<u64>valueLength) | ((<u64>keyLength) << 32) | ((<u64>trailerTypeByte(trailer)) << 48))
    storeV128(p + CHUNK_ENTRY_HEADER_BYTES, loadV128(source + SOURCE_PREFIX))
    const to = p + CHUNK_ENTRY_HEADER_BYTES + keyLength
    const value = loadU32(source + CURSOR_VALUE)
    for (let i: u32 = 0; i < valueLength; i += 16) storeV128(to + i, loadV128(value + i))
    storeU32(to + valueLength, 0)
    return
  }
  writeLongEntry(p, size, source, keyLength, valueLength)
}

function writeLongEntry(p: u32, size: u32, source: u32, keyLength: u32, valueLength: u32): void {
  const trailer = loadU64(source + CURSOR_TRAILER)
  // The padding; what is not padding is written over.
  storeU32(p + size - 4, 0)
  storeU64(p, (<u64>valueLength) | ((<u64>keyLength) << 32) | ((<u64>trailerTypeByte(trailer)) << 48))
  const shared = loadU32(source + CURSOR_SHARED)
  let at = p + CHUNK_ENTRY_HEADER_BYTES
  copyBytes(at, loadU32(source + CURSOR_HEAD), shared)
  copyBytes(at + shared, loadU32(source + CURSOR_REST), loadU32(source + CURSOR_REST_LENGTH))
  at += keyLength
  if (valueLength == 0) return
  const value = loadU32(source + CURSOR_VALUE)
  if (trailerType(trailer) != TYPE_EXTENT) {
    copyBytes(at, value, valueLength)
    return
  }
  const isChain = loadU32(source + SOURCE_MEMTABLE) != 0
  const length = loadU32(source + CURSOR_VALUE_LENGTH)
  storeU32(at + CHUNK_EXTENT_CHAIN, isChain ? value : 0)
  // An extent list begins with the length of the value.
  storeU32(at + CHUNK_EXTENT_LENGTH, isChain ? length : varintValue(readVarint32(value, value + length)))
  storeU32(at + CHUNK_EXTENT_TABLE, loadU32(source + SOURCE_TABLE))
  if (!isChain) copyBytes(at + CHUNK_EXTENT_LIST, value, length)
}
