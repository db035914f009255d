import { copyBytes, loadU32, loadU64, loadU8, loadV128, storeU64 } from '../memory/bytes'
import { HASH_SECRET, KEY_SECRET, SECRET_BYTES } from '../memory/layout'

/**
 * XXH3-64 with the default secret (checksums), or with one of the database's own (hashes of keys). Functions read [p, p + length) and the
 * SECRET_BYTES at `secret`, nothing else.
 *
 * NOTE: a secret lies in linear memory because a load costs less than materialising a 128-bit constant; initialise
 * writes them (initialiseHash), so the module needs no data segment.
 */

const PRIME32_1: u64 = 0x9e3779b1
const PRIME32_2: u64 = 0x85ebca77
const PRIME32_3: u64 = 0xc2b2ae3d
const PRIME64_1: u64 = 0x9e3779b185ebca87
const PRIME64_2: u64 = 0xc2b2ae3d27d4eb4f
const PRIME64_3: u64 = 0x165667b19e3779f9
const PRIME64_4: u64 = 0x85ebca77c2b2ae63
const PRIME64_5: u64 = 0x27d4eb2f165667c5
const PRIME_MX1: u64 = 0x165667919e3779f9
const PRIME_MX2: u64 = 0x9fb21c651e98df25

/** Input is consumed in stripes, each with the secret from 8 bytes further on; after a block of them the lanes are scrambled. */
export const STRIPE_BYTES: u32 = 64
export const BLOCK_STRIPES: u32 = 16
/** Where in a secret that of a scramble, of the last stripe and of the merge begins. */
const SECRET_SCRAMBLE: u32 = 128
const SECRET_LAST: u32 = 121
const SECRET_MERGE: u32 = 11
/** Constant of splitmix64. */
export const SECRET_STEP: u64 = 0x9e3779b97f4a7c15
/** Inputs above this go through the stripes. */
export const SHORT_INPUT_BYTES: u32 = 240

/** Writes the secrets: that of keys is the default one until setKeySecret. Part of initialise. */
export function initialiseHash(): void {
  storeU64(HASH_SECRET + 0, 0xbe4ba423396cfeb8)
  storeU64(HASH_SECRET + 8, 0x1cad21f72c81017c)
  storeU64(HASH_SECRET + 16, 0xdb979083e96dd4de)
  storeU64(HASH_SECRET + 24, 0x1f67b3b7a4a44072)
  storeU64(HASH_SECRET + 32, 0x78e5c0cc4ee679cb)
  storeU64(HASH_SECRET + 40, 0x2172ffcc7dd05a82)
  storeU64(HASH_SECRET + 48, 0x8e2443f7744608b8)
  storeU64(HASH_SECRET + 56, 0x4c263a81e69035e0)
  storeU64(HASH_SECRET + 64, 0xcb00c391bb52283c)
  storeU64(HASH_SECRET + 72, 0xa32e531b8b65d088)
  storeU64(HASH_SECRET + 80, 0x4ef90da297486471)
  storeU64(HASH_SECRET + 88, 0xd8acdea946ef1938)
  storeU64(HASH_SECRET + 96, 0x3f349ce33f76faa8)
  storeU64(HASH_SECRET + 104, 0x1d4f0bc7c7bbdcf9)
  storeU64(HASH_SECRET + 112, 0x3159b4cd4be0518a)
  storeU64(HASH_SECRET + 120, 0x647378d9c97e9fc8)
  storeU64(HASH_SECRET + 128, 0xc3ebd33483acc5ea)
  storeU64(HASH_SECRET + 136, 0xeb6313faffa081c5)
  storeU64(HASH_SECRET + 144, 0x49daf0b751dd0d17)
  storeU64(HASH_SECRET + 152, 0x9e68d429265516d3)
  storeU64(HASH_SECRET + 160, 0xfca1477d58be162b)
  storeU64(HASH_SECRET + 168, 0xce31d07ad1b8f88f)
  storeU64(HASH_SECRET + 176, 0x280416958f3acb45)
  storeU64(HASH_SECRET + 184, 0x7e404bbbcafbd7af)
  copyBytes(KEY_SECRET, HASH_SECRET, SECRET_BYTES)
}

/** KernelExports.setKeySecret: splitmix64 of each half of the 16 bytes at `source`, one XOR the other (docs/table-format.md, "Hashes of keys"). */
export function setKeySecret(source: u32): void {
  let a = loadU64(source)
  let b = loadU64(source + 8)
  for (let at: u32 = 0; at < SECRET_BYTES; at += 8) {
    a += SECRET_STEP
    b += SECRET_STEP
    storeU64(KEY_SECRET + at, spread(a) ^ rotl<u64>(spread(b), 32))
  }
}

