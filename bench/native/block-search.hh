// Native forms of assembly/table/block-get.ts and what it uses. What is found is a value, 0 without one. As the twin, it goes straight
// to the key.
#pragma once
#include "blocks.hh"

constexpr uint64_t READ_SEQNO = SEQNO_MASK + 2;
constexpr uint32_t MORE_LENGTHS = 0x80808000;
constexpr uint64_t MORE = 0x8080808080808080;

struct BlockCursor {
  uint32_t block, restartArray, restarts, interval;
  uint64_t base;
  // The entry that was decoded last.
  uint32_t shared, rest, restLength, value, next, type;
  uint64_t seqno;

  BlockCursor(uint32_t payload, uint32_t length) {
    const uint32_t trailer = payload + length - TRAILER_BYTES;
    block = payload;
    base = load64(trailer + TRAILER_BASE_SEQNO);
    restartArray = payload + load32(trailer + TRAILER_RESTART_ARRAY);
    restarts = load32(trailer + TRAILER_RESTARTS);
    interval = load8(trailer + TRAILER_INTERVAL);
  }

  uint32_t headAt(uint32_t number) const { return block + load16(restartArray + 2 * number); }

  // The varint of at most 8 bytes at p; leaves p behind it. Squeezes out every eighth bit.
  static uint64_t readVarint(uint32_t& p) {
    const uint64_t word = load64(p);
    const uint32_t length = (__builtin_ctzll(~word & MORE) >> 3) + 1;
    const uint32_t unused = (8 - length) * 8;
    uint64_t x = (word << unused) >> unused;
    x = (x & 0x007f007f007f007f) | ((x & 0x7f007f007f007f00) >> 1);
    x = (x & 0x00003fff00003fff) | ((x & 0x3fff00003fff0000) >> 2);
    p += length;
    return (x & 0x000000000fffffff) | ((x & 0x0fffffff00000000) >> 4);
  }

  void decode(uint32_t entry) {
    const uint32_t word = load32(entry);
    uint32_t valueLength, p;
    type = word & 255;
    if ((word & MORE_LENGTHS) == 0) {
      shared = (word >> 8) & 255;
      restLength = (word >> 16) & 255;
      valueLength = word >> 24;
      p = entry + 4;
    } else {
      p = entry + 1;
      shared = static_cast<uint32_t>(readVarint(p));
      restLength = static_cast<uint32_t>(readVarint(p));
      valueLength = static_cast<uint32_t>(readVarint(p));
    }
    seqno = base + readVarint(p);
    rest = p;
    value = rest + restLength;
    next = value + valueLength;
  }

  uint32_t visibleValue() const { return seqno < READ_SEQNO && type == BLOCK_TYPE_VALUE ? value : 0; }

  // Binary search among restart heads, then their entries.
  uint32_t find(uint32_t key, uint32_t keyLength) {
    uint32_t low = 0, high = restarts;
    while (low < high) {
      const uint32_t middle = (low + high) >> 1;
      decode(headAt(middle));
      const int32_t order = compareBytes(rest, restLength, key, keyLength);
      if (order < 0 || (order == 0 && seqno >= READ_SEQNO)) low = middle + 1;
      else high = middle;
    }
    decode(headAt(low == 0 ? 0 : low - 1));
    if (low != 0) {
      // An entry that shares more with the head than the key does is below it, one that shares less is above.
      const uint32_t common = commonPrefix(rest, key, restLength < keyLength ? restLength : keyLength);
      for (uint32_t left = interval - 1;; left--) {
        if (next == restartArray) return 0;
        decode(next);
        // NOTE: with the next head the search ends anyway: it is not below.
        if (left == 0) break;
        if (shared < common) return 0;
        if (shared > common) continue;
        const int32_t order = compareBytes(rest, restLength, key + common, keyLength - common);
        if (order > 0) return 0;
        if (order == 0 && seqno < READ_SEQNO) return visibleValue();
      }
    }
    return restLength == keyLength && equalBytes(rest, key, keyLength) ? visibleValue() : 0;
  }

  // The same in the one restart interval that can have the key.
  uint32_t findIn(uint32_t number, uint32_t key, uint32_t keyLength) {
    decode(headAt(number));
    const uint32_t common = commonPrefix(rest, key, restLength < keyLength ? restLength : keyLength);
    if (common == keyLength && restLength == keyLength && seqno < READ_SEQNO) return visibleValue();
    const uint32_t wanted = keyLength - common;
    for (uint32_t left = interval - 1; left > 0 && next != restartArray; left--) {
      decode(next);
      if (shared < common) return 0;
      if (shared == common && restLength == wanted && equalBytes(rest, key + common, wanted) && seqno < READ_SEQNO)
        return visibleValue();
    }
    return 0;
  }
};

inline uint32_t findHashed(uint32_t payload, uint32_t length, uint32_t key, uint32_t keyLength, uint64_t hash) {
  const uint32_t trailer = payload + length - TRAILER_BYTES;
  const uint32_t buckets = load32(trailer + TRAILER_HASH_BUCKETS);
  uint32_t bucket = BUCKET_COLLISION;
  if (buckets != 0) bucket = load8(payload + load32(trailer + TRAILER_HASH_INDEX) + bucketOf(hash, buckets));
  if (bucket == BUCKET_EMPTY) return 0;
  BlockCursor cursor(payload, length);
  return bucket == BUCKET_COLLISION ? cursor.find(key, keyLength) : cursor.findIn(bucket, key, keyLength);
}

inline uint32_t blockSearch(uint32_t lookups, uint32_t count, uint32_t keyLength) {
  uint32_t sum = 0;
  for (uint32_t at = lookups; at < lookups + 24 * count; at += 24)
    sum += BlockCursor(load32(at), load32(at + 4)).find(load32(at + 8), keyLength);
  return sum;
}

inline uint32_t blockSearchHashed(uint32_t lookups, uint32_t count, uint32_t keyLength) {
  uint32_t sum = 0;
  for (uint32_t at = lookups; at < lookups + 24 * count; at += 24)
    sum += findHashed(load32(at), load32(at + 4), load32(at + 8), keyLength, load64(at + 16));
  return sum;
}
