/** What a filter may be built with (docs/table-format.md, "Filter blocks"). TypeScript imports this file, like layout.ts. */

/** Bits per key of a filter: from 1 to this; more would make false positives hardly rarer. */
export const FILTER_MAX_BITS_PER_KEY: f64 = 40
/** Probes that a filter in a file may have; a builder's have fewer. */
export const FILTER_MAX_PROBES: u32 = 24

/**
 * How many probes make the fewest false positives at so many bits per key. All bits of a key are in one line, and lines are unevenly
 * full, so there are fewer than an unblocked Bloom filter has. (Among equals, within half a percent, the smaller number.)
 */
export function filterProbes(bitsPerKey: f64): u32 {
  if (bitsPerKey < 2.08) return 1
  if (bitsPerKey < 3.58) return 2
  if (bitsPerKey < 5.09) return 3
  if (bitsPerKey < 6.65) return 4
  if (bitsPerKey < 8.3) return 5
  if (bitsPerKey < 10.1) return 6
  if (bitsPerKey < 11.9) return 7
  if (bitsPerKey < 13.9) return 8
  if (bitsPerKey < 16.1) return 9
  if (bitsPerKey < 18.4) return 10
  if (bitsPerKey < 21) return 11
  if (bitsPerKey < 23.9) return 12
  if (bitsPerKey < 27.1) return 13
  if (bitsPerKey < 30.7) return 14
  if (bitsPerKey < 34.7) return 15
  return bitsPerKey < 39.3 ? 16 : 17
}