/** The finaliser of splitmix64: spreads every bit of x over the result. */
export function spread(x: u64): u64 {
  x = (x ^ (x >>> 30)) * 0xbf58476d1ce4e5b9
  x = (x ^ (x >>> 27)) * 0x94d049bb133111eb
  return x ^ (x >>> 31)
}

/** XXH3-64 of [p, p + length). */
// @ts-ignore: decorator
@inline
export function xxh3(p: u32, length: u32): u64 {
  return xxh3With(p, length, HASH_SECRET)
}

/** The same with the secret that lies at `secret`. */
export function xxh3With(p: u32, length: u32, secret: u32): u64 {
  if (length <= 16) return hashUpTo16(p, length, secret)
  if (length <= 128) return hashUpTo128(p, length, secret)
  if (length <= SHORT_INPUT_BYTES) return hashUpTo240(p, length, secret)
  return hashLong(p, length, secret)
}

/** XXH3-64 of the 32 bytes of four little-endian words. */
export function xxh3Words(a: u64, b: u64, c: u64, d: u64): u64 {
  let hash: u64 = 32 * PRIME64_1
  hash += multiplyFold(a ^ loadU64(HASH_SECRET), b ^ loadU64(HASH_SECRET + 8))
  hash += multiplyFold(c ^ loadU64(HASH_SECRET + 16), d ^ loadU64(HASH_SECRET + 24))
  return avalanche(hash)
}

// ── mixing ───────────────────────────────────────────────────────────────────────────────────────────────

/** Low XOR high half of the 128-bit product. */
// @ts-ignore: decorator
@inline
function multiplyFold(x: u64, y: u64): u64 {
  const xLow = x & 0xffffffff
  const xHigh = x >>> 32
  const yLow = y & 0xffffffff
  const yHigh = y >>> 32
  const high = xHigh * yLow
  const cross = ((xLow * yLow) >>> 32) + (high & 0xffffffff) + xLow * yHigh
  return (x * y) ^ ((high >>> 32) + (cross >>> 32) + xHigh * yHigh)
}

// @ts-ignore: decorator
@inline
function mix16(p: u32, secret: u32): u64 {
  return multiplyFold(loadU64(p) ^ loadU64(secret), loadU64(p + 8) ^ loadU64(secret + 8))
}

// @ts-ignore: decorator
@inline
function avalanche(hash: u64): u64 {
  hash ^= hash >>> 37
  hash *= PRIME_MX1
  return hash ^ (hash >>> 32)
}

/** The avalanche of XXH64, for the shortest inputs. */
// @ts-ignore: decorator
@inline
function avalancheShort(hash: u64): u64 {
  hash ^= hash >>> 33
  hash *= PRIME64_2
  hash ^= hash >>> 29
  hash *= PRIME64_3
  return hash ^ (hash >>> 32)
}

// ── up to 240 bytes ──────────────────────────────────────────────────────────────────────────────────────

// @ts-ignore: decorator
@inline
function hashUpTo16(p: u32, length: u32, secret: u32): u64 {
  if (length > 8) {
    const low = loadU64(p) ^ loadU64(secret + 24) ^ loadU64(secret + 32)
    const high = loadU64(p + (length - 8)) ^ loadU64(secret + 40) ^ loadU64(secret + 48)
    return avalanche(<u64>length + bswap<u64>(low) + high + multiplyFold(low, high))
  }
  if (length >= 4) {
    const input = ((<u64>loadU32(p)) << 32) | loadU32(p + (length - 4))
    let hash = input ^ loadU64(secret + 8) ^ loadU64(secret + 16)
    hash ^= rotl<u64>(hash, 49) ^ rotl<u64>(hash, 24)
    hash *= PRIME_MX2
    hash ^= (hash >>> 35) + <u64>length
    hash *= PRIME_MX2
    return hash ^ (hash >>> 28)
  }
  if (length > 0) {
    const input =
      (loadU8(p) << 16) | (loadU8(p + (length >>> 1)) << 24) | loadU8(p + (length - 1)) | (length << 8)
    return avalancheShort(<u64>(input ^ loadU32(secret) ^ loadU32(secret + 4)))
  }
  return avalancheShort(loadU64(secret + 56) ^ loadU64(secret + 64))
}

function hashUpTo128(p: u32, length: u32, secret: u32): u64 {
  const end = p + length
  let hash = <u64>length * PRIME64_1
  if (length > 32) {
    if (length > 64) {
      if (length > 96) {
        hash += mix16(p + 48, secret + 96)
        hash += mix16(end - 64, secret + 112)
      }
      hash += mix16(p + 32, secret + 64)
      hash += mix16(end - 48, secret + 80)
    }
    hash += mix16(p + 16, secret + 32)
    hash += mix16(end - 32, secret + 48)
  }
  hash += mix16(p, secret)
  hash += mix16(end - 16, secret + 16)
  return avalanche(hash)
}

