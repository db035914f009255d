/**
 * Access to linear memory: the only loads and stores of the kernel. Everything else declares a layout and names its
 * offsets; `p + OFFSET` costs nothing (offsets below 1024 become immediates).
 *
 * Plain accesses need no alignment. Atomic ones need their natural alignment and are sequentially consistent.
 */

// ── plain ────────────────────────────────────────────────────────────────────────────────────────────────

// @ts-ignore: decorator
@inline
export function loadU8(p: u32): u32 {
  return load<u8>(p)
}

// @ts-ignore: decorator
@inline
export function loadU16(p: u32): u32 {
  return load<u16>(p)
}

// @ts-ignore: decorator
@inline
export function loadU32(p: u32): u32 {
  return load<u32>(p)
}

// @ts-ignore: decorator
@inline
export function loadU64(p: u32): u64 {
  return load<u64>(p)
}

// @ts-ignore: decorator
@inline
export function loadF64(p: u32): f64 {
  return load<f64>(p)
}

/** 16 bytes. */
// @ts-ignore: decorator
@inline
export function loadV128(p: u32): v128 {
  return load<v128>(p)
}

/** The first byte at p is the most significant one: unsigned order of the words is the order of the bytes. */
// @ts-ignore: decorator
@inline
export function loadBigEndianU64(p: u32): u64 {
  return bswap<u64>(load<u64>(p))
}

// @ts-ignore: decorator
@inline
export function storeU8(p: u32, value: u32): void {
  store<u8>(p, <u8>value)
}

// @ts-ignore: decorator
@inline
export function storeU16(p: u32, value: u32): void {
  store<u16>(p, <u16>value)
}

// @ts-ignore: decorator
@inline
export function storeU32(p: u32, value: u32): void {
  store<u32>(p, value)
}

// @ts-ignore: decorator
@inline
export function storeU64(p: u32, value: u64): void {
  store<u64>(p, value)
}

// @ts-ignore: decorator
@inline
export function storeF64(p: u32, value: f64): void {
  store<f64>(p, value)
}

// @ts-ignore: decorator
@inline
export function storeV128(p: u32, value: v128): void {
  store<v128>(p, value)
}

// ── atomic ───────────────────────────────────────────────────────────────────────────────────────────────

// @ts-ignore: decorator
@inline
export function atomicLoadU32(p: u32): u32 {
  return atomic.load<u32>(p)
}

// @ts-ignore: decorator
@inline
export function atomicLoadU64(p: u32): u64 {
  return atomic.load<u64>(p)
}

// @ts-ignore: decorator
@inline
export function atomicStoreU32(p: u32, value: u32): void {
  atomic.store<u32>(p, value)
}

// @ts-ignore: decorator
@inline
export function atomicStoreU64(p: u32, value: u64): void {
  atomic.store<u64>(p, value)
}

/** Adds (modulo 2^32). @returns the value before. */
// @ts-ignore: decorator
@inline
export function atomicAddU32(p: u32, value: u32): u32 {
  return atomic.add<u32>(p, value)
}

/** Adds (modulo 2^64). @returns the value before. */
// @ts-ignore: decorator
@inline
export function atomicAddU64(p: u32, value: u64): u64 {
  return atomic.add<u64>(p, value)
}

/** Stores `replacement` if the word is `expected`. @returns whether it did. */
// @ts-ignore: decorator
@inline
export function compareExchangeU32(p: u32, expected: u32, replacement: u32): bool {
  return atomic.cmpxchg<u32>(p, expected, replacement) == expected
}

/** Stores `replacement` if the word is `expected`. @returns whether it did. */
// @ts-ignore: decorator
@inline
export function compareExchangeU64(p: u32, expected: u64, replacement: u64): bool {
  return atomic.cmpxchg<u64>(p, expected, replacement) == expected
}

/** Raises the word to at least `value`. */
// @ts-ignore: decorator
@inline
export function atomicMaxU64(p: u32, value: u64): void {
  let seen = atomicLoadU64(p)
  while (seen < value && !compareExchangeU64(p, seen, value)) seen = atomicLoadU64(p)
}

// ── many bytes ───────────────────────────────────────────────────────────────────────────────────────────

/** Above this a call of the engine's own memory.copy is faster than a loop here. */
const COPY_LOOP_BYTES: u32 = 512

/**
 * Copies [from, from + length) to [to, to + length); the two do not overlap.
 * Reads and writes nothing outside of them: the tail is copied as a last whole word that overlaps the one before.
 */
export function copyBytes(to: u32, from: u32, length: u32): void {
  if (length >= 16) {
    if (length > COPY_LOOP_BYTES) {
      memory.copy(to, from, length)
      return
    }
    const last = length - 16
    for (let i: u32 = 0; i < last; i += 16) storeV128(to + i, loadV128(from + i))
    storeV128(to + last, loadV128(from + last))
  } else if (length >= 8) {
    const head = loadU64(from)
    const tail = loadU64(from + (length - 8))
    storeU64(to, head)
    storeU64(to + (length - 8), tail)
  } else if (length >= 4) {
    const head = loadU32(from)
    const tail = loadU32(from + (length - 4))
    storeU32(to, head)
    storeU32(to + (length - 4), tail)
  } else if (length > 0) {
    const middle = length >>> 1
    const a = loadU8(from)
    const b = loadU8(from + middle)
    const c = loadU8(from + (length - 1))
    storeU8(to, a)
    storeU8(to + middle, b)
    storeU8(to + (length - 1), c)
  }
}

/** Copies [from, from + length) to [to, to + length); the two may overlap. */
// @ts-ignore: decorator
@inline
export function moveBytes(to: u32, from: u32, length: u32): void {
  memory.copy(to, from, length)
}

/** Sets [p, p + length) to one byte value. */
// @ts-ignore: decorator
@inline
export function fillBytes(p: u32, byte: u32, length: u32): void {
  memory.fill(p, <u8>byte, length)
}
