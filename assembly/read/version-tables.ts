import {
  TABLE_LARGEST,
  TABLE_LARGEST_LENGTH,
  TABLE_SMALLEST,
  TABLE_SMALLEST_LENGTH,
  VERSION_RUNS,
  VERSION_RUN_ENDS,
} from '../memory/layout'
import { loadU32 } from '../memory/bytes'
import { compareBytes } from '../key/compare'

/** Finding tables in a Version record (drawn in layout.ts). Everything reads the record, its tables' keys and the key given. */

// @ts-ignore: decorator
@inline
export function versionRuns(version: u32): u32 {
  return loadU32(version + VERSION_RUNS)
}

/** Where run `number` ends in the list of tables, which is where the next one starts. */
// @ts-ignore: decorator
@inline
export function runEnd(version: u32, number: u32): u32 {
  return loadU32(version + VERSION_RUN_ENDS + 4 * number)
}

/** Address of the list's word for table `index`. */
// @ts-ignore: decorator
@inline
export function tableWord(version: u32, index: u32): u32 {
  return version + VERSION_RUN_ENDS + 4 * (versionRuns(version) + index)
}

/** Order of a table's largest key against a key. */
// @ts-ignore: decorator
@inline
export function compareLargest(table: u32, key: u32, keyLength: u32): i32 {
  return compareBytes(loadU32(table + TABLE_LARGEST), loadU32(table + TABLE_LARGEST_LENGTH), key, keyLength)
}

/** Order of a table's smallest key against a key. */
// @ts-ignore: decorator
@inline
export function compareSmallest(table: u32, key: u32, keyLength: u32): i32 {
  return compareBytes(loadU32(table + TABLE_SMALLEST), loadU32(table + TABLE_SMALLEST_LENGTH), key, keyLength)
}

/** Number, among the `count` tables listed at `tables`, of the first one whose largest key is not below a key; `count` if there is none. */
export function firstReaching(tables: u32, count: u32, key: u32, keyLength: u32): u32 {
  let low: u32 = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareLargest(loadU32(tables + 4 * middle), key, keyLength) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The number of tables listed at `tables` whose smallest key is not above a key: the last of them is where a walk backwards starts. */
export function countStarting(tables: u32, count: u32, key: u32, keyLength: u32): u32 {
  let low: u32 = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareSmallest(loadU32(tables + 4 * middle), key, keyLength) <= 0) low = middle + 1
    else high = middle
  }
  return low
}
