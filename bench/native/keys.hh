// Native forms of assembly/key.
#pragma once
#include "memory.hh"

inline uint32_t compareKeys(uint32_t keys, uint32_t keyLength, uint32_t count) {
  uint32_t smaller = 0;
  const uint32_t last = keys + (count - 1) * keyLength;
  for (uint32_t key = keys; key < last; key += keyLength)
    smaller += static_cast<uint32_t>(compareBytes(key, keyLength, key + keyLength, keyLength)) >> 31;
  return smaller;
}

inline uint32_t writeVarint(uint32_t p, uint64_t value) {
  while (value >= 128) {
    memory[p++] = static_cast<uint8_t>(value | 128);
    value >>= 7;
  }
  memory[p++] = static_cast<uint8_t>(value);
  return p;
}

// Where a varint ends and what it is; `next` is 0 if it is cut off, too large or not in its shortest form.
struct Varint32 {
  uint32_t next;
  uint32_t value;
};

inline Varint32 readVarint32(uint32_t p, uint32_t end) {
  if (p < end && memory[p] < 128) return {p + 1, memory[p]};
  uint32_t value = 0;
  for (uint32_t shift = 0; shift < 35 && p < end; shift += 7) {
    const uint32_t byte = memory[p++];
    if (shift == 28 && byte > 15) return {0, 0};
    value |= (byte & 127) << shift;
    if (byte < 128) return byte == 0 && shift > 0 ? Varint32{0, 0} : Varint32{p, value};
  }
  return {0, 0};
}

inline uint32_t writeVarints(uint32_t values, uint32_t count, uint32_t to) {
  uint32_t p = to;
  for (uint32_t i = 0; i < count; i++) p = writeVarint(p, load32(values + 4 * i));
  return p - to;
}

inline uint32_t readVarints(uint32_t from, uint32_t end) {
  uint32_t sum = 0;
  for (uint32_t p = from; p < end;) {
    const Varint32 read = readVarint32(p, end);
    if (read.next == 0) return 0;
    sum += read.value;
    p = read.next;
  }
  return sum;
}
