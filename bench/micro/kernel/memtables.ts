import { TRAILER_BEFORE, trailerSeqno } from '../../../assembly/key/internal-key'
import { loadU32 } from '../../../assembly/memory/bytes'
import { MEMTABLE_ENTRIES } from '../../../assembly/memory/layout'
import {
  cursorFirst,
  cursorNext,
  cursorSeekGE,
  nodeKeyLength,
  nodeTrailer,
  nodeValueLength,
} from '../../../assembly/memtable/cursor'
import { createMemtable, freeMemtable } from '../../../assembly/memtable/memtable'
import { insertNumber } from './inserts'

let memtable: u32 = 0

/** Inserts the keys, with ascending seqnos, into a memtable in place of the last one. @returns its entries. */
export function memtableFill(keys: u32, keyLength: u32, values: u32, valueLength: u32, count: u32): u32 {
  if (memtable != 0) freeMemtable(memtable)
  memtable = createMemtable()
  for (let i: u32 = 0; i < count; i++) insertNumber(memtable, keys, keyLength, values, valueLength, i)
  return loadU32(memtable + MEMTABLE_ENTRIES)
}

/** Looks the keys up. @returns the sum of the seqnos found. */
export function memtableSeek(keys: u32, keyLength: u32, count: u32): u32 {
  let sum: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const node = cursorSeekGE(memtable, keys + i * keyLength, keyLength, TRAILER_BEFORE)
    if (node != 0) sum += <u32>trailerSeqno(nodeTrailer(node))
  }
  return sum
}

/** Walks all entries. @returns a number made of all of them in their order. */
export function memtableScan(): u32 {
  let sum: u32 = 0
  for (let node = cursorFirst(memtable); node != 0; node = cursorNext(node)) {
    const lengths = nodeKeyLength(node) + nodeValueLength(node)
    sum = sum * 31 + lengths + <u32>trailerSeqno(nodeTrailer(node))
  }
  return sum
}
