import {
  BUCKET_COLLISION,
  BUCKET_EMPTY,
  bucketOf,
  TRAILER_BASE_SEQNO,
  TRAILER_BYTES,
  TRAILER_ENTRIES,
  TRAILER_HASH_BUCKETS,
  TRAILER_HASH_INDEX,
  TRAILER_INTERVAL,
  TRAILER_RESTARTS,
  TRAILER_RESTART_ARRAY,
  TWO_32,
} from './block-layout.mjs'
import { createBytes } from './bytes.mjs'

/** There are as many values; they are taken in turn. */
const VALUES_MASK = 1023
const SEQNO_MASK = 0xffff
const TYPE_VALUE = 1
/** Type byte and seqno of an entry, roughly. */
const HEADER_ESTIMATE = 4
const BUCKETS_PER_KEY = 2
/** A gathered entry: f64 seqno | u32 shared | u32 rest | u32 value length | u32 word of the hash | rest key bytes | value bytes */
const GATHERED_SHARED = 8
const GATHERED_REST = 12
const GATHERED_VALUE_LENGTH = 16
const GATHERED_HASH = 20
const GATHERED_BYTES = 24

/** Twin of assembly/table/block-writer.ts. */
export function createBlockBuild(memory) {
  const { i32, u8, view } = memory
  const { commonPrefix, copyBytes, writeVarint } = createBytes(memory)
  let buffer = 0
  let end = 0
  let interval = 0
  let entries = 0
  let position = 0
  let head = 0
  let headLength = 0
  let size = 0
  let lowest = 0

  function reset() {
    end = buffer
    entries = 0
    position = 0
    size = TRAILER_BYTES
    lowest = SEQNO_MASK + 1
  }

  /** Adds an entry. @returns where its value goes */
  function add(key, keyLength, seqno, valueLength, hashWord) {
    const entry = end
    const rest = entry + GATHERED_BYTES
    let shared = 0
    if (position === 0) {
      head = rest
      headLength = keyLength
    } else {
      shared = commonPrefix(head, key, Math.min(headLength, keyLength))
    }
    const restLength = keyLength - shared
    view.setFloat64(entry, seqno, true)
    view.setInt32(entry + GATHERED_SHARED, shared, true)
    view.setInt32(entry + GATHERED_REST, restLength, true)
    view.setInt32(entry + GATHERED_VALUE_LENGTH, valueLength, true)
    view.setInt32(entry + GATHERED_HASH, hashWord, true)
    copyBytes(rest, key + shared, restLength)
    if (seqno < lowest) lowest = seqno
    const lengths = varintSize(shared) + varintSize(restLength) + varintSize(valueLength)
    size += HEADER_ESTIMATE + lengths + valueLength + (entries === 0 ? 0 : restLength)
    entries++
    position = position + 1 === interval ? 0 : position + 1
    end = rest + restLength + valueLength
    return rest + restLength
  }

  function nextGathered(entry) {
    return (
      entry +
      GATHERED_BYTES +
      view.getInt32(entry + GATHERED_REST, true) +
      view.getInt32(entry + GATHERED_VALUE_LENGTH, true)
    )
  }

  function countKeys() {
    let keys = 1
    let before = view.getInt32(buffer + GATHERED_HASH, true)
    for (let entry = nextGathered(buffer); entry < end; entry = nextGathered(entry)) {
      const word = view.getInt32(entry + GATHERED_HASH, true)
      if (word !== before) keys++
      before = word
    }
    return keys
  }

  function buildHashIndex(index, buckets) {
    u8.fill(BUCKET_EMPTY, index, index + buckets)
    let number = 0
    let left = interval
    for (let entry = buffer; entry < end; entry = nextGathered(entry)) {
      if (left === 0) {
        number++
        left = interval
      }
      left--
      const at = index + bucketOf(view.getInt32(entry + GATHERED_HASH, true), buckets)
      if (u8[at] === BUCKET_EMPTY) u8[at] = number
      else if (u8[at] !== number) u8[at] = BUCKET_COLLISION
    }
  }

  /** Writes the payload. @returns its length */
  function finish(payload) {
    const buckets = BUCKETS_PER_KEY * countKeys()
    const hashIndex = payload + (end - buffer) - buckets
    buildHashIndex(hashIndex, buckets)
    let to = payload
    let left = 0
    let restarts = 0
    for (let entry = buffer; entry < end;) {
      const difference = view.getFloat64(entry, true) - lowest
      const shared = view.getInt32(entry + GATHERED_SHARED, true)
      const restLength = view.getInt32(entry + GATHERED_REST, true)
      const valueLength = view.getInt32(entry + GATHERED_VALUE_LENGTH, true)
      if (left === 0) {
        // Restart offsets wait at the start of the buffer, over entries that are written already.
        view.setInt32(buffer + 4 * restarts, to - payload, true)
        restarts++
        left = interval
      }
      left--
      if ((shared | restLength | valueLength) < 128) {
        view.setInt32(to, TYPE_VALUE | (shared << 8) | (restLength << 16) | (valueLength << 24), true)
        to += 4
      } else {
        u8[to] = TYPE_VALUE
        to = writeVarint(to + 1, shared)
        to = writeVarint(to, restLength)
        to = writeVarint(to, valueLength)
      }
      to = writeVarint(to, difference)
      copyBytes(to, entry + GATHERED_BYTES, restLength + valueLength)
      to += restLength + valueLength
      entry += GATHERED_BYTES + restLength + valueLength
    }
    const restartArray = to - payload
    for (let i = 0; i < restarts; i++) {
      view.setInt16(to, view.getInt32(buffer + 4 * i, true), true)
      to += 2
    }
    const hashIndexOffset = to - payload
    u8.copyWithin(to, hashIndex, hashIndex + buckets)
    to += buckets
    view.setInt32(to + TRAILER_BASE_SEQNO, lowest, true)
    view.setInt32(to + TRAILER_BASE_SEQNO + 4, Math.floor(lowest / TWO_32), true)
    view.setInt32(to + TRAILER_ENTRIES, entries, true)
    view.setInt32(to + TRAILER_RESTARTS, restarts, true)
    view.setInt32(to + TRAILER_RESTART_ARRAY, restartArray, true)
    view.setInt32(to + TRAILER_HASH_INDEX, hashIndexOffset, true)
    view.setInt32(to + TRAILER_HASH_BUCKETS, buckets, true)
    view.setInt32(to + TRAILER_INTERVAL, interval, true)
    reset()
    return to + TRAILER_BYTES - payload
  }

  function blockBuild(
    keys,
    keyLength,
    hashes,
    values,
    valueLength,
    count,
    blockBytes,
    restartInterval,
    writer,
    directory,
    to,
  ) {
    buffer = writer
    interval = restartInterval
    reset()
    let blocks = 0
    for (let i = 0; i <= count; i++) {
      if (entries !== 0 && (i === count || size >= blockBytes)) {
        const length = finish(to)
        i32[(directory >>> 2) + 2 * blocks] = to
        i32[(directory >>> 2) + 2 * blocks + 1] = length
        blocks++
        to += length
      }
      if (i === count) break
      const hash = i32[(hashes >>> 2) + 2 * i]
      const hashWord = (hash >>> 16) | (i32[(hashes >>> 2) + 2 * i + 1] << 16)
      const at = add(keys + i * keyLength, keyLength, 1 + (hash & SEQNO_MASK), valueLength, hashWord)
      copyBytes(at, values + (i & VALUES_MASK) * valueLength, valueLength)
    }
    return blocks
  }

  return { blockBuild }
}

/** Bytes of a varint of at most 32 bits. */
function varintSize(value) {
  return value < 128 ? 1 : Math.floor((38 - Math.clz32(value)) / 7)
}
