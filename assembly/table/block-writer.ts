import { commonPrefix } from '../key/compare'
import { SEQNO_LIMIT } from '../key/internal-key'
import { varint32Size, writeVarint32, writeVarint64 } from '../key/varint'
import {
  copyBytes,
  fillBytes,
  loadU32,
  loadU64,
  moveBytes,
  storeU16,
  storeU32,
  storeU64,
  storeU8,
} from '../memory/bytes'
import {
  BLOCK_PAYLOAD_TRAILER,
  FLAG_WIDE_RESTARTS,
  RESTART_U16_MAX,
  TRAILER_BASE_SEQNO,
  TRAILER_ENTRIES,
  TRAILER_FLAGS,
  TRAILER_HASH_BUCKETS,
  TRAILER_HASH_INDEX,
  TRAILER_INTERVAL,
  TRAILER_RESTARTS,
  TRAILER_RESTART_ARRAY,
  TRAILER_ZERO,
} from './block-layout'
import {
  BUCKET_EMPTY,
  HASH_INDEX_MAX_INTERVALS,
  bucketHash,
  hashIndexAdd,
  hashIndexBuckets,
} from './hash-index'

/**
 * Gathers entries of a data or index block in ascending order and then writes out the payload: the base seqno, which every
 * entry is relative to, is only known at the end. A gathered entry:
 *
 *   u64 seqno << 8 | type byte | u32 shared | u32 rest | u32 value length | u32 bucketHash | rest key bytes | value bytes
 *
 * INVARIANT: the 24 bytes are no fewer than the longest header (18 bytes), restart offset and buckets (at most 2) an entry can get in the
 * payload: what fits the buffer fits the payload.
 *
 * The writer is a record of WRITER_BYTES (8-byte aligned):
 */
/** u32: the buffer, its end, and the end of what is gathered. */
const WRITER_BUFFER: u32 = 0
const WRITER_LIMIT: u32 = 4
const WRITER_END: u32 = 8
/** u32: number of entries; entries since the last restart head, that included. */
const WRITER_ENTRIES: u32 = 12
const WRITER_POSITION: u32 = 16
/** u32: restart interval of the block being gathered. */
const WRITER_INTERVAL: u32 = 20
/** u32: slice of the restart head's key; the last entry gathered. */
const WRITER_HEAD: u32 = 24
const WRITER_HEAD_LENGTH: u32 = 28
const WRITER_LAST: u32 = 32
/** u32: about the length of the payload. */
const WRITER_SIZE: u32 = 36
/** u64: lowest and highest seqno. */
const WRITER_LOWEST: u32 = 40
const WRITER_HIGHEST: u32 = 48
/** u32: restart interval of a block, unless it begins with a long key. */
const WRITER_USUAL_INTERVAL: u32 = 56
export const WRITER_BYTES: u32 = 60

const GATHERED_TRAILER: u32 = 0
const GATHERED_SHARED: u32 = 8
const GATHERED_REST: u32 = 12
const GATHERED_VALUE_LENGTH: u32 = 16
const GATHERED_HASH: u32 = 20
const GATHERED_BYTES: u32 = 24
/** Type byte and seqno, roughly. */
const HEADER_ESTIMATE: u32 = 4

/** User keys above this are long. */
export const LONG_KEY_BYTES: u32 = 2048
/** Restart interval of blocks that begin with a long key: a restart head costs its whole key. */
export const LONG_KEY_INTERVAL: u32 = 255

/** An empty writer with the buffer [buffer, limit). */
export function writerCreate(writer: u32, buffer: u32, limit: u32, interval: u32): void {
  storeU32(writer + WRITER_BUFFER, buffer)
  storeU32(writer + WRITER_LIMIT, limit)
  storeU32(writer + WRITER_USUAL_INTERVAL, interval)
  writerReset(writer)
}

function writerReset(writer: u32): void {
  storeU32(writer + WRITER_END, loadU32(writer + WRITER_BUFFER))
  storeU32(writer + WRITER_ENTRIES, 0)
  storeU32(writer + WRITER_POSITION, 0)
  storeU32(writer + WRITER_SIZE, BLOCK_PAYLOAD_TRAILER)
  storeU64(writer + WRITER_LOWEST, SEQNO_LIMIT)
  storeU64(writer + WRITER_HIGHEST, 0)
}

// @ts-ignore: decorator
@inline
export function writerEntries(writer: u32): u32 {
  return loadU32(writer + WRITER_ENTRIES)
}

// @ts-ignore: decorator
@inline
export function writerSize(writer: u32): u32 {
  return loadU32(writer + WRITER_SIZE)
}

// @ts-ignore: decorator
@inline
export function writerLowestSeqno(writer: u32): u64 {
  return loadU64(writer + WRITER_LOWEST)
}

// @ts-ignore: decorator
@inline
export function writerHighestSeqno(writer: u32): u64 {
  return loadU64(writer + WRITER_HIGHEST)
}

