/** The upper half of the product of two unsigned words of 32 bits; the lower one is Math.imul. */
export function multiplyHigh(a, b) {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const cross = Math.imul(aHigh, bLow)
  const other = Math.imul(aLow, bHigh)
  const carry = (Math.imul(aLow, bLow) >>> 16) + (cross & 0xffff) + (other & 0xffff)
  return (Math.imul(aHigh, bHigh) + (cross >>> 16) + (other >>> 16) + (carry >>> 16)) | 0
}

/** 1 if the sum `low` of a word and another, modulo 2^32, has wrapped; else 0. */
export function carryOf(low, word) {
  return low >>> 0 < word >>> 0 ? 1 : 0
}
