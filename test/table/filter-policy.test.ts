import { describe, expect, test } from 'vitest'
import { filterProbes } from '../../assembly/table/filter-probes.ts'
import { bitsPerKeyFor, expectedFalsePositiveRate } from '../../src/table/filter-policy.ts'

describe('bitsPerKeyFor', () => {
  test.each([
    [{ bitsPerKey: 0 }, 0],
    [{ bitsPerKey: 1 }, 1],
    [{ bitsPerKey: 10 }, 10],
    [{ bitsPerKey: 12.5 }, 12.5],
    [{ bitsPerKey: 40 }, 40],
    [{ falsePositiveRate: 1 }, 0],
    [{ falsePositiveRate: 0.7 }, 1],
    // In one piece it would take 4.8, 9.6, 14.4, 19.2 and 28.8 bits.
    [{ falsePositiveRate: 0.1 }, 4.84],
    [{ falsePositiveRate: 0.01 }, 9.9],
    [{ falsePositiveRate: 0.001 }, 15.49],
    [{ falsePositiveRate: 0.0001 }, 21.92],
    [{ falsePositiveRate: 0.000001 }, 38.52],
  ])('%o: %d', (policy, bits) => {
    expect(bitsPerKeyFor(policy)).toBe(bits)
  })

  test.each([-1, 0.5, 40.1, NaN, Infinity])('bitsPerKey %d is refused by name', (bitsPerKey) => {
    expect(() => bitsPerKeyFor({ bitsPerKey })).toThrow(/^bitsPerKey must be/)
    expect(() => bitsPerKeyFor({ bitsPerKey })).toThrow(RangeError)
  })

  test.each([0, -0.1, 0.0000009, 1.1, NaN])(
    'falsePositiveRate %d is refused by name',
    (falsePositiveRate) => {
      expect(() => bitsPerKeyFor({ falsePositiveRate })).toThrow(/^falsePositiveRate must be/)
      expect(() => bitsPerKeyFor({ falsePositiveRate })).toThrow(RangeError)
    },
  )

  test('what it gives keeps the rate, and a little less would not', () => {
    for (let rate = 0.6; rate > 0.000002; rate *= 0.9) {
      const bits = bitsPerKeyFor({ falsePositiveRate: rate })
      expect(expectedFalsePositiveRate(bits)).toBeLessThanOrEqual(rate)
      if (bits > 1.1) expect(expectedFalsePositiveRate(bits - 0.1)).toBeGreaterThan(rate)
    }
  })
})

describe('filterProbes', () => {
  const rate = (bits: number, probes: number): number => {
    const mean = 512 / bits
    let probability = Math.exp(-mean)
    let sum = 0
    for (let keys = 1; keys < 1000; keys++) {
      probability *= mean / keys
      sum += probability * (1 - (511 / 512) ** (probes * keys)) ** probes
    }
    return sum
  }

  test('is within half a percent of the best number', () => {
    for (let bits = 1; bits <= 40; bits += 0.2) {
      const best = Math.min(...Array.from({ length: 24 }, (_, i) => rate(bits, i + 1)))
      expect(rate(bits, filterProbes(bits)), `${bits} bits`).toBeLessThanOrEqual(1.005 * best)
      expect(expectedFalsePositiveRate(bits)).toBeCloseTo(rate(bits, filterProbes(bits)), 12)
    }
  })

  test('10 bits per key: 6', () => {
    expect(filterProbes(10)).toBe(6)
  })
})
