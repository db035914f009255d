// Native forms of assembly/checksum/xxh3.ts, of the lengths that are measured: 9 to 16 bytes, and above 240.
#pragma once
#include "memory.hh"

constexpr uint64_t PRIME32_1 = 0x9e3779b1, PRIME32_2 = 0x85ebca77, PRIME32_3 = 0xc2b2ae3d;
constexpr uint64_t PRIME64_1 = 0x9e3779b185ebca87, PRIME64_2 = 0xc2b2ae3d27d4eb4f, PRIME64_3 = 0x165667b19e3779f9;
constexpr uint64_t PRIME64_4 = 0x85ebca77c2b2ae63, PRIME64_5 = 0x27d4eb2f165667c5, PRIME_MX1 = 0x165667919e3779f9;
constexpr uint32_t LANES = 8, STRIPE_BYTES = 64, BLOCK_STRIPES = 16;
constexpr uint32_t SECRET_SCRAMBLE = 128, SECRET_LAST = 121, SECRET_MERGE = 11;

alignas(64) inline const uint64_t SECRET[24] = {
    0xbe4ba423396cfeb8, 0x1cad21f72c81017c, 0xdb979083e96dd4de, 0x1f67b3b7a4a44072, 0x78e5c0cc4ee679cb,
    0x2172ffcc7dd05a82, 0x8e2443f7744608b8, 0x4c263a81e69035e0, 0xcb00c391bb52283c, 0xa32e531b8b65d088,
    0x4ef90da297486471, 0xd8acdea946ef1938, 0x3f349ce33f76faa8, 0x1d4f0bc7c7bbdcf9, 0x3159b4cd4be0518a,
    0x647378d9c97e9fc8, 0xc3ebd33483acc5ea, 0xeb6313faffa081c5, 0x49daf0b751dd0d17, 0x9e68d429265516d3,
    0xfca1477d58be162b, 0xce31d07ad1b8f88f, 0x280416958f3acb45, 0x7e404bbbcafbd7af};

inline uint64_t secretAt(uint32_t offset) {
  uint64_t word;
  std::memcpy(&word, reinterpret_cast<const uint8_t*>(SECRET) + offset, sizeof word);
  return word;
}

inline uint64_t multiplyFold(uint64_t x, uint64_t y) {
  const unsigned __int128 product = static_cast<unsigned __int128>(x) * y;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t avalanche(uint64_t hash) {
  hash ^= hash >> 37;
  hash *= PRIME_MX1;
  return hash ^ (hash >> 32);
}

inline uint64_t hashShort(uint32_t p, uint32_t length) {
  const uint64_t low = load64(p) ^ SECRET[3] ^ SECRET[4];
  const uint64_t high = load64(p + length - 8) ^ SECRET[5] ^ SECRET[6];
  return avalanche(length + __builtin_bswap64(low) + high + multiplyFold(low, high));
}

// NOTE: plain words: the compiler makes vectors of them.
inline void accumulate(uint64_t* lanes, uint32_t p, uint32_t secret) {
  uint64_t words[LANES], secrets[LANES];
  std::memcpy(words, memory + p, sizeof words);
  std::memcpy(secrets, reinterpret_cast<const uint8_t*>(SECRET) + secret, sizeof secrets);
  for (uint32_t i = 0; i < LANES; i++) {
    const uint64_t keyed = words[i] ^ secrets[i];
    lanes[i] += words[i ^ 1] + (keyed & 0xffffffff) * (keyed >> 32);
  }
}

inline uint64_t hashLong(uint32_t p, uint32_t length) {
  uint64_t lanes[LANES] = {PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1};
  const uint32_t last = p + length - STRIPE_BYTES;
  for (uint32_t stripes = (length - 1) / STRIPE_BYTES; stripes > 0;) {
    const uint32_t count = stripes < BLOCK_STRIPES ? stripes : BLOCK_STRIPES;
    for (uint32_t i = 0; i < count; i++, p += STRIPE_BYTES) accumulate(lanes, p, 8 * i);
    stripes -= count;
    if (count == BLOCK_STRIPES)
      for (uint32_t i = 0; i < LANES; i++)
        lanes[i] = (lanes[i] ^ (lanes[i] >> 47) ^ SECRET[SECRET_SCRAMBLE / 8 + i]) * PRIME32_1;
  }
  accumulate(lanes, last, SECRET_LAST);
  uint64_t hash = length * PRIME64_1;
  for (uint32_t i = 0; i < LANES; i += 2)
    hash += multiplyFold(lanes[i] ^ secretAt(SECRET_MERGE + 8 * i), lanes[i + 1] ^ secretAt(SECRET_MERGE + 8 * i + 8));
  return avalanche(hash);
}

inline uint32_t checksumBlocks(uint32_t blocks, uint32_t length, uint32_t count, uint32_t sums) {
  for (uint32_t i = 0; i < count; i++) store64(sums + 8 * i, hashLong(blocks + i * length, length));
  return count;
}

inline uint32_t hashKeys(uint32_t keys, uint32_t keyLength, uint32_t count, uint32_t hashes) {
  for (uint32_t i = 0; i < count; i++) store64(hashes + 8 * i, hashShort(keys + i * keyLength, keyLength));
  return count;
}
