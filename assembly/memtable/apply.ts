import {
  ENTRY_HEADER_BYTES,
  ENTRY_KEYSPACE,
  ENTRY_KEY_LENGTH,
  ENTRY_TYPE,
  ENTRY_VALUE_LENGTH,
  INLINE_VALUE_LIMIT_BYTES,
  KEY_MAX_BYTES,
  SLOT_COUNT_RESULT,
  SLOT_GROUP_END,
  SLOT_GROUP_SEQNO,
  SLOT_POSITION,
  STATUS_FOREIGN,
  STATUS_LARGE,
  STATUS_MALFORMED,
  STATUS_OK,
  TYPE_EXTENT,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../memory/layout'
import { loadU16, loadU32, loadU64, storeU32, storeU64 } from '../memory/bytes'
import { trailerOf } from '../key/internal-key'
import { narrowGap } from './gap'
import { memtableInsert, memtableInsertChain } from './memtable'

/**
 * Inserts the encoded entries in [from, end), each with the group's next seqno, as long as they belong to `keyspace`; entries below
 * `flushedSeqno`, or all if `memtable` is 0, take their seqno and nothing else. Reads only [from, end), whatever the bytes say.
 * SLOT_POSITION: the entry it stopped at, or `end`; SLOT_COUNT_RESULT: how many took their seqno.
 * INVARIANT: the caller holds the journal mutex, or is the only thread (replay).
 * @returns OK, FOREIGN, LARGE, MALFORMED or NO_PAGES.
 */
export function applyEntries(
  slot: u32,
  memtable: u32,
  from: u32,
  end: u32,
  keyspace: u32,
  flushedSeqno: f64,
): u32 {
  let seqno = loadU64(slot + SLOT_GROUP_SEQNO)
  const groupEnd = loadU64(slot + SLOT_GROUP_END)
  const first = seqno
  const flushed = <u64>flushedSeqno
  let status = STATUS_OK
  let at = from
  while (at < end) {
    if (end - at < ENTRY_HEADER_BYTES) {
      status = STATUS_MALFORMED
      break
    }
    const valueLength = loadU32(at + ENTRY_VALUE_LENGTH)
    const keyLength = loadU16(at + ENTRY_KEY_LENGTH)
    // The type byte and the zero byte behind it.
    const type = loadU16(at + ENTRY_TYPE)
    const body = end - at - ENTRY_HEADER_BYTES
    if (
      keyLength > body ||
      valueLength > body - keyLength ||
      !isWritable(type, valueLength) ||
      seqno >= groupEnd
    ) {
      status = STATUS_MALFORMED
      break
    }
    if (loadU32(at + ENTRY_KEYSPACE) != keyspace) {
      status = STATUS_FOREIGN
      break
    }
    const key = at + ENTRY_HEADER_BYTES
    const value = key + keyLength
    if (memtable != 0 && seqno >= flushed) {
      if (valueLength >= INLINE_VALUE_LIMIT_BYTES) {
        status = STATUS_LARGE
        break
      }
      if (type == TYPE_VALUE) narrowGap(memtable, key, keyLength)
      status = memtableInsert(memtable, key, keyLength, trailerOf(seqno, type), value, valueLength)
      if (status != STATUS_OK) break
    }
    seqno++
    at = value + valueLength
  }
  storeU64(slot + SLOT_GROUP_SEQNO, seqno)
  storeU32(slot + SLOT_POSITION, at)
  storeU32(slot + SLOT_COUNT_RESULT, <u32>(seqno - first))
  return status
}

/** Whether an entry of this type (flags included) and value length may be written. */
// @ts-ignore: decorator
@inline
function isWritable(type: u32, valueLength: u32): bool {
  return type == TYPE_VALUE || ((type == TYPE_TOMBSTONE || type == TYPE_WEAK_TOMBSTONE) && valueLength == 0)
}

/**
 * Inserts a value held in a page chain, with the group's next seqno; the memtable owns the chain from then on. Reads the key.
 * INVARIANT: as applyEntries; the chain is complete and `valueLength` long.
 * @returns OK; MALFORMED (no seqno left in the group, or a key too long) or NO_PAGES: nothing was inserted and the chain stays the caller's.
 */
export function applyLarge(
  slot: u32,
  memtable: u32,
  key: u32,
  keyLength: u32,
  chain: u32,
  valueLength: u32,
): u32 {
  const seqno = loadU64(slot + SLOT_GROUP_SEQNO)
  if (keyLength > KEY_MAX_BYTES || seqno >= loadU64(slot + SLOT_GROUP_END)) return STATUS_MALFORMED
  narrowGap(memtable, key, keyLength)
  const status = memtableInsertChain(
    memtable,
    key,
    keyLength,
    trailerOf(seqno, TYPE_EXTENT),
    chain,
    valueLength,
  )
  if (status == STATUS_OK) storeU64(slot + SLOT_GROUP_SEQNO, seqno + 1)
  return status
}
