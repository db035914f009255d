import { loadU32, loadU8, storeU8 } from '../memory/bytes'

/**
 * A line of a filter: 64 bytes that hold all bits of a key (docs/table-format.md, "Filter blocks"). The upper half of the key's hash
 * chooses the line, the lower half the bits in it.
 */

/** Odd multiplier that makes each probe of the one before: 2^32 divided by the golden ratio. */
const NEXT_PROBE: u32 = 0x9e3779b9

/** Number of the line, below `lines`, of a key with that keyHash. */
// @ts-ignore: decorator
@inline
export function filterLine(hash: u64, lines: u32): u32 {
  return <u32>(((hash >>> 32) * <u64>lines) >>> 32)
}

/** Sets the bits of a key in its line. Writes [line, line + 64). */
export function filterAdd(line: u32, hash: u64, probes: u32): void {
  let x = <u32>hash
  for (let i: u32 = 0; i < probes; i++) {
    const at = line + (x >>> 26)
    storeU8(at, loadU8(at) | (1 << ((x >>> 23) & 7)))
    x *= NEXT_PROBE
  }
}

/**
 * Whether the table may have a key with that keyHash, given the key's line. Reads [line, line + 64).
 * NOTE: all probes are looked at. To stop at the first bit that is 0 costs twice the time, for the branch is not foreseeable (11 ns instead of
 * 5 ns for absent keys at 6 probes); 128-bit vectors are faster from 8 probes on and slower at the usual 6.
 */
export function filterMayContain(line: u32, hash: u64, probes: u32): bool {
  let x = <u32>hash
  let all: u32 = 1
  for (let i: u32 = 0; i < probes; i++) {
    // A word of 32 bits at a time: the same bits, since bytes are little-endian.
    all &= loadU32(line + ((x >>> 28) << 2)) >>> ((x >>> 23) & 31)
    x *= NEXT_PROBE
  }
  return all != 0
}
