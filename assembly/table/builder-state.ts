import { equalBytes } from '../key/compare'
import { SEQNO_LIMIT } from '../key/internal-key'
import { copyBytes, fillBytes, loadF64, loadU32, storeF64, storeU32 } from '../memory/bytes'
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAX_CACHED_PAYLOAD,
  BUILDER_LOWEST_SEQNO,
  BUILDER_MAX_KEY_LENGTH,
  BUILDER_OFFSET,
  COMPRESSION_LZ4,
  COMPRESSION_NONE,
  PAGE_BYTES,
  SLOT_LENGTH,
  SLOT_POINTER,
} from '../memory/layout'
import { allocatePage, freePage } from '../memory/pages'
import { BLOCK_PAYLOAD_TRAILER } from './block-layout'
import { FRAME_BYTES, frameBlock } from './block-frame'
import { writerCreate } from './block-writer'
import { FILTER_MAX_BITS_PER_KEY } from './filter-probes'

/**
 * A table builder: five pages, of which the first holds its state and names the others, pages of hashes (builder-filter.ts), and one more for
 * compression.
 *
 *   builder   0 statistics (layout.ts) │ 128 state │ 256 writers │ 448 filter │ 512 checksum │ 1024 root index being gathered …
 *   keys      0 smallest user key │ 65536 last user key of the last finished data block
 *   data      data block being gathered
 *   index     index block being gathered
 *   output    finished blocks, as they will lie in the file from BUILDER_OFFSET on
 */
/** u32: pages. */
const BUILDER_KEYS: u32 = 128
export const BUILDER_DATA: u32 = 132
const BUILDER_INDEX: u32 = 136
const BUILDER_OUTPUT: u32 = 140
/** u32: bytes in the output page. */
const BUILDER_USED: u32 = 144
/** u32: sizes at which data and index blocks end. */
export const BUILDER_BLOCK_BYTES: u32 = 148
export const BUILDER_INDEX_BLOCK_BYTES: u32 = 152
/** 16 bytes: the file's salt. */
const BUILDER_SALT: u32 = 160
/** u64: trailer of the last entry of the last finished data block; its user key is BUILDER_MAX_KEY. */
export const BUILDER_LAST_TRAILER: u32 = 176
/** u64, u32: offset and size of the finished data block that has no index entry yet; size 0 if there is none. */
export const BUILDER_PENDING_OFFSET: u32 = 184
export const BUILDER_PENDING_SIZE: u32 = 192
/** u32: 1 if the index block being gathered is to be finished before anything is added. */
export const BUILDER_INDEX_ENDS: u32 = 196
/** u32: 1 if the table takes no more index blocks. */
export const BUILDER_ROOT_FULL: u32 = 200
/** u32: how many of the current value's extents are written, 0 if that is not going on; its page chain's page that becomes the next one. */
export const BUILDER_IN_EXTENTS: u32 = 204
export const BUILDER_CHAIN: u32 = 208
/** u64: offset of the current value's first extent. */
export const BUILDER_EXTENTS_OFFSET: u32 = 216
/** u32: size of the block that was appended last. */
export const BUILDER_APPENDED: u32 = 224
/** u32: 1 if the index block (the root index) has room for the last user key and its beginnings, but not for any key. */
export const BUILDER_INDEX_TIGHT: u32 = 228
export const BUILDER_ROOT_TIGHT: u32 = 232
/** u32: page of the compressor (builder-compress.ts), 0 without compression. */
export const BUILDER_SCRATCH: u32 = 240
/** Block writers. */
export const BUILDER_DATA_WRITER: u32 = 256
export const BUILDER_INDEX_WRITER: u32 = 320
export const BUILDER_ROOT_WRITER: u32 = 384
/** f64: bits per user key of the filter, 0 without one. */
export const BUILDER_BITS_PER_KEY: u32 = 448
/** u32: the page of hashes being filled, 0 if there is none; where the next hash goes; number of these pages; number of hashes. */
export const BUILDER_HASH_PAGE: u32 = 456
export const BUILDER_HASH_NEXT: u32 = 460
export const BUILDER_HASH_PAGES: u32 = 464
export const BUILDER_HASHES: u32 = 468
/** u64: the hash remembered last. */
export const BUILDER_LAST_HASH: u32 = 472
/** u32: filter blocks written. */
export const BUILDER_FILTER_BLOCKS: u32 = 480
/** f64: bytes of the file from which on it ends with the user key. */
export const BUILDER_TARGET_BYTES: u32 = 488
/** u32: the table's record; entries of the data block being gathered that come from cached blocks. */
export const BUILDER_TABLE: u32 = 496
export const BUILDER_HOT_ENTRIES: u32 = 500
const BUILDER_ROOT: u32 = 1024