/** Whether an entry with a key and a value of those lengths fits whatever the key shares with others. */
// @ts-ignore: decorator
@inline
export function writerFits(writer: u32, keyLength: u32, valueLength: u32): bool {
  return (
    GATHERED_BYTES + keyLength + valueLength <= loadU32(writer + WRITER_LIMIT) - loadU32(writer + WRITER_END)
  )
}

/** Whether an entry fits whose key is `key`, no smaller than the last one, or a beginning of it with another last byte. */
export function writerFitsKey(writer: u32, key: u32, keyLength: u32, valueLength: u32): bool {
  const isHead = loadU32(writer + WRITER_POSITION) == 0
  const headLength = loadU32(writer + WRITER_HEAD_LENGTH)
  const shared = isHead ? 0 : commonPrefix(loadU32(writer + WRITER_HEAD), key, min(headLength, keyLength))
  // That last byte may be one that `key` shares.
  return writerFits(writer, keyLength - shared + 1, valueLength)
}

/** No fewer than the bytes writerFinish will write. */
// @ts-ignore: decorator
@inline
export function writerBound(writer: u32): u32 {
  return loadU32(writer + WRITER_END) - loadU32(writer + WRITER_BUFFER) + BLOCK_PAYLOAD_TRAILER
}

/**
 * Adds an entry. INVARIANT: it fits (writerFits, writerFitsKey) and is above the one before. `hash`: the keyHash, if there is to be a hash index.
 * @returns where the caller puts its `valueLength` value bytes.
 */
export function writerAdd(
  writer: u32,
  key: u32,
  keyLength: u32,
  trailer: u64,
  valueLength: u32,
  hash: u64,
): u32 {
  const entry = loadU32(writer + WRITER_END)
  const rest = entry + GATHERED_BYTES
  const entries = loadU32(writer + WRITER_ENTRIES)
  if (entries == 0) {
    const usual = loadU32(writer + WRITER_USUAL_INTERVAL)
    storeU32(writer + WRITER_INTERVAL, keyLength > LONG_KEY_BYTES ? LONG_KEY_INTERVAL : usual)
  }
  const position = loadU32(writer + WRITER_POSITION)
  let shared: u32 = 0
  if (position == 0) {
    storeU32(writer + WRITER_HEAD, rest)
    storeU32(writer + WRITER_HEAD_LENGTH, keyLength)
  } else {
    shared = commonPrefix(
      loadU32(writer + WRITER_HEAD),
      key,
      min(loadU32(writer + WRITER_HEAD_LENGTH), keyLength),
    )
  }
  const restLength = keyLength - shared
  const value = rest + restLength
  if (!ASC_NO_ASSERT) assert(writerFits(writer, restLength, valueLength))
  storeU64(entry + GATHERED_TRAILER, trailer)
  storeU32(entry + GATHERED_SHARED, shared)
  storeU32(entry + GATHERED_REST, restLength)
  storeU32(entry + GATHERED_VALUE_LENGTH, valueLength)
  storeU32(entry + GATHERED_HASH, bucketHash(hash))
  copyBytes(rest, key + shared, restLength)
  const seqno = trailer >>> 8
  if (seqno < loadU64(writer + WRITER_LOWEST)) storeU64(writer + WRITER_LOWEST, seqno)
  if (seqno > loadU64(writer + WRITER_HIGHEST)) storeU64(writer + WRITER_HIGHEST, seqno)
  storeU32(writer + WRITER_ENTRIES, entries + 1)
  storeU32(writer + WRITER_POSITION, position + 1 == loadU32(writer + WRITER_INTERVAL) ? 0 : position + 1)
  storeU32(writer + WRITER_LAST, entry)
  storeU32(writer + WRITER_END, value + valueLength)
  // NOTE: the block's first key does not count, or each version of a very long key would be a block of its own.
  const sizeLengths = varint32Size(shared) + varint32Size(restLength) + varint32Size(valueLength)
  const size = HEADER_ESTIMATE + sizeLengths + valueLength + (entries == 0 ? 0 : restLength)
  storeU32(writer + WRITER_SIZE, loadU32(writer + WRITER_SIZE) + size)
  return value
}

/** Copies the user key of the last entry to `to`. @returns its length. */
export function writerLastKey(writer: u32, to: u32): u32 {
  const entry = loadU32(writer + WRITER_LAST)
  const shared = loadU32(entry + GATHERED_SHARED)
  const restLength = loadU32(entry + GATHERED_REST)
  // An entry that starts an interval is its own head, which WRITER_HEAD names as long as no other one follows.
  copyBytes(to, loadU32(writer + WRITER_HEAD), shared)
  copyBytes(to + shared, entry + GATHERED_BYTES, restLength)
  return shared + restLength
}

/** seqno << 8 | type byte of the last entry. */
// @ts-ignore: decorator
@inline
export function writerLastTrailer(writer: u32): u64 {
  return loadU64(loadU32(writer + WRITER_LAST) + GATHERED_TRAILER)
}

