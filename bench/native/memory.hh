// The memory of the native programs: addresses are offsets in it, as in the kernel's linear memory, so that layouts are the same.
#pragma once
#include <cstdint>
#include <cstring>

constexpr uint32_t MEMORY_BYTES = 64u << 20;
constexpr uint32_t PAGE_BYTES = 131072;

// NOTE: an array of its own, whose address the compiler knows: a pointer would be loaded anew after each store of a byte.
alignas(PAGE_BYTES) inline uint8_t memory[MEMORY_BYTES];

template <typename T> inline T load(uint32_t p) {
  T value;
  std::memcpy(&value, memory + p, sizeof value);
  return value;
}

template <typename T> inline void store(uint32_t p, T value) { std::memcpy(memory + p, &value, sizeof value); }

inline uint32_t load8(uint32_t p) { return memory[p]; }
inline uint32_t load16(uint32_t p) { return load<uint16_t>(p); }
inline uint32_t load32(uint32_t p) { return load<uint32_t>(p); }
inline uint64_t load64(uint32_t p) { return load<uint64_t>(p); }
inline void store32(uint32_t p, uint32_t value) { store<uint32_t>(p, value); }
inline void store64(uint32_t p, uint64_t value) { store<uint64_t>(p, value); }
inline uint64_t loadBigEndian64(uint32_t p) { return __builtin_bswap64(load64(p)); }

struct Word128 {
  uint64_t low;
  uint64_t high;
};

inline void copy16(uint32_t to, uint32_t from) { store<Word128>(to, load<Word128>(from)); }

inline void copyBytes(uint32_t to, uint32_t from, uint32_t length) { std::memcpy(memory + to, memory + from, length); }

// How many leading bytes [a, a + limit) and [b, b + limit) have in common.
inline uint32_t commonPrefix(uint32_t a, uint32_t b, uint32_t limit) {
  uint32_t i = 0;
  for (; limit - i >= 8; i += 8) {
    const uint64_t differ = load64(a + i) ^ load64(b + i);
    if (differ != 0) return i + (__builtin_ctzll(differ) >> 3);
  }
  while (i < limit && memory[a + i] == memory[b + i]) i++;
  return i;
}

// Below 0, 0 or above 0.
inline int32_t compareBytes(uint32_t a, uint32_t aLength, uint32_t b, uint32_t bLength) {
  const uint32_t length = aLength < bLength ? aLength : bLength;
  uint32_t i = 0;
  for (; length - i >= 8; i += 8) {
    const uint64_t x = load64(a + i);
    const uint64_t y = load64(b + i);
    if (x != y) return __builtin_bswap64(x) < __builtin_bswap64(y) ? -1 : 1;
  }
  for (; i < length; i++)
    if (memory[a + i] != memory[b + i]) return static_cast<int32_t>(memory[a + i]) - memory[b + i];
  return aLength < bLength ? -1 : aLength > bLength ? 1 : 0;
}

inline bool equalBytes(uint32_t a, uint32_t b, uint32_t length) {
  return std::memcmp(memory + a, memory + b, length) == 0;
}
