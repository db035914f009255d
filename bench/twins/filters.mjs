const NEXT_PROBE = 0x9e3779b9
const TWO_32 = 4294967296

/** Twins of assembly/table/filter.ts. */
export function createFilters({ u8, i32 }) {
  /** The line of a key whose hash has that upper half. NOTE: exact, as long as lines are fewer than 2^21. */
  function lineOf(filter, high, lines) {
    return filter + (Math.floor(((high >>> 0) * lines) / TWO_32) << 6)
  }

  function filterBuild(hashes, count, filter, lines, probes) {
    for (let i = 0; i < count; i++) {
      const at = (hashes >>> 2) + 2 * i
      const line = lineOf(filter, i32[at + 1], lines)
      let x = i32[at]
      for (let probe = 0; probe < probes; probe++) {
        u8[line + (x >>> 26)] |= 1 << ((x >>> 23) & 7)
        x = Math.imul(x, NEXT_PROBE)
      }
    }
    return count
  }

  function filterProbe(hashes, count, filter, lines, probes) {
    let passed = 0
    for (let i = 0; i < count; i++) {
      const at = (hashes >>> 2) + 2 * i
      const line = lineOf(filter, i32[at + 1], lines) >>> 2
      let x = i32[at]
      let all = 1
      for (let probe = 0; probe < probes; probe++) {
        all &= i32[line + (x >>> 28)] >>> ((x >>> 23) & 31)
        x = Math.imul(x, NEXT_PROBE)
      }
      passed += all
    }
    return passed
  }

  return { filterBuild, filterProbe }
}