/** In a page of hashes: the one filled before it, and the first hash. */
export const HASH_PAGE_PREVIOUS: u32 = 0
export const HASH_PAGE_FIRST: u32 = 8

const KEYS_LAST: u32 = 65536

/** KernelExports.builderCreate. */
export function builderCreate(
  blockBytes: u32,
  restartInterval: u32,
  indexBlockBytes: u32,
  salt: u32,
  offset: f64,
  bitsPerKey: f64,
  compression: u32,
  targetBytes: f64,
): u32 {
  if (!ASC_NO_ASSERT) assert(bitsPerKey == 0 || (bitsPerKey >= 1 && bitsPerKey <= FILTER_MAX_BITS_PER_KEY))
  const builder = allocatePage()
  if (builder == 0) return 0
  fillBytes(builder, 0, BUILDER_ROOT)
  for (let page = BUILDER_KEYS; page <= BUILDER_OUTPUT; page += 4) {
    const pointer = allocatePage()
    if (pointer == 0) {
      builderFree(builder)
      return 0
    }
    storeU32(builder + page, pointer)
  }
  if (compression == COMPRESSION_LZ4) {
    const scratch = allocatePage()
    if (scratch == 0) {
      builderFree(builder)
      return 0
    }
    storeU32(builder + BUILDER_SCRATCH, scratch)
  }
  const data = loadU32(builder + BUILDER_DATA)
  const index = loadU32(builder + BUILDER_INDEX)
  const size = BLOCK_MAX_CACHED_PAYLOAD - BLOCK_PAYLOAD_TRAILER
  const interval = min(max(restartInterval, 1), 255)
  writerCreate(builder + BUILDER_DATA_WRITER, data, data + size, interval)
  writerCreate(builder + BUILDER_INDEX_WRITER, index, index + size, interval)
  writerCreate(builder + BUILDER_ROOT_WRITER, builder + BUILDER_ROOT, builder + size, interval)
  storeF64(builder + BUILDER_OFFSET, offset)
  storeF64(builder + BUILDER_LOWEST_SEQNO, <f64>SEQNO_LIMIT)
  storeU32(builder + BUILDER_BLOCK_BYTES, blockBytes)
  storeU32(builder + BUILDER_INDEX_BLOCK_BYTES, indexBlockBytes)
  storeF64(builder + BUILDER_BITS_PER_KEY, bitsPerKey)
  storeF64(builder + BUILDER_TARGET_BYTES, targetBytes)
  copyBytes(builder + BUILDER_SALT, salt, 16)
  storeU32(builder + BUILDER_TABLE, salt)
  return builder
}

/** KernelExports.builderFree. */
export function builderFree(builder: u32): void {
  freeHashes(builder)
  for (let page = BUILDER_KEYS; page <= BUILDER_OUTPUT; page += 4) {
    const pointer = loadU32(builder + page)
    if (pointer != 0) freePage(pointer)
  }
  const scratch = loadU32(builder + BUILDER_SCRATCH)
  if (scratch != 0) freePage(scratch)
  freePage(builder)
}

