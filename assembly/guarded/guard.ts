/**
 * What stands in for the compiler's `load`, `store` and `memory` in the build that is fuzzed (`--use`, test/torture/fuzz/guarded-kernel.ts): in memory above
 * `zone` only the input may be read, and only the output written; any other access traps. No other build knows this file.
 */

/** Nothing is guarded before guard() says what. */
let zone: u64 = 0xffffffff
let inputFrom: u64 = 0
let inputTo: u64 = 0
let outputFrom: u64 = 0
let outputTo: u64 = 0

/** From here on: [zone, end of memory) is out of bounds, but for the input and the output in it. The input may not be written. */
export function guard(from: u32, input: u32, inputLength: u32, output: u32, outputLength: u32): void {
  zone = from
  inputFrom = input
  inputTo = <u64>input + inputLength
  outputFrom = output
  outputTo = <u64>output + outputLength
}

// @ts-ignore: decorator
@inline
function read(p: u32, length: u64): void {
  const from = <u64>p
  if (from + length <= zone || length == 0) return
  if (from >= inputFrom && from + length <= inputTo) return
  if (from >= outputFrom && from + length <= outputTo) return
  unreachable()
}

// @ts-ignore: decorator
@inline
function write(p: u32, length: u64): void {
  const from = <u64>p
  if (from + length <= zone || length == 0) return
  if (from >= outputFrom && from + length <= outputTo) return
  unreachable()
}

/** In the place of the compiler's `load`. NOTE: not inlined by the compiler, which would widen a u32 with its sign. */
export function guardedLoad<T>(p: u32): T {
  read(p, sizeof<T>())
  // @ts-ignore: a T that is a vector
  if (isVector<T>()) return v128.load(p)
  else if (isFloat<T>()) return <T>f64.load(p)
  else if (sizeof<T>() == 8) return <T>i64.load(p)
  else if (sizeof<T>() == 4) return <T>i32.load(p)
  else if (sizeof<T>() == 2) return <T>i32.load16_u(p)
  else return <T>i32.load8_u(p)
}

/** In the place of the compiler's `store`. */
// @ts-ignore: decorator
@inline
export function guardedStore<T>(p: u32, value: T): void {
  write(p, sizeof<T>())
  // @ts-ignore: a T that is a vector
  if (isVector<T>()) v128.store(p, value)
  else if (isFloat<T>()) f64.store(p, <f64>value)
  else if (sizeof<T>() == 8) i64.store(p, <i64>value)
  else if (sizeof<T>() == 4) i32.store(p, <i32>value)
  else if (sizeof<T>() == 2) i32.store16(p, <i32>value)
  else i32.store8(p, <i32>value)
}

/** In the place of the compiler's `memory`. */
export namespace guardedMemory {
  // @ts-ignore: decorator
  @inline
  export function copy(to: u32, from: u32, length: u32): void {
    read(from, length)
    write(to, length)
    // @ts-ignore: the name under which the build keeps it
    compilersMemory.copy(to, from, length)
  }

  // @ts-ignore: decorator
  @inline
  export function fill(p: u32, byte: u8, length: u32): void {
    write(p, length)
    // @ts-ignore: the name under which the build keeps it
    compilersMemory.fill(p, byte, length)
  }
}
