import { carryOf, multiplyHigh } from './words64.mjs'

const STRIPE_BYTES = 64
const BLOCK_STRIPES = 16
const TWO_32 = 4294967296
const PRIME32_1 = 0x9e3779b1
/** Halves of 64-bit primes. */
const PRIME64_1_LOW = 0x85ebca87
const PRIME64_1_HIGH = 0x9e3779b1
const PRIME_MX1_LOW = 0x9e3779f9
const PRIME_MX1_HIGH = 0x16566791
/** The eight lanes at first, the lower half of each before the upper one. */
const INITIAL_LANES = Int32Array.of(
  ...[0xc2b2ae3d, 0, 0x85ebca87, 0x9e3779b1, 0x27d4eb4f, 0xc2b2ae3d, 0x9e3779f9, 0x165667b1],
  ...[0xc2b2ae63, 0x85ebca77, 0x85ebca77, 0, 0x165667c5, 0x27d4eb2f, 0x9e3779b1, 0],
)
/** The default secret, likewise. */
const SECRET = Int32Array.of(
  ...[0x396cfeb8, 0xbe4ba423, 0x2c81017c, 0x1cad21f7, 0xe96dd4de, 0xdb979083, 0xa4a44072, 0x1f67b3b7],
  ...[0x4ee679cb, 0x78e5c0cc, 0x7dd05a82, 0x2172ffcc, 0x744608b8, 0x8e2443f7, 0xe69035e0, 0x4c263a81],
  ...[0xbb52283c, 0xcb00c391, 0x8b65d088, 0xa32e531b, 0x97486471, 0x4ef90da2, 0x46ef1938, 0xd8acdea9],
  ...[0x3f76faa8, 0x3f349ce3, 0xc7bbdcf9, 0x1d4f0bc7, 0x4be0518a, 0x3159b4cd, 0xc97e9fc8, 0x647378d9],
  ...[0x83acc5ea, 0xc3ebd334, 0xffa081c5, 0xeb6313fa, 0x51dd0d17, 0x49daf0b7, 0x265516d3, 0x9e68d429],
  ...[0x58be162b, 0xfca1477d, 0xd1b8f88f, 0xce31d07a, 0x8f3acb45, 0x28041695, 0xcafbd7af, 0x7e404bbb],
)
/** Words of the secret from byte 121 and from byte 11 on: for the last stripe, and for the merge of the lanes. */
const SECRET_LAST = new Int32Array(SECRET.buffer.slice(121, 185))
const SECRET_MERGE = new Int32Array(SECRET.buffer.slice(11, 75))
/** Word of it with which scrambling begins. */
const SECRET_SCRAMBLE = 32