/** Forgets all hashes and frees their pages. */
export function freeHashes(builder: u32): void {
  let page = loadU32(builder + BUILDER_HASH_PAGE)
  while (page != 0) {
    const previous = loadU32(page + HASH_PAGE_PREVIOUS)
    freePage(page)
    page = previous
  }
  storeU32(builder + BUILDER_HASH_PAGE, 0)
  storeU32(builder + BUILDER_HASHES, 0)
}

// ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Room for the smallest user key. */
// @ts-ignore: decorator
@inline
export function smallestKey(builder: u32): u32 {
  return loadU32(builder + BUILDER_KEYS)
}

/** Room for the last user key. */
// @ts-ignore: decorator
@inline
export function lastKey(builder: u32): u32 {
  return loadU32(builder + BUILDER_KEYS) + KEYS_LAST
}

/** Whether a key is that last user key. */
export function isLastKey(builder: u32, key: u32, keyLength: u32): bool {
  return (
    keyLength == loadU32(builder + BUILDER_MAX_KEY_LENGTH) && equalBytes(lastKey(builder), key, keyLength)
  )
}

/** Whether the file has its size. */
// @ts-ignore: decorator
@inline
export function isLargeEnough(builder: u32): bool {
  return (
    loadF64(builder + BUILDER_OFFSET) + <f64>loadU32(builder + BUILDER_USED) >=
    loadF64(builder + BUILDER_TARGET_BYTES)
  )
}

// ── output ───────────────────────────────────────────────────────────────────────────────────────────────

/** Where the payload of the next block goes, or 0 if `length` bytes of payload do not fit until the output is written. */
export function outputPayload(builder: u32, length: u32): u32 {
  const used = loadU32(builder + BUILDER_USED)
  if (length > PAGE_BYTES - FRAME_BYTES || used > PAGE_BYTES - FRAME_BYTES - length) return 0
  return loadU32(builder + BUILDER_OUTPUT) + used + BLOCK_HEADER_BYTES
}

/** Makes a block of the payload written at outputPayload; BUILDER_APPENDED: its size. @returns its offset in the file. */
export function outputBlock(builder: u32, kind: u32, length: u32): u64 {
  return outputStored(builder, kind, COMPRESSION_NONE, length, length)
}

/** The same for a payload that has been compressed or not: `length` bytes of it are written, it had `rawLength`. */
export function outputStored(builder: u32, kind: u32, compression: u32, rawLength: u32, length: u32): u64 {
  const used = loadU32(builder + BUILDER_USED)
  const offset = <u64>loadF64(builder + BUILDER_OFFSET) + used
  const size = frameBlock(
    loadU32(builder + BUILDER_OUTPUT) + used,
    kind,
    compression,
    rawLength,
    length,
    builder + BUILDER_SALT,
    offset,
  )
  storeU32(builder + BUILDER_USED, used + size)
  storeU32(builder + BUILDER_APPENDED, size)
  return offset
}

/** Names the output in the slot's results. */
export function outputResult(slot: u32, builder: u32): void {
  storeU32(slot + SLOT_POINTER, loadU32(builder + BUILDER_OUTPUT))
  storeU32(slot + SLOT_LENGTH, loadU32(builder + BUILDER_USED))
}

/** KernelExports.builderWritten. */
export function builderWritten(builder: u32): void {
  const used = loadU32(builder + BUILDER_USED)
  storeF64(builder + BUILDER_OFFSET, loadF64(builder + BUILDER_OFFSET) + <f64>used)
  storeU32(builder + BUILDER_USED, 0)
}

/** Offset in the file of the block that comes next. */
// @ts-ignore: decorator
@inline
export function outputOffset(builder: u32): u64 {
  return <u64>loadF64(builder + BUILDER_OFFSET) + loadU32(builder + BUILDER_USED)
}
