/**
 * The upper half of the product of two unsigned words of 32 bits; the lower one is Math.imul.
 * NOTE: exact: a product as a float is wrong by 2^10 at most, and without its lower half it is near a multiple of 2^32. Faster than products of halves.
 */
export function multiplyHigh(a, b) {
  const product = (a >>> 0) * (b >>> 0)
  return ((product - (Math.imul(a, b) >>> 0)) * 2 ** -32 + 0.5) | 0
}

/** 1 if the sum `low` of a word and another, modulo 2^32, has wrapped; else 0. */
export function carryOf(low, word) {
  return low >>> 0 < word >>> 0 ? 1 : 0
}
