/**
 * Which lines of memory were written to, in the build whose interleavings are explored: its stores note them, so that test/torture/sched can put
 * back exactly those between two schedules. It lies in page 0 behind the hash secret, where the kernel has nothing.
 *
 *   73728   u32 number of lines in the list | 60 unused
 *   73792   u8 for each line of 512 bytes: 1 if it is in the list
 *   86016   u32 × 3072: the lines; more are not noted, but counted
 */
const TOUCHED: u32 = 73728
const MARKS: u32 = 73792
const LIST: u32 = 86016
const LIST_MAX: u32 = 3072
const LINE_SHIFT: u32 = 9

function touch(line: u32): void {
  if (i32.load8_u(MARKS + line) != 0) return
  i32.store8(MARKS + line, 1)
  const count: u32 = i32.load(TOUCHED)
  if (count < LIST_MAX) i32.store(LIST + 4 * count, line)
  i32.store(TOUCHED, count + 1)
}

/** Notes that [p, p + length) is written to, length > 0. */
export function touchBytes(p: u32, length: u32): void {
  const last = (p + length - 1) >>> LINE_SHIFT
  for (let line = p >>> LINE_SHIFT; line <= last; line++) touch(line)
}

/** In the place of the compiler's `store`. */
// @ts-ignore: decorator
@inline
export function touchingStore<T>(p: u32, value: T): void {
  touchBytes(p, <u32>sizeof<T>())
  // @ts-ignore: a T that is a vector
  if (isVector<T>()) v128.store(p, value)
  else if (isFloat<T>()) f64.store(p, <f64>value)
  else if (sizeof<T>() == 8) i64.store(p, <i64>value)
  else if (sizeof<T>() == 4) i32.store(p, <i32>value)
  else if (sizeof<T>() == 2) i32.store16(p, <i32>value)
  else i32.store8(p, <i32>value)
}

/** In the place of the compiler's `memory`. */
export namespace touchingMemory {
  // @ts-ignore: decorator
  @inline
  export function copy(to: u32, from: u32, length: u32): void {
    if (length > 0) touchBytes(to, length)
    // @ts-ignore: the name under which asconfig.json keeps it
    compilersMemory.copy(to, from, length)
  }

  // @ts-ignore: decorator
  @inline
  export function fill(p: u32, byte: u8, length: u32): void {
    if (length > 0) touchBytes(p, length)
    // @ts-ignore: the name under which asconfig.json keeps it
    compilersMemory.fill(p, byte, length)
  }
}
