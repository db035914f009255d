import { loadU64 } from '../../../assembly/memory/bytes'
import { filterAdd, filterLine, filterMayContain } from '../../../assembly/table/filter'

const LINE_SHIFT: u32 = 6

/** Adds keys, of which the hashes are given, to a filter. */
export function filterBuild(hashes: u32, count: u32, filter: u32, lines: u32, probes: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const hash = loadU64(hashes + 8 * i)
    filterAdd(filter + (filterLine(hash, lines) << LINE_SHIFT), hash, probes)
  }
  return count
}

/** @returns how many of the keys the filter may contain. */
export function filterProbe(hashes: u32, count: u32, filter: u32, lines: u32, probes: u32): u32 {
  let passed: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const hash = loadU64(hashes + 8 * i)
    passed += filterMayContain(filter + (filterLine(hash, lines) << LINE_SHIFT), hash, probes) ? 1 : 0
  }
  return passed
}
