// Native form of assembly/table/block-writer.ts.
#pragma once
#include "blocks.hh"

// A gathered entry: u64 trailer | u32 shared | u32 rest | u32 value length | u32 word of the hash | rest key bytes | value bytes
constexpr uint32_t GATHERED_SHARED = 8, GATHERED_REST = 12, GATHERED_VALUE_LENGTH = 16, GATHERED_HASH = 20, GATHERED_BYTES = 24;

inline uint32_t varintSize(uint32_t value) { return (38 - __builtin_clz(value | 1)) / 7; }

struct BlockWriter {
  uint32_t buffer = 0, interval = 0, end = 0, entries = 0, position = 0, head = 0, headLength = 0, size = 0;
  uint64_t lowest = 0;

  void reset() {
    end = buffer;
    entries = position = 0;
    size = TRAILER_BYTES;
    lowest = ~0ull;
  }

  // Returns where the value goes.
  uint32_t add(uint32_t key, uint32_t keyLength, uint64_t trailer, uint32_t valueLength, uint64_t hash) {
    const uint32_t entry = end, rest = entry + GATHERED_BYTES;
    uint32_t shared = 0;
    if (position == 0) {
      head = rest;
      headLength = keyLength;
    } else {
      shared = commonPrefix(head, key, headLength < keyLength ? headLength : keyLength);
    }
    const uint32_t restLength = keyLength - shared;
    store64(entry, trailer);
    store32(entry + GATHERED_SHARED, shared);
    store32(entry + GATHERED_REST, restLength);
    store32(entry + GATHERED_VALUE_LENGTH, valueLength);
    store32(entry + GATHERED_HASH, static_cast<uint32_t>(hash >> 16));
    copyBytes(rest, key + shared, restLength);
    if (trailer >> 8 < lowest) lowest = trailer >> 8;
    size += 4 + varintSize(shared) + varintSize(restLength) + varintSize(valueLength) + valueLength +
            (entries == 0 ? 0 : restLength);
    entries++;
    position = position + 1 == interval ? 0 : position + 1;
    end = rest + restLength + valueLength;
    return rest + restLength;
  }

  static uint32_t nextGathered(uint32_t entry) {
    return entry + GATHERED_BYTES + load32(entry + GATHERED_REST) + load32(entry + GATHERED_VALUE_LENGTH);
  }

  uint32_t countKeys() const {
    uint32_t keys = 1, before = load32(buffer + GATHERED_HASH);
    for (uint32_t entry = nextGathered(buffer); entry < end; entry = nextGathered(entry)) {
      const uint32_t word = load32(entry + GATHERED_HASH);
      keys += word != before;
      before = word;
    }
    return keys;
  }

  void buildHashIndex(uint32_t index, uint32_t buckets) const {
    std::memset(memory + index, BUCKET_EMPTY, buckets);
    uint32_t number = 0, left = interval;
    for (uint32_t entry = buffer; entry < end; entry = nextGathered(entry)) {
      if (left == 0) {
        number++;
        left = interval;
      }
      left--;
      uint8_t& bucket = memory[index + bucketOf(static_cast<uint64_t>(load32(entry + GATHERED_HASH)) << 16, buckets)];
      if (bucket == BUCKET_EMPTY) bucket = static_cast<uint8_t>(number);
      else if (bucket != number) bucket = BUCKET_COLLISION;
    }
  }

  // Writes the payload and returns its length.
  uint32_t finish(uint32_t payload) {
    const uint32_t buckets = 2 * countKeys();
    const uint32_t hashIndex = payload + (end - buffer) - buckets;
    buildHashIndex(hashIndex, buckets);
    uint32_t to = payload, left = 0, restarts = 0;
    for (uint32_t entry = buffer; entry < end;) {
      const uint64_t trailer = load64(entry);
      const uint32_t shared = load32(entry + GATHERED_SHARED), restLength = load32(entry + GATHERED_REST);
      const uint32_t valueLength = load32(entry + GATHERED_VALUE_LENGTH);
      if (left == 0) {
        // Restart offsets wait at the start of the buffer, over entries that are written already.
        store32(buffer + 4 * restarts++, to - payload);
        left = interval;
      }
      left--;
      if ((shared | restLength | valueLength) < 128) {
        store32(to, (trailer & 255) | (shared << 8) | (restLength << 16) | (valueLength << 24));
        to += 4;
      } else {
        memory[to] = static_cast<uint8_t>(trailer);
        to = writeVarint(writeVarint(writeVarint(to + 1, shared), restLength), valueLength);
      }
      to = writeVarint(to, (trailer >> 8) - lowest);
      copyBytes(to, entry + GATHERED_BYTES, restLength + valueLength);
      to += restLength + valueLength;
      entry += GATHERED_BYTES + restLength + valueLength;
    }
    const uint32_t restartArray = to - payload;
    for (uint32_t i = 0; i < restarts; i++, to += 2) store<uint16_t>(to, static_cast<uint16_t>(load32(buffer + 4 * i)));
    const uint32_t hashIndexOffset = to - payload;
    std::memmove(memory + to, memory + hashIndex, buckets);
    to += buckets;
    store64(to + TRAILER_BASE_SEQNO, lowest);
    store32(to + TRAILER_ENTRIES, entries);
    store32(to + TRAILER_RESTARTS, restarts);
    store32(to + TRAILER_RESTART_ARRAY, restartArray);
    store32(to + TRAILER_HASH_INDEX, hashIndexOffset);
    store32(to + TRAILER_HASH_BUCKETS, buckets);
    store32(to + TRAILER_INTERVAL, interval);
    reset();
    return to + TRAILER_BYTES - payload;
  }
};

inline uint32_t blockBuild(uint32_t keys, uint32_t keyLength, uint32_t hashes, uint32_t values, uint32_t valueLength,
                           uint32_t count, uint32_t blockBytes, uint32_t interval, uint32_t buffer, uint32_t directory,
                           uint32_t to) {
  constexpr uint32_t valuesMask = 1023;
  BlockWriter writer;
  writer.buffer = buffer;
  writer.interval = interval;
  writer.reset();
  uint32_t blocks = 0;
  for (uint32_t i = 0; i <= count; i++) {
    if (writer.entries != 0 && (i == count || writer.size >= blockBytes)) {
      const uint32_t length = writer.finish(to);
      store32(directory + 8 * blocks, to);
      store32(directory + 8 * blocks + 4, length);
      blocks++;
      to += length;
    }
    if (i == count) break;
    const uint64_t hash = load64(hashes + 8 * i);
    const uint64_t trailer = ((1 + (hash & SEQNO_MASK)) << 8) | BLOCK_TYPE_VALUE;
    const uint32_t at = writer.add(keys + i * keyLength, keyLength, trailer, valueLength, hash);
    copyBytes(at, values + (i & valuesMask) * valueLength, valueLength);
  }
  return blocks;
}
