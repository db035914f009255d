// Native forms of assembly/table/filter.ts.
#pragma once
#include "memory.hh"

constexpr uint32_t NEXT_PROBE = 0x9e3779b9;

inline uint32_t lineOf(uint32_t filter, uint64_t hash, uint32_t lines) {
  return filter + (static_cast<uint32_t>(((hash >> 32) * lines) >> 32) << 6);
}

inline uint32_t filterBuild(uint32_t hashes, uint32_t count, uint32_t filter, uint32_t lines, uint32_t probes) {
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t hash = load64(hashes + 8 * i);
    const uint32_t line = lineOf(filter, hash, lines);
    uint32_t x = static_cast<uint32_t>(hash);
    for (uint32_t probe = 0; probe < probes; probe++, x *= NEXT_PROBE)
      memory[line + (x >> 26)] |= static_cast<uint8_t>(1 << ((x >> 23) & 7));
  }
  return count;
}

inline uint32_t filterProbe(uint32_t hashes, uint32_t count, uint32_t filter, uint32_t lines, uint32_t probes) {
  uint32_t passed = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t hash = load64(hashes + 8 * i);
    const uint32_t line = lineOf(filter, hash, lines);
    uint32_t x = static_cast<uint32_t>(hash);
    uint32_t all = 1;
    for (uint32_t probe = 0; probe < probes; probe++, x *= NEXT_PROBE)
      all &= load32(line + ((x >> 28) << 2)) >> ((x >> 23) & 31);
    passed += all;
  }
  return passed;
}
