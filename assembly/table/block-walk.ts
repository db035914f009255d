import { compareBytes } from '../key/compare'
import { keyHash, splitKeyHash } from '../key/hash'
import { SEQNO_LIMIT } from '../key/internal-key'
import { readVarint32, varint64Length, varint64Value, varintNext, varintValue } from '../key/varint'
import { loadU16, loadU32, loadU64, loadU8 } from '../memory/bytes'
import {
  INLINE_VALUE_LIMIT_BYTES,
  KEY_MAX_BYTES,
  SLOT_HASH_STATE,
  STATUS_MALFORMED,
  STATUS_OK,
  STATUS_UNKNOWN_FORMAT,
  TYPE_EXTENT,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../memory/layout'
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
import { compareSplit } from './block-reader'
import { checkExtentList } from './extent-list'
import { HASH_INDEX_MAX_INTERVALS, checkBuckets, leadsTo } from './hash-index'
import { checkHandle } from './index-handle'

/**
 * Walks over the whole payload of a data or index block and checks everything readers rely on (docs/table-format.md,
 * "Reading"). Hostile bytes: nothing outside of [payload, payload + length) is read. `offset`: of the block in its file; what
 * its entries point at lies before it. `slot`: where keys are hashed.
 * @returns OK, MALFORMED or UNKNOWN_FORMAT.
 */
export function walkPayload(payload: u32, length: u32, isIndex: bool, offset: u64, slot: u32): u32 {
  if (length < BLOCK_PAYLOAD_TRAILER) return STATUS_MALFORMED
  const bodyLength = length - BLOCK_PAYLOAD_TRAILER
  const trailer = payload + bodyLength
  const entries = loadU32(trailer + TRAILER_ENTRIES)
  const restarts = loadU32(trailer + TRAILER_RESTARTS)
  const entriesLength = loadU32(trailer + TRAILER_RESTART_ARRAY)
  const interval = loadU8(trailer + TRAILER_INTERVAL)
  const flags = loadU8(trailer + TRAILER_FLAGS)
  const baseSeqno = loadU64(trailer + TRAILER_BASE_SEQNO)
  const hashIndexAt = loadU32(trailer + TRAILER_HASH_INDEX)
  const buckets = loadU32(trailer + TRAILER_HASH_BUCKETS)
  if (isIndex && (hashIndexAt | buckets) != 0) return STATUS_UNKNOWN_FORMAT
  if ((flags & ~FLAG_WIDE_RESTARTS) != 0 || loadU16(trailer + TRAILER_ZERO) != 0) return STATUS_UNKNOWN_FORMAT
  if (entries == 0 || entries > bodyLength || interval == 0) return STATUS_MALFORMED
  if (restarts != (entries - 1) / interval + 1 || entriesLength > bodyLength) return STATUS_MALFORMED
  const isWide = flags == FLAG_WIDE_RESTARTS
  if (isWide != entriesLength > RESTART_U16_MAX) return STATUS_MALFORMED
  // NOTE: there are no more restarts than bytes, so nothing here is too large for 32 bits.
  const restartsEnd = entriesLength + (restarts << (isWide ? 2 : 1))
  if (restartsEnd > bodyLength || buckets != bodyLength - restartsEnd) return STATUS_MALFORMED
  if (hashIndexAt != (buckets == 0 ? 0 : restartsEnd)) return STATUS_MALFORMED
  const hashIndex = payload + restartsEnd
  if (buckets != 0) {
    if (restarts > HASH_INDEX_MAX_INTERVALS || !checkBuckets(hashIndex, buckets, restarts))
      return STATUS_MALFORMED
  }
  if (isIndex ? baseSeqno != 0 : baseSeqno >= SEQNO_LIMIT) return STATUS_MALFORMED

  const end = payload + entriesLength
  let restart = end
  let p = payload
  let head: u32 = 0
  // The entry before, and the lowest seqno and the end of the last block named so far.
  let beforeShared: u32 = 0
  let beforeRest: u32 = 0
  let beforeRestLength: u32 = 0
  let beforeTrailer: u64 = 0
  let lowest = SEQNO_LIMIT
  let handlesEnd: u64 = 0
  let position: u32 = 0
  for (let i: u32 = 0; i < entries; i++) {
    const entry = p
    if (p >= end) return STATUS_MALFORMED
    const type = loadU8(p++)
    let read = readVarint32(p, end)
    if (read == 0) return STATUS_MALFORMED
    const shared = varintValue(read)
    read = readVarint32(varintNext(read), end)
    if (read == 0) return STATUS_MALFORMED
    const restLength = varintValue(read)
    read = readVarint32(varintNext(read), end)
    if (read == 0) return STATUS_MALFORMED
    const valueLength = varintValue(read)
    p = varintNext(read)
    const seqnoLength = varint64Length(p, end)
    if (seqnoLength == 0) return STATUS_MALFORMED
    const delta = varint64Value(p, seqnoLength)
    if (delta >= SEQNO_LIMIT || baseSeqno + delta >= SEQNO_LIMIT) return STATUS_MALFORMED
    if (delta < lowest) lowest = delta
    const entryTrailer = ((baseSeqno + delta) << 8) | type
    const rest = p + seqnoLength
    if (restLength > end - rest || valueLength > end - rest - restLength) return STATUS_MALFORMED
    if (shared > KEY_MAX_BYTES || restLength > KEY_MAX_BYTES - shared) return STATUS_MALFORMED
    const value = rest + restLength
    p = value + valueLength

    if (position == 0) {
      const at = isWide ? loadU32(restart) : loadU16(restart)
      restart += isWide ? 4 : 2
      if (at != entry - payload || shared != 0) return STATUS_MALFORMED
      if (i > 0) {
        const order = compareSplit(head, beforeShared, beforeRest, beforeRestLength, rest, restLength)
        if (order > 0 || (order == 0 && beforeTrailer <= entryTrailer)) return STATUS_MALFORMED
      }
      // To its successors a head is an entry that shares all of itself.
      head = rest
      beforeShared = restLength
      beforeRest = value
      beforeRestLength = 0
    } else {
      // The longest common prefix with the head never grows along an interval, and where it shrinks the key gets greater.
      if (shared > beforeShared) return STATUS_MALFORMED
      if (shared < beforeShared) {
        if (restLength == 0 || loadU8(rest) <= loadU8(head + shared)) return STATUS_MALFORMED
      } else {
        const order = compareBytes(beforeRest, beforeRestLength, rest, restLength)
        if (order > 0 || (order == 0 && beforeTrailer <= entryTrailer)) return STATUS_MALFORMED
      }
      beforeShared = shared
      beforeRest = rest
      beforeRestLength = restLength
    }
    beforeTrailer = entryTrailer
    // An index that leads astray would hide entries.
    if (buckets != 0) {
      const hash =
        shared == 0
          ? keyHash(rest, restLength)
          : splitKeyHash(slot + SLOT_HASH_STATE, head, shared, rest, restLength)
      if (!leadsTo(hashIndex, buckets, hash, i / interval)) return STATUS_MALFORMED
    }
    if (++position == interval) position = 0

    if (isIndex) {
      if (type != TYPE_VALUE) return STATUS_UNKNOWN_FORMAT
      handlesEnd = checkHandle(value, p, handlesEnd, offset)
      if (handlesEnd == 0) return STATUS_MALFORMED
    } else if (type == TYPE_VALUE) {
      if (valueLength >= INLINE_VALUE_LIMIT_BYTES) return STATUS_MALFORMED
    } else if (type == TYPE_TOMBSTONE || type == TYPE_WEAK_TOMBSTONE) {
      if (valueLength != 0) return STATUS_MALFORMED
    } else if (type == TYPE_EXTENT) {
      if (!checkExtentList(value, p, offset)) return STATUS_MALFORMED
    } else {
      return STATUS_UNKNOWN_FORMAT
    }
  }
  if (p != end || (!isIndex && lowest != 0)) return STATUS_MALFORMED
  return STATUS_OK
}
