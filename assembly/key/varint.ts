import { loadU8, storeU8 } from '../memory/bytes'

/**
 * LEB128: seven bits a byte, lowest first, the high bit says that more follow. Only the shortest form is valid.
 * A reader is given the end of what it may read and touches no byte at or past it.
 */
export const VARINT32_MAX_BYTES: u32 = 5
export const VARINT64_MAX_BYTES: u32 = 10

/** Bytes that `value` takes. */
// @ts-ignore: decorator
@inline
export function varint32Size(value: u32): u32 {
  return (38 - clz<u32>(value | 1)) / 7
}

/** Bytes that `value` takes. */
// @ts-ignore: decorator
@inline
export function varint64Size(value: u64): u32 {
  return <u32>((70 - clz<u64>(value | 1)) / 7)
}

/** Writes up to VARINT32_MAX_BYTES at p. @returns the pointer behind. */
// @ts-ignore: decorator
@inline
export function writeVarint32(p: u32, value: u32): u32 {
  while (value >= 128) {
    storeU8(p++, value | 128)
    value >>>= 7
  }
  storeU8(p++, value)
  return p
}

/** Writes up to VARINT64_MAX_BYTES at p. @returns the pointer behind. */
// @ts-ignore: decorator
@inline
export function writeVarint64(p: u32, value: u64): u32 {
  while (value >= 128) {
    storeU8(p++, (<u32>value) | 128)
    value >>>= 7
  }
  storeU8(p++, <u32>value)
  return p
}

/**
 * Reads a varint of at most 32 bits in [p, end).
 * @returns next pointer << 32 | value, or 0 if it is cut off, too large or not in its shortest form: see varintNext, varintValue.
 */
// @ts-ignore: decorator
@inline
export function readVarint32(p: u32, end: u32): u64 {
  if (p < end) {
    const first = loadU8(p)
    if (first < 128) return ((<u64>(p + 1)) << 32) | first
  }
  return readLongVarint32(p, end)
}

/** The pointer behind a varint32 that was read. */
// @ts-ignore: decorator
@inline
export function varintNext(read: u64): u32 {
  return <u32>(read >>> 32)
}

/** The value of a varint32 that was read. */
// @ts-ignore: decorator
@inline
export function varintValue(read: u64): u32 {
  return <u32>read
}

function readLongVarint32(p: u32, end: u32): u64 {
  let value: u32 = 0
  for (let shift: u32 = 0; shift < 35 && p < end; shift += 7) {
    const byte = loadU8(p++)
    // The fifth byte holds the last four bits.
    if (shift == 28 && byte > 15) return 0
    value |= (byte & 127) << shift
    if (byte < 128) {
      if (byte == 0 && shift > 0) return 0
      return ((<u64>p) << 32) | value
    }
  }
  return 0
}

/**
 * Length of the varint of at most 64 bits that starts at p and lies in [p, end); 0 if it is cut off, too large or not in its
 * shortest form. Its value: varint64Value.
 */
export function varint64Length(p: u32, end: u32): u32 {
  const available = p < end ? end - p : 0
  for (let i: u32 = 0; i < available && i < VARINT64_MAX_BYTES; i++) {
    const byte = loadU8(p + i)
    // The tenth byte holds the last bit.
    if (i == 9 && byte > 1) return 0
    if (byte < 128) return byte == 0 && i > 0 ? 0 : i + 1
  }
  return 0
}

/** Value of the varint in [p, p + length), with the length varint64Length found there. */
// @ts-ignore: decorator
@inline
export function varint64Value(p: u32, length: u32): u64 {
  let value: u64 = 0
  for (let i: u32 = 0; i < length; i++) value |= ((<u64>loadU8(p + i)) & 127) << (<u64>i * 7)
  return value
}
