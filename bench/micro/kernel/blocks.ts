import { trailerOf } from '../../../assembly/key/internal-key'
import { copyBytes, loadU32, loadU64, storeU32, storeU64 } from '../../../assembly/memory/bytes'
import { SLOT_POINTER, SLOT_READ_SEQNO, STATUS_FOUND, TYPE_VALUE } from '../../../assembly/memory/layout'
import { blockGet, blockGetHashed } from '../../../assembly/table/block-get'
import {
  WRITER_BYTES,
  writerAdd,
  writerCreate,
  writerEntries,
  writerFinish,
  writerLowestSeqno,
  writerSize,
} from '../../../assembly/table/block-writer'
import { VALUES_MASK } from './inserts'

/** The writer's record, and the buffer behind it. */
const WRITER_ROOM: u32 = (WRITER_BYTES + 15) & ~15
const BUFFER_BYTES: u32 = 65536
const SEQNO_MASK: u64 = 0xffff

/**
 * Builds data blocks of `blockBytes` of sorted keys, one behind the other from `to` on, and notes pointer and length of each in `directory`.
 * @returns how many.
 */
export function blockBuild(
  keys: u32,
  keyLength: u32,
  hashes: u32,
  values: u32,
  valueLength: u32,
  count: u32,
  blockBytes: u32,
  interval: u32,
  writer: u32,
  directory: u32,
  to: u32,
): u32 {
  const buffer = writer + WRITER_ROOM
  writerCreate(writer, buffer, buffer + BUFFER_BYTES, interval)
  let blocks: u32 = 0
  for (let i: u32 = 0; i <= count; i++) {
    if (writerEntries(writer) != 0 && (i == count || writerSize(writer) >= blockBytes)) {
      const length = writerFinish(writer, to, writerLowestSeqno(writer), true)
      storeU32(directory + 8 * blocks, to)
      storeU32(directory + 8 * blocks + 4, length)
      blocks++
      to += length
    }
    if (i == count) break
    const hash = loadU64(hashes + 8 * i)
    const trailer = trailerOf(1 + (hash & SEQNO_MASK), TYPE_VALUE)
    const at = writerAdd(writer, keys + i * keyLength, keyLength, trailer, valueLength, hash)
    copyBytes(at, values + (i & VALUES_MASK) * valueLength, valueLength)
  }
  return blocks
}

/**
 * Looks up keys, each in the block that has it: u32 payload | u32 length | u32 key | u32 zero | u64 hash.
 * @returns the sum of the pointers to the values found.
 */
export function blockSearch(slot: u32, lookups: u32, count: u32, keyLength: u32): u32 {
  storeU64(slot + SLOT_READ_SEQNO, SEQNO_MASK + 2)
  let sum: u32 = 0
  const end = lookups + 24 * count
  for (let at = lookups; at < end; at += 24) {
    const status = blockGet(slot, loadU32(at), loadU32(at + 4), loadU32(at + 8), keyLength)
    if (status == STATUS_FOUND) sum += loadU32(slot + SLOT_POINTER)
  }
  return sum
}

/** The same through the blocks' hash indexes. */
export function blockSearchHashed(slot: u32, lookups: u32, count: u32, keyLength: u32): u32 {
  storeU64(slot + SLOT_READ_SEQNO, SEQNO_MASK + 2)
  let sum: u32 = 0
  const end = lookups + 24 * count
  for (let at = lookups; at < end; at += 24) {
    const hash = loadU64(at + 16)
    const status = blockGetHashed(slot, loadU32(at), loadU32(at + 4), loadU32(at + 8), keyLength, hash)
    if (status == STATUS_FOUND) sum += loadU32(slot + SLOT_POINTER)
  }
  return sum
}
