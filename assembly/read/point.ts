import {
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  SLOT_TYPE,
  STATUS_ABSENT,
  STATUS_FOUND,
  STATUS_TOMBSTONE,
  SUPERVERSION_COUNT,
  SUPERVERSION_MAX_MEMTABLES,
  SUPERVERSION_MEMTABLES,
  TYPE_TOMBSTONE,
  TYPE_WEAK_TOMBSTONE,
} from '../memory/layout'
import { loadU32, storeU32, storeU64 } from '../memory/bytes'
import { keyHash } from '../key/hash'
import { readTrailer, trailerType, trailerTypeByte } from '../key/internal-key'
import { readSeqno } from '../key/seqno'
import { memtableFind } from '../memtable/memtable'
import { nodeTrailer, nodeValue, nodeValueLength } from '../memtable/cursor'

/**
 * Newest entry of a key with a seqno below S, over the memtables of a SuperVersion record, newest first. Reads the key, the
 * record and its memtables. S (`seqno`, or visibleSeqno if that is 0) is left in SLOT_READ_SEQNO.
 * @returns FOUND (SLOT_POINTER, SLOT_LENGTH, SLOT_TYPE; TYPE_EXTENT: the pointer is a page chain), TOMBSTONE or ABSENT.
 */
export function pointRead(slot: u32, superVersion: u32, key: u32, keyLength: u32, seqno: f64): u32 {
  const s = readSeqno(seqno)
  storeU64(slot + SLOT_READ_SEQNO, s)
  const trailer = readTrailer(s)
  const hash = keyHash(key, keyLength)
  const count = loadU32(superVersion + SUPERVERSION_COUNT)
  if (!ASC_NO_ASSERT) assert(count <= SUPERVERSION_MAX_MEMTABLES)
  for (let i: u32 = 0; i < count; i++) {
    const memtable = loadU32(superVersion + SUPERVERSION_MEMTABLES + 4 * i)
    const node = memtableFind(memtable, key, keyLength, hash, trailer)
    if (node == 0) continue
    const found = nodeTrailer(node)
    const type = trailerType(found)
    if (type == TYPE_TOMBSTONE || type == TYPE_WEAK_TOMBSTONE) return STATUS_TOMBSTONE
    storeU32(slot + SLOT_POINTER, nodeValue(node))
    storeU32(slot + SLOT_LENGTH, nodeValueLength(node))
    storeU32(slot + SLOT_TYPE, trailerTypeByte(found))
    return STATUS_FOUND
  }
  return STATUS_ABSENT
}
