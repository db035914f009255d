import { compareBytes } from '../../../assembly/key/compare'
import { readVarint32, varintNext, varintValue, writeVarint32 } from '../../../assembly/key/varint'
import { loadU32 } from '../../../assembly/memory/bytes'

/** Compares each key with the one behind it. @returns how many are smaller. */
export function compareKeys(keys: u32, keyLength: u32, count: u32): u32 {
  let smaller: u32 = 0
  const last = keys + (count - 1) * keyLength
  for (let key = keys; key < last; key += keyLength)
    smaller += (<u32>compareBytes(key, keyLength, key + keyLength, keyLength)) >>> 31
  return smaller
}

/** @returns the bytes written. */
export function writeVarints(values: u32, count: u32, to: u32): u32 {
  let p = to
  const end = values + 4 * count
  for (let value = values; value < end; value += 4) p = writeVarint32(p, loadU32(value))
  return p - to
}

/** @returns the sum of the values in [from, end), 0 if one is malformed. */
export function readVarints(from: u32, end: u32): u32 {
  let sum: u32 = 0
  for (let p = from; p < end;) {
    const read = readVarint32(p, end)
    if (read == 0) return 0
    sum += varintValue(read)
    p = varintNext(read)
  }
  return sum
}
