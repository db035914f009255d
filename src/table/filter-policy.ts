import { FILTER_LINE_BYTES } from '../../assembly/memory/layout.ts'
import { FILTER_MAX_BITS_PER_KEY, filterProbes } from '../../assembly/table/filter-probes.ts'

/** What a table's filter is to be like: how large, or how rarely wrong. */
export type FilterPolicy = { readonly bitsPerKey: number } | { readonly falsePositiveRate: number }

export const DEFAULT_BITS_PER_KEY = 10
/** A rate that FILTER_MAX_BITS_PER_KEY bits still reach. */
const LEAST_FALSE_POSITIVE_RATE = 0.000001
/** Bits per key are given to this precision. */
const STEPS_PER_BIT = 100
const LINE_BITS = 8 * FILTER_LINE_BYTES

/**
 * The bits per key that a policy asks for, 0 for no filter: a number from 1 to 40, or the smallest that keeps false positives at the rate asked for.
 * @throws RangeError
 */
export function bitsPerKeyFor(policy: FilterPolicy): number {
  if ('bitsPerKey' in policy) {
    const { bitsPerKey } = policy
    if (bitsPerKey !== 0 && !(bitsPerKey >= 1 && bitsPerKey <= FILTER_MAX_BITS_PER_KEY)) {
      throw new RangeError(`bitsPerKey must be 0, for no filter, or from 1 to ${FILTER_MAX_BITS_PER_KEY}`)
    }
    return bitsPerKey
  }
  const rate = policy.falsePositiveRate
  if (!(rate >= LEAST_FALSE_POSITIVE_RATE && rate <= 1)) {
    throw new RangeError(`falsePositiveRate must be from ${LEAST_FALSE_POSITIVE_RATE} to 1, for no filter`)
  }
  if (rate === 1) return 0
  let low = STEPS_PER_BIT
  let high = STEPS_PER_BIT * FILTER_MAX_BITS_PER_KEY
  while (low < high) {
    const middle = (low + high) >>> 1
    if (expectedFalsePositiveRate(middle / STEPS_PER_BIT) <= rate) high = middle
    else low = middle + 1
  }
  return low / STEPS_PER_BIT
}

/**
 * False positives among keys that are not in a table, for a filter with so many bits per key.
 *
 * A line has n keys with the probability of a Poisson distribution, and answers wrongly if all k probes meet bits that
 * these keys set: sum over n of P(n) × (1 − (1 − 1/512)^(k n))^k. The textbook's formula for a filter in one piece, 0.6185^bits, promises
 * too much: 0.82 % instead of 0.96 % at 10 bits, a third of the truth at 20.
 */
export function expectedFalsePositiveRate(bitsPerKey: number): number {
  const probes = filterProbes(bitsPerKey)
  const mean = LINE_BITS / bitsPerKey
  const most = Math.ceil(mean + 12 * Math.sqrt(mean) + 20)
  let probability = Math.exp(-mean)
  let rate = 0
  for (let keys = 1; keys <= most; keys++) {
    probability *= mean / keys
    rate += probability * (1 - (1 - 1 / LINE_BITS) ** (probes * keys)) ** probes
  }
  return rate
}
