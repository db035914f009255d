/**
 * What stands in for the compiler's `atomic` in the build whose interleavings are explored (`--use`, scripts/build-explored.mjs): the same
 * accesses, and in front of each a point where another thread may go on. No other build knows this file.
 */

import { touchBytes } from './touched'

/** What is about to happen at a point (test/torture/sched/kernel-points.ts). WIDE is added if the word has 64 bits. */
const LOAD: u32 = 0
const STORE: u32 = 1
const ADD: u32 = 2
const EXCHANGE: u32 = 3
const WIDE: u32 = 4

/** Stands for the number of the place in the code, which the build writes in its stead. */
const PLACE: u32 = 0x5c4ed01e

// @ts-ignore: decorator
@external("env", "point")
declare function point(place: u32, kind: u32, address: u32): void

export namespace explored {
  // @ts-ignore: decorator
  @inline
  export function load<T>(p: u32): T {
    if (sizeof<T>() == 8) {
      point(PLACE, LOAD + WIDE, p)
      return <T>i64.atomic.load(p)
    }
    point(PLACE, LOAD, p)
    return <T>i32.atomic.load(p)
  }

  // @ts-ignore: decorator
  @inline
  export function store<T>(p: u32, value: T): void {
    touchBytes(p, <u32>sizeof<T>())
    if (sizeof<T>() == 8) {
      point(PLACE, STORE + WIDE, p)
      i64.atomic.store(p, <i64>value)
    } else {
      point(PLACE, STORE, p)
      i32.atomic.store(p, <i32>value)
    }
  }

  // @ts-ignore: decorator
  @inline
  export function add<T>(p: u32, value: T): T {
    touchBytes(p, <u32>sizeof<T>())
    if (sizeof<T>() == 8) {
      point(PLACE, ADD + WIDE, p)
      return <T>i64.atomic.rmw.add(p, <i64>value)
    }
    point(PLACE, ADD, p)
    return <T>i32.atomic.rmw.add(p, <i32>value)
  }

  // @ts-ignore: decorator
  @inline
  export function cmpxchg<T>(p: u32, expected: T, replacement: T): T {
    touchBytes(p, <u32>sizeof<T>())
    if (sizeof<T>() == 8) {
      point(PLACE, EXCHANGE + WIDE, p)
      return <T>i64.atomic.rmw.cmpxchg(p, <i64>expected, <i64>replacement)
    }
    point(PLACE, EXCHANGE, p)
    return <T>i32.atomic.rmw.cmpxchg(p, <i32>expected, <i32>replacement)
  }
}