/**
 * Writes the payload of the gathered entries at `payload`, relative to `baseSeqno`, and empties the writer. `isHashed`: with a hash index, if it
 * does not have too many restart intervals.
 * @returns its length, at most writerBound.
 */
export function writerFinish(writer: u32, payload: u32, baseSeqno: u64, isHashed: bool): u32 {
  const buffer = loadU32(writer + WRITER_BUFFER)
  const end = loadU32(writer + WRITER_END)
  const interval = loadU32(writer + WRITER_INTERVAL)
  const intervals = (loadU32(writer + WRITER_ENTRIES) - 1) / interval + 1
  const buckets =
    isHashed && intervals <= HASH_INDEX_MAX_INTERVALS ? hashIndexBuckets(countKeys(buffer, end)) : 0
  // The hash index waits where entries and restart array cannot reach: they and it are at most as long as what is gathered.
  const hashIndex = payload + (end - buffer) - buckets
  if (buckets != 0) buildHashIndex(hashIndex, buckets, buffer, end, interval)
  let to = payload
  let position: u32 = 0
  let restarts: u32 = 0
  let entry = buffer
  while (entry < end) {
    const trailer = loadU64(entry + GATHERED_TRAILER)
    const shared = loadU32(entry + GATHERED_SHARED)
    const restLength = loadU32(entry + GATHERED_REST)
    const valueLength = loadU32(entry + GATHERED_VALUE_LENGTH)
    if (position == 0) {
      // Restart offsets wait at the start of the buffer, over entries that are written already.
      storeU32(buffer + (restarts << 2), to - payload)
      restarts++
      position = interval
    }
    position--
    if ((shared | restLength | valueLength) < 128) {
      storeU32(to, ((<u32>trailer) & 255) | (shared << 8) | (restLength << 16) | (valueLength << 24))
      to += 4
    } else {
      storeU8(to, <u32>trailer)
      to = writeVarint32(to + 1, shared)
      to = writeVarint32(to, restLength)
      to = writeVarint32(to, valueLength)
    }
    to = writeVarint64(to, (trailer >>> 8) - baseSeqno)
    copyBytes(to, entry + GATHERED_BYTES, restLength + valueLength)
    to += restLength + valueLength
    entry += GATHERED_BYTES + restLength + valueLength
  }
  const restartArray = to - payload
  const isWide = restartArray > RESTART_U16_MAX
  for (let i: u32 = 0; i < restarts; i++) {
    const offset = loadU32(buffer + (i << 2))
    if (isWide) storeU32(to, offset)
    else storeU16(to, offset)
    to += isWide ? 4 : 2
  }
  if (!ASC_NO_ASSERT) assert(to <= hashIndex)
  const hashIndexOffset = buckets == 0 ? 0 : to - payload
  moveBytes(to, hashIndex, buckets)
  to += buckets
  storeU64(to + TRAILER_BASE_SEQNO, baseSeqno)
  storeU32(to + TRAILER_ENTRIES, loadU32(writer + WRITER_ENTRIES))
  storeU32(to + TRAILER_RESTARTS, restarts)
  storeU32(to + TRAILER_RESTART_ARRAY, restartArray)
  storeU32(to + TRAILER_HASH_INDEX, hashIndexOffset)
  storeU32(to + TRAILER_HASH_BUCKETS, buckets)
  storeU8(to + TRAILER_INTERVAL, interval)
  storeU8(to + TRAILER_FLAGS, isWide ? FLAG_WIDE_RESTARTS : 0)
  storeU16(to + TRAILER_ZERO, 0)
  writerReset(writer)
  return to + BLOCK_PAYLOAD_TRAILER - payload
}

/** Where the gathered entry behind that one is. */
// @ts-ignore: decorator
@inline
function nextGathered(entry: u32): u32 {
  return entry + GATHERED_BYTES + loadU32(entry + GATHERED_REST) + loadU32(entry + GATHERED_VALUE_LENGTH)
}

/** Number of user keys, those with the same bucketHash as the one before not counted. */
function countKeys(buffer: u32, end: u32): u32 {
  let keys: u32 = 1
  let before = loadU32(buffer + GATHERED_HASH)
  for (let entry = nextGathered(buffer); entry < end; entry = nextGathered(entry)) {
    const hash = loadU32(entry + GATHERED_HASH)
    if (hash != before) keys++
    before = hash
  }
  return keys
}

function buildHashIndex(index: u32, buckets: u32, buffer: u32, end: u32, interval: u32): void {
  fillBytes(index, BUCKET_EMPTY, buckets)
  let number: u32 = 0
  let left = interval
  for (let entry = buffer; entry < end; entry = nextGathered(entry)) {
    if (left == 0) {
      number++
      left = interval
    }
    left--
    hashIndexAdd(index, buckets, loadU32(entry + GATHERED_HASH), number)
  }
}
