// Native forms of assembly/memtable: a skiplist of the same nodes (skiplist.ts draws them) in two arenas, with atomic links.
#pragma once
#include "memory.hh"

constexpr uint32_t HEIGHT = 12, PAGE_DATA = 16, PAGE_SLACK = 16;
constexpr uint32_t NODE_KEY = 4, NODE_TAIL_BYTES = 20;
constexpr uint32_t TYPE_VALUE = 1;
// There are as many values; they are taken in turn.
constexpr uint32_t VALUES_MASK = 1023;
// Stands before every version of a key.
constexpr uint64_t TRAILER_BEFORE = ~0ull;

inline uint32_t freshPage = 1;
inline uint32_t takePage() { return PAGE_BYTES * freshPage++; }

inline uint32_t atomicLoad32(uint32_t p) {
  return __atomic_load_n(reinterpret_cast<uint32_t*>(memory + p), __ATOMIC_SEQ_CST);
}

inline bool compareExchange32(uint32_t p, uint32_t expected, uint32_t replacement) {
  return __atomic_compare_exchange_n(reinterpret_cast<uint32_t*>(memory + p), &expected, replacement, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

inline void atomicMax64(uint64_t& word, uint64_t value) {
  uint64_t seen = __atomic_load_n(&word, __ATOMIC_SEQ_CST);
  while (seen < value &&
         !__atomic_compare_exchange_n(&word, &seen, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
}

inline void atomicMin64(uint64_t& word, uint64_t value) {
  uint64_t seen = __atomic_load_n(&word, __ATOMIC_SEQ_CST);
  while (seen > value &&
         !__atomic_compare_exchange_n(&word, &seen, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
}

// The first 16 bytes of a key as numbers whose order is theirs, zeros behind a shorter one.
struct Prefix {
  uint64_t high;
  uint64_t low;
};

inline Prefix prefixOf(uint32_t key, uint32_t keyLength) {
  if (keyLength >= 16) return {loadBigEndian64(key), loadBigEndian64(key + 8)};
  uint8_t bytes[16] = {};
  std::memcpy(bytes, memory + key, keyLength);
  Prefix prefix;
  std::memcpy(&prefix, bytes, sizeof bytes);
  return {__builtin_bswap64(prefix.high), __builtin_bswap64(prefix.low)};
}

inline uint32_t nextOf(uint32_t node, uint32_t level) { return atomicLoad32(node - 4 - 4 * level); }
inline uint32_t nodeKeyLength(uint32_t node) { return load32(node); }
inline uint32_t tailOf(uint32_t node) { return node + ((NODE_KEY + 3 + nodeKeyLength(node)) & ~3u); }
inline uint64_t nodeTrailer(uint32_t node) { return load64(tailOf(node)); }
inline uint32_t nodeValue(uint32_t node) { return load32(tailOf(node) + 8); }
inline uint32_t nodeValueLength(uint32_t node) { return load32(tailOf(node) + 12); }

// Whether a node stands before (key, trailer).
inline bool isBefore(uint32_t node, Prefix prefix, uint32_t key, uint32_t keyLength, uint64_t trailer) {
  const uint32_t length = nodeKeyLength(node);
  if (length >= 16 && keyLength >= 16) {
    const uint64_t high = loadBigEndian64(node + NODE_KEY);
    if (high != prefix.high) return high < prefix.high;
    const uint64_t low = loadBigEndian64(node + NODE_KEY + 8);
    if (low != prefix.low) return low < prefix.low;
  }
  const int32_t order = compareBytes(node + NODE_KEY, length, key, keyLength);
  return order != 0 ? order < 0 : nodeTrailer(node) > trailer;
}

struct Memtable {
  uint32_t head = 0, height = 1;
  uint64_t random = 0x9e3779b97f4a7c15;
  uint32_t previous[HEIGHT] = {}, next[HEIGHT] = {};
  uint32_t nodes = 0, values = 0;
  uint32_t entries = 0, entryBytes = 0;
  uint64_t highestSeqno = 0, lowestSeqno = ~0ull;

  void create() {
    *this = Memtable();
    nodes = takePage() + PAGE_DATA;
    std::memset(memory + nodes, 0, 4 * HEIGHT);
    head = nodes += 4 * HEIGHT;
    for (uint32_t& node : previous) node = head;
  }

  static uint32_t allocate(uint32_t& cursor, uint32_t bytes) {
    if (cursor == 0 || bytes > PAGE_BYTES - PAGE_SLACK - (cursor & (PAGE_BYTES - 1))) cursor = takePage() + PAGE_DATA;
    const uint32_t at = cursor;
    cursor += bytes;
    return at;
  }

  uint32_t nextHeight() {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return 1 + (__builtin_ctz(static_cast<uint32_t>(random >> 32) | (1u << (2 * (HEIGHT - 1)))) >> 1);
  }

  // First node that does not stand before (key, trailer), 0 at the end.
  uint32_t seek(uint32_t key, uint32_t keyLength, uint64_t trailer) const {
    const Prefix prefix = prefixOf(key, keyLength);
    uint32_t node = head, bigger = 0;
    for (uint32_t level = height; level-- > 0;) {
      for (;;) {
        const uint32_t other = nextOf(node, level);
        if (other == bigger) break;
        if (!isBefore(other, prefix, key, keyLength, trailer)) {
          bigger = other;
          break;
        }
        node = other;
      }
    }
    return bigger;
  }

  void findSplice(Prefix prefix, uint32_t key, uint32_t keyLength, uint64_t trailer) {
    uint32_t node = head, bigger = 0;
    for (uint32_t level = height; level-- > 0;) {
      for (;;) {
        const uint32_t other = nextOf(node, level);
        if (other == bigger) break;
        if (!isBefore(other, prefix, key, keyLength, trailer)) {
          bigger = other;
          break;
        }
        node = other;
      }
      previous[level] = node;
      next[level] = bigger;
    }
  }

  // Links a complete node. NOTE: one thread writes, so an exchange does not fail.
  bool link(uint32_t node, uint32_t levels, uint32_t keyLength, uint64_t trailer) {
    const uint32_t key = node + NODE_KEY;
    const Prefix prefix = prefixOf(key, keyLength);
    const bool hit = previous[0] != head && isBefore(previous[0], prefix, key, keyLength, trailer) &&
                     (next[0] == 0 || !isBefore(next[0], prefix, key, keyLength, trailer));
    if (!hit) findSplice(prefix, key, keyLength, trailer);
    const uint32_t behind = next[0];
    if (behind != 0 && nodeTrailer(behind) == trailer &&
        compareBytes(behind + NODE_KEY, nodeKeyLength(behind), key, keyLength) == 0)
      return false;
    for (uint32_t level = 0; level < levels; level++) {
      store32(node - 4 - 4 * level, next[level]);
      if (!compareExchange32(previous[level] - 4 - 4 * level, next[level], node)) return false;
      previous[level] = node;
    }
    if (height < levels) height = levels;
    return true;
  }

  bool insert(uint32_t key, uint32_t keyLength, uint64_t trailer, uint32_t value, uint32_t valueLength) {
    const uint32_t levels = nextHeight();
    const uint32_t size = 4 * levels + ((NODE_KEY + 3 + keyLength) & ~3u) + NODE_TAIL_BYTES;
    const uint32_t node = allocate(nodes, size) + 4 * levels;
    uint32_t copy = 0;
    if (valueLength > 0) {
      copy = allocate(values, valueLength);
      copyBytes(copy, value, valueLength);
    }
    store32(node, keyLength);
    const uint32_t tail = tailOf(node);
    store64(tail, trailer);
    store32(tail + 8, copy);
    store32(tail + 12, valueLength);
    copyBytes(node + NODE_KEY, key, keyLength);
    if (!link(node, levels, keyLength, trailer)) return false;
    entries++;
    entryBytes += size + valueLength;
    atomicMax64(highestSeqno, trailer >> 8);
    atomicMin64(lowestSeqno, trailer >> 8);
    return true;
  }
};

inline Memtable memtable;

inline uint32_t memtableFill(uint32_t keys, uint32_t keyLength, uint32_t values, uint32_t valueLength, uint32_t count) {
  freshPage = 1;
  memtable.create();
  for (uint32_t i = 0; i < count; i++)
    memtable.insert(keys + i * keyLength, keyLength, (static_cast<uint64_t>(i + 1) << 8) | TYPE_VALUE,
                    values + (i & VALUES_MASK) * valueLength, valueLength);
  return memtable.entries;
}

inline uint32_t memtableSeek(uint32_t keys, uint32_t keyLength, uint32_t count) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t node = memtable.seek(keys + i * keyLength, keyLength, TRAILER_BEFORE);
    if (node != 0) sum += static_cast<uint32_t>(nodeTrailer(node) >> 8);
  }
  return sum;
}

inline uint32_t memtableScan() {
  uint32_t sum = 0;
  for (uint32_t node = nextOf(memtable.head, 0); node != 0; node = nextOf(node, 0))
    sum = sum * 31 + nodeKeyLength(node) + nodeValueLength(node) + static_cast<uint32_t>(nodeTrailer(node) >> 8);
  return sum;
}
