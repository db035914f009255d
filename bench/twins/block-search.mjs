import {
  BUCKET_COLLISION,
  BUCKET_EMPTY,
  bucketOf,
  TRAILER_BASE_SEQNO,
  TRAILER_BYTES,
  TRAILER_HASH_BUCKETS,
  TRAILER_HASH_INDEX,
  TRAILER_INTERVAL,
  TRAILER_RESTARTS,
  TRAILER_RESTART_ARRAY,
  TWO_32,
} from './block-layout.mjs'
import { createBytes } from './bytes.mjs'

const READ_SEQNO = 0x10001
/** Set in a byte of an entry's three lengths if a varint goes on behind it. */
const MORE_LENGTHS = 0x80808000 | 0
const TYPE_VALUE = 1

/**
 * Twins of assembly/table/block-get.ts and what it uses. Seqnos are below 2^53: numbers. What is found is a value. In its favour: without a hash index it goes
 * straight to the key, where the kernel goes to the entry before it and one further.
 */
export function createBlockSearch(memory) {
  const { i32, u8, view } = memory
  const { commonPrefix, compareBytes, equalBytes } = createBytes(memory)
  let block = 0
  let base = 0
  let restartArray = 0
  let restarts = 0
  let interval = 0
  // The entry that was decoded last.
  let shared = 0
  let rest = 0
  let restLength = 0
  let value = 0
  let next = 0
  let seqno = 0
  let type = 0
  /** Behind the varint that was read last. */
  let behind = 0

  function open(payload, length) {
    const trailer = payload + length - TRAILER_BYTES
    block = payload
    base =
      (view.getInt32(trailer + TRAILER_BASE_SEQNO, true) >>> 0) +
      view.getInt32(trailer + TRAILER_BASE_SEQNO + 4, true) * TWO_32
    restartArray = payload + view.getInt32(trailer + TRAILER_RESTART_ARRAY, true)
    restarts = view.getInt32(trailer + TRAILER_RESTARTS, true)
    interval = u8[trailer + TRAILER_INTERVAL]
  }

  function headAt(number) {
    return block + view.getUint16(restartArray + 2 * number, true)
  }

  /** A varint below 2^53. */
  function readVarint(p) {
    const first = u8[p]
    if (first < 128) {
      behind = p + 1
      return first
    }
    let result = first & 127
    for (let scale = 128; ; scale *= 128) {
      const byte = u8[++p]
      result += (byte & 127) * scale
      if (byte < 128) break
    }
    behind = p + 1
    return result
  }

  function decode(entry) {
    const word = view.getInt32(entry, true)
    let valueLength
    type = word & 255
    if ((word & MORE_LENGTHS) === 0) {
      shared = (word >>> 8) & 255
      restLength = (word >>> 16) & 255
      valueLength = word >>> 24
      seqno = base + readVarint(entry + 4)
    } else {
      shared = readVarint(entry + 1)
      restLength = readVarint(behind)
      valueLength = readVarint(behind)
      seqno = base + readVarint(behind)
    }
    rest = behind
    value = rest + restLength
    next = value + valueLength
  }

  /** Whether a restart head is < (key, READ_SEQNO). */
  function isHeadBelow(entry, key, keyLength) {
    decode(entry)
    const order = compareBytes(rest, restLength, key, keyLength)
    return order !== 0 ? order < 0 : seqno >= READ_SEQNO
  }

  /** The value of the newest version of a key that is visible, 0 without one: binary search among restart heads, then their entries. */
  function find(key, keyLength) {
    let low = 0
    let high = restarts
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isHeadBelow(headAt(middle), key, keyLength)) low = middle + 1
      else high = middle
    }
    let entry = headAt(low === 0 ? 0 : low - 1)
    decode(entry)
    if (low !== 0) {
      const head = rest
      const common = commonPrefix(head, key, Math.min(restLength, keyLength))
      // An entry that shares more with the head than the key does is below it, one that shares less is above.
      let left = interval
      for (;;) {
        entry = next
        if (entry === restartArray) return 0
        decode(entry)
        // NOTE: with the next head, if there is one, the search ends anyway: it is not below.
        if (--left === 0) break
        if (shared < common) return 0
        if (shared > common) continue
        const order = compareBytes(rest, restLength, key + common, keyLength - common)
        if (order > 0) return 0
        if (order === 0 && seqno < READ_SEQNO) return type === TYPE_VALUE ? value : 0
      }
    }
    const isKey = restLength === keyLength && equalBytes(rest, key, keyLength)
    return isKey && seqno < READ_SEQNO && type === TYPE_VALUE ? value : 0
  }

  /** The same in the one restart interval that can have the key. */
  function findIn(number, key, keyLength) {
    decode(headAt(number))
    const common = commonPrefix(rest, key, Math.min(restLength, keyLength))
    if (common === keyLength && restLength === keyLength && seqno < READ_SEQNO)
      return type === TYPE_VALUE ? value : 0
    const wanted = keyLength - common
    for (let left = interval - 1; left > 0 && next !== restartArray; left--) {
      decode(next)
      if (shared < common) return 0
      if (
        shared === common &&
        restLength === wanted &&
        equalBytes(rest, key + common, wanted) &&
        seqno < READ_SEQNO
      ) {
        return type === TYPE_VALUE ? value : 0
      }
    }
    return 0
  }

  function findHashed(payload, length, key, keyLength, hashLow, hashHigh) {
    const trailer = payload + length - TRAILER_BYTES
    const buckets = view.getInt32(trailer + TRAILER_HASH_BUCKETS, true)
    if (buckets !== 0) {
      const index = payload + view.getInt32(trailer + TRAILER_HASH_INDEX, true)
      const bucket = u8[index + bucketOf((hashLow >>> 16) | (hashHigh << 16), buckets)]
      if (bucket === BUCKET_EMPTY) return 0
      if (bucket !== BUCKET_COLLISION) {
        open(payload, length)
        return findIn(bucket, key, keyLength)
      }
    }
    open(payload, length)
    return find(key, keyLength)
  }

  function blockSearch(_slot, lookups, count, keyLength) {
    let sum = 0
    const end = (lookups >>> 2) + 6 * count
    for (let at = lookups >>> 2; at < end; at += 6) {
      open(i32[at], i32[at + 1])
      sum = (sum + find(i32[at + 2], keyLength)) | 0
    }
    return sum >>> 0
  }

  function blockSearchHashed(_slot, lookups, count, keyLength) {
    let sum = 0
    const end = (lookups >>> 2) + 6 * count
    for (let at = lookups >>> 2; at < end; at += 6)
      sum = (sum + findHashed(i32[at], i32[at + 1], i32[at + 2], keyLength, i32[at + 4], i32[at + 5])) | 0
    return sum >>> 0
  }

  return { blockSearch, blockSearchHashed }
}
