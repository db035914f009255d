import { loadU32, loadU8, storeU32 } from '../../../assembly/memory/bytes'
import {
  BOUND_BEFORE,
  SLOT_COUNT_RESULT,
  SLOT_LENGTH,
  STATUS_FULL,
  SUPERVERSION_BYTES,
  SUPERVERSION_COUNT,
  SUPERVERSION_MEMTABLES,
} from '../../../assembly/memory/layout'
import { allocateRecord } from '../../../assembly/memory/records'
import { createMemtable } from '../../../assembly/memtable/memtable'
import { mergeBegin } from '../../../assembly/read/merge'
import { mergeFill } from '../../../assembly/read/merge-fill'
import { NO_KEY } from '../../../assembly/read/merge-page'
import { insertNumber } from './inserts'

const READ_SEQNO: f64 = 1e9

let superVersion: u32 = 0

/** Puts sorted keys into `runs` memtables, each key into that which `numbers` (u8 each) names. @returns how many keys. */
export function mergePrepare(
  keys: u32,
  keyLength: u32,
  values: u32,
  valueLength: u32,
  count: u32,
  numbers: u32,
  runs: u32,
): u32 {
  superVersion = allocateRecord(SUPERVERSION_BYTES)
  const memtables = superVersion + SUPERVERSION_MEMTABLES
  storeU32(superVersion + SUPERVERSION_COUNT, runs)
  for (let run: u32 = 0; run < runs; run++) storeU32(memtables + 4 * run, createMemtable())
  for (let i: u32 = 0; i < count; i++) {
    const memtable = loadU32(memtables + 4 * loadU8(numbers + i))
    insertNumber(memtable, keys, keyLength, values, valueLength, i)
  }
  return count
}

/** Merges all of them into one chunk after the other, at the same place. @returns entries and bytes, added up. */
export function mergeRuns(slot: u32, chunk: u32, capacity: u32): u32 {
  mergeBegin(slot, superVersion, READ_SEQNO, 0, 0, NO_KEY, BOUND_BEFORE, 0)
  let sum: u32 = 0
  let status = STATUS_FULL
  while (status == STATUS_FULL) {
    status = mergeFill(slot, chunk, capacity, NO_KEY, 0, 0, NO_KEY, BOUND_BEFORE)
    sum += loadU32(slot + SLOT_COUNT_RESULT) + loadU32(slot + SLOT_LENGTH)
  }
  return sum
}
