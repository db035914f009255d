import { createBytes } from './bytes.mjs'

/** Twins of assembly/key. */
export function createKeys(memory) {
  const { u8, i32 } = memory
  const { compareBytes, writeVarint } = createBytes(memory)
  /** Behind the varint that was read last. */
  let next = 0

  function compareKeys(keys, keyLength, count) {
    let smaller = 0
    const last = keys + (count - 1) * keyLength
    for (let key = keys; key < last; key += keyLength)
      smaller += compareBytes(key, keyLength, key + keyLength, keyLength) >>> 31
    return smaller
  }

  /** The value of the varint at p, which ends before `end`; -1 if it is cut off, too large or not in its shortest form. */
  function readVarint(p, end) {
    if (p < end) {
      const first = u8[p]
      if (first < 128) {
        next = p + 1
        return first
      }
    }
    return readLongVarint(p, end)
  }

  function readLongVarint(p, end) {
    let value = 0
    for (let shift = 0; shift < 35 && p < end; shift += 7) {
      const byte = u8[p++]
      if (shift === 28 && byte > 15) return -1
      value |= (byte & 127) << shift
      if (byte < 128) {
        if (byte === 0 && shift > 0) return -1
        next = p
        return value >>> 0
      }
    }
    return -1
  }

  function writeVarints(values, count, to) {
    let p = to
    const end = (values >>> 2) + count
    for (let at = values >>> 2; at < end; at++) p = writeVarint(p, i32[at])
    return p - to
  }

  function readVarints(from, end) {
    let sum = 0
    for (let p = from; p < end; p = next) {
      const value = readVarint(p, end)
      if (value < 0) return 0
      sum = (sum + value) | 0
    }
    return sum >>> 0
  }

  return { compareKeys, writeVarints, readVarints }
}