/** Twins of assembly/checksum/xxh3.ts, for the lengths that are measured: 9 to 16 bytes, and above 240. A 64-bit word is two halves. */
export function createHashes({ i32, view }) {
  const lanes = new Int32Array(16)
  /** The sum that becomes a hash. */
  let low = 0
  let high = 0

  function add(wordLow, wordHigh) {
    low = (low + wordLow) | 0
    high = (high + wordHigh + carryOf(low, wordLow)) | 0
  }

  /** Adds the lower half of the product of two words of 64 bits XOR the upper one. */
  function addFolded(xLow, xHigh, yLow, yHigh) {
    const second =
      (multiplyHigh(xLow, yLow) >>> 0) + (Math.imul(xLow, yHigh) >>> 0) + (Math.imul(xHigh, yLow) >>> 0)
    const third =
      (multiplyHigh(xLow, yHigh) >>> 0) +
      (multiplyHigh(xHigh, yLow) >>> 0) +
      (Math.imul(xHigh, yHigh) >>> 0) +
      Math.floor(second / TWO_32)
    const fourth = multiplyHigh(xHigh, yHigh) + Math.floor(third / TWO_32)
    add(Math.imul(xLow, yLow) ^ third, second ^ fourth)
  }

  /** Mixes the sum and writes it to the word of 64 bits at `to`. */
  function finish(to) {
    const mixed = low ^ (high >>> 5)
    const upper =
      multiplyHigh(mixed, PRIME_MX1_LOW) + Math.imul(mixed, PRIME_MX1_HIGH) + Math.imul(high, PRIME_MX1_LOW)
    i32[to >>> 2] = Math.imul(mixed, PRIME_MX1_LOW) ^ upper
    i32[(to >>> 2) + 1] = upper
  }

  /** Of 9 to 16 bytes. */
  function hashShort(p, length, to) {
    const end = p + length
    const xLow = view.getInt32(p, true) ^ SECRET[6] ^ SECRET[8]
    const xHigh = view.getInt32(p + 4, true) ^ SECRET[7] ^ SECRET[9]
    const yLow = view.getInt32(end - 8, true) ^ SECRET[10] ^ SECRET[12]
    const yHigh = view.getInt32(end - 4, true) ^ SECRET[11] ^ SECRET[13]
    low = length
    high = 0
    add(swapped(xHigh), swapped(xLow))
    add(yLow, yHigh)
    addFolded(xLow, xHigh, yLow, yHigh)
    finish(to)
  }

  /** Takes the stripe at p into the lanes, with the words of `secret` from `at` on. */
  function accumulate(p, secret, at) {
    for (let word = 0; word < 16; word += 2) {
      const inputLow = view.getInt32(p + 4 * word, true)
      const inputHigh = view.getInt32(p + 4 * word + 4, true)
      const keyedLow = inputLow ^ secret[at + word]
      const keyedHigh = inputHigh ^ secret[at + word + 1]
      const productLow = Math.imul(keyedLow, keyedHigh)
      const sum = (lanes[word] + productLow) | 0
      lanes[word] = sum
      lanes[word + 1] += multiplyHigh(keyedLow, keyedHigh) + carryOf(sum, productLow)
      const neighbour = word ^ 2
      const other = (lanes[neighbour] + inputLow) | 0
      lanes[neighbour] = other
      lanes[neighbour + 1] += inputHigh + carryOf(other, inputLow)
    }
  }

  function scramble() {
    for (let word = 0; word < 16; word += 2) {
      const upper = lanes[word + 1]
      const mixed = lanes[word] ^ (upper >>> 15) ^ SECRET[SECRET_SCRAMBLE + word]
      lanes[word] = Math.imul(mixed, PRIME32_1)
      lanes[word + 1] =
        multiplyHigh(mixed, PRIME32_1) + Math.imul(upper ^ SECRET[SECRET_SCRAMBLE + word + 1], PRIME32_1)
    }
  }

  /** Of more than 240 bytes. */
  function hashLong(p, length, to) {
    lanes.set(INITIAL_LANES)
    const last = p + length - STRIPE_BYTES
    const stripes = Math.floor((length - 1) / STRIPE_BYTES)
    for (let stripe = 0; stripe < stripes; stripe++) {
      const position = stripe % BLOCK_STRIPES
      accumulate(p, SECRET, 2 * position)
      p += STRIPE_BYTES
      if (position === BLOCK_STRIPES - 1) scramble()
    }
    accumulate(last, SECRET_LAST, 0)
    low = Math.imul(length, PRIME64_1_LOW)
    high = (multiplyHigh(length, PRIME64_1_LOW) + Math.imul(length, PRIME64_1_HIGH)) | 0
    for (let i = 0; i < 16; i += 4) {
      addFolded(
        lanes[i] ^ SECRET_MERGE[i],
        lanes[i + 1] ^ SECRET_MERGE[i + 1],
        lanes[i + 2] ^ SECRET_MERGE[i + 2],
        lanes[i + 3] ^ SECRET_MERGE[i + 3],
      )
    }
    finish(to)
  }

  function checksumBlocks(blocks, length, count, sums) {
    for (let i = 0; i < count; i++) hashLong(blocks + i * length, length, sums + 8 * i)
    return count
  }

  function hashKeys(keys, keyLength, count, hashes) {
    for (let i = 0; i < count; i++) hashShort(keys + i * keyLength, keyLength, hashes + 8 * i)
    return count
  }

  return { checksumBlocks, hashKeys }
}

/** The bytes of a word of 32 bits in the other order. */
function swapped(word) {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)
}
