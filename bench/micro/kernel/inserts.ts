import { trailerOf } from '../../../assembly/key/internal-key'
import { TYPE_VALUE } from '../../../assembly/memory/layout'
import { memtableInsert } from '../../../assembly/memtable/memtable'

/** There are as many values; they are taken in turn. */
export const VALUES_MASK: u32 = 1023

/** Inserts the key of that number, with a seqno above those before. */
export function insertNumber(
  memtable: u32,
  keys: u32,
  keyLength: u32,
  values: u32,
  valueLength: u32,
  number: u32,
): void {
  const value = values + (number & VALUES_MASK) * valueLength
  const trailer = trailerOf(number + 1, TYPE_VALUE)
  memtableInsert(memtable, keys + number * keyLength, keyLength, trailer, value, valueLength)
}