function hashUpTo240(p: u32, length: u32, secret: u32): u64 {
  let hash = <u64>length * PRIME64_1
  for (let i: u32 = 0; i < 128; i += 16) hash += mix16(p + i, secret + i)
  hash = avalanche(hash)
  const rounds = length & ~15
  for (let i: u32 = 128; i < rounds; i += 16) hash += mix16(p + i, secret + i - 125)
  return avalanche(hash + mix16(p + (length - 16), secret + 119))
}

// ── longer: eight lanes in four vectors ──────────────────────────────────────────────────────────────────

// @ts-ignore: decorator
@inline
export function initialLanes01(): v128 {
  return i64x2(PRIME32_3, PRIME64_1)
}

// @ts-ignore: decorator
@inline
export function initialLanes23(): v128 {
  return i64x2(PRIME64_2, PRIME64_3)
}

// @ts-ignore: decorator
@inline
export function initialLanes45(): v128 {
  return i64x2(PRIME64_4, PRIME32_2)
}

// @ts-ignore: decorator
@inline
export function initialLanes67(): v128 {
  return i64x2(PRIME64_5, PRIME32_1)
}

/** Two lanes with 16 more bytes: each lane gets its neighbour's word, and the product of the halves of word XOR secret. */
// @ts-ignore: decorator
@inline
export function accumulate(lanes: v128, p: u32, secret: u32): v128 {
  const words = loadV128(p)
  const keyed = v128.xor(words, loadV128(secret))
  const low = v128.shuffle<u32>(keyed, keyed, 0, 2, 0, 2)
  const high = v128.shuffle<u32>(keyed, keyed, 1, 3, 1, 3)
  const sum = i64x2.add(lanes, v128.shuffle<u64>(words, words, 1, 0))
  return i64x2.add(sum, i64x2.extmul_low_i32x4_u(low, high))
}

/** Two lanes at the end of a block; `secret`: + 0, 16, 32 or 48 for the lanes' part of it. */
// @ts-ignore: decorator
@inline
export function scramble(lanes: v128, secret: u32): v128 {
  const mixed = v128.xor(v128.xor(lanes, i64x2.shr_u(lanes, 47)), loadV128(secret + SECRET_SCRAMBLE))
  return i64x2.mul(mixed, i64x2.splat(PRIME32_1))
}

// @ts-ignore: decorator
@inline
function mergePair(lanes: v128, secret: u32): u64 {
  return multiplyFold(
    i64x2.extract_lane(lanes, 0) ^ loadU64(secret),
    i64x2.extract_lane(lanes, 1) ^ loadU64(secret + 8),
  )
}

/** The hash, given the lanes after all stripes but the last one, which lies at `last`. */
// @ts-ignore: decorator
@inline
export function finishLanes(a: v128, b: v128, c: v128, d: v128, last: u32, total: u64, secret: u32): u64 {
  a = accumulate(a, last, secret + SECRET_LAST)
  b = accumulate(b, last + 16, secret + SECRET_LAST + 16)
  c = accumulate(c, last + 32, secret + SECRET_LAST + 32)
  d = accumulate(d, last + 48, secret + SECRET_LAST + 48)
  let hash = total * PRIME64_1
  hash += mergePair(a, secret + SECRET_MERGE)
  hash += mergePair(b, secret + SECRET_MERGE + 16)
  hash += mergePair(c, secret + SECRET_MERGE + 32)
  hash += mergePair(d, secret + SECRET_MERGE + 48)
  return avalanche(hash)
}

function hashLong(p: u32, length: u32, secret: u32): u64 {
  let a = initialLanes01()
  let b = initialLanes23()
  let c = initialLanes45()
  let d = initialLanes67()
  const last = p + (length - STRIPE_BYTES)
  // At least one byte is left: the last stripe is the last 64 bytes, which may overlap the one before.
  let stripes = (length - 1) / STRIPE_BYTES
  while (stripes > 0) {
    const count = min(stripes, BLOCK_STRIPES)
    const end = secret + (count << 3)
    for (let at = secret; at < end; at += 8) {
      a = accumulate(a, p, at)
      b = accumulate(b, p + 16, at + 16)
      c = accumulate(c, p + 32, at + 32)
      d = accumulate(d, p + 48, at + 48)
      p += STRIPE_BYTES
    }
    stripes -= count
    if (count == BLOCK_STRIPES) {
      a = scramble(a, secret)
      b = scramble(b, secret + 16)
      c = scramble(c, secret + 32)
      d = scramble(d, secret + 48)
    }
  }
  return finishLanes(a, b, c, d, last, length, secret)
}
