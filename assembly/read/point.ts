import {
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  SLOT_TABLE,
  SLOT_TYPE,
  STATUS_ABSENT,
  STATUS_FOUND,
  STATUS_TOMBSTONE,
  SUPERVERSION_COUNT,
  SUPERVERSION_MAX_MEMTABLES,
  SUPERVERSION_MEMTABLES,
  SUPERVERSION_VERSION,
  TABLE_LOWEST_SEQNO,
  TYPE_TOMBSTONE,
  TYPE_WEAK_TOMBSTONE,
} from '../memory/layout'
import { loadU32, loadU64, storeU32, storeU64 } from '../memory/bytes'
import { keyHash } from '../key/hash'
import { readTrailer, trailerType, trailerTypeByte } from '../key/internal-key'
import { readSeqno } from '../key/seqno'
import { memtableFind } from '../memtable/memtable'
import { nodeTrailer, nodeValue, nodeValueLength } from '../memtable/cursor'
import { releaseRead, tableGet } from './table-get'
import { compareSmallest, firstReaching, runEnd, tableWord, versionRuns } from './version-tables'

/**
 * Newest entry of a key with a seqno below S, over the memtables of a SuperVersion record, newest first, and then its tables. Reads the
 * key, the record and what it names. S (`seqno`, or visibleSeqno if that is 0) is left in SLOT_READ_SEQNO.
 * @returns FOUND (SLOT_POINTER, SLOT_LENGTH, SLOT_TYPE, SLOT_TABLE: 0 if in a memtable; TYPE_EXTENT: the pointer is a page chain, or
 * in a table an extent list), TOMBSTONE, ABSENT or NEED_BLOCK (to be called again).
 */
export function pointRead(slot: u32, superVersion: u32, key: u32, keyLength: u32, seqno: f64): u32 {
  releaseRead(slot)
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
    storeU32(slot + SLOT_TABLE, 0)
    return STATUS_FOUND
  }
  const version = loadU32(superVersion + SUPERVERSION_VERSION)
  return version == 0 ? STATUS_ABSENT : readTables(slot, version, key, keyLength, hash)
}

/** The same over the tables of a Version, newest run first: at most one table of a run can hold the key. */
function readTables(slot: u32, version: u32, key: u32, keyLength: u32, hash: u64): u32 {
  const runs = versionRuns(version)
  let start: u32 = 0
  for (let run: u32 = 0; run < runs; run++) {
    const end = runEnd(version, run)
    const tables = tableWord(version, start)
    const count = end - start
    start = end
    const number = firstReaching(tables, count, key, keyLength)
    if (number == count) continue
    const table = loadU32(tables + 4 * number)
    if (compareSmallest(table, key, keyLength) > 0) continue
    if (loadU64(table + TABLE_LOWEST_SEQNO) >= loadU64(slot + SLOT_READ_SEQNO)) continue
    const status = tableGet(slot, table, key, keyLength, hash)
    if (status != STATUS_ABSENT) return status
  }
  return STATUS_ABSENT
}
