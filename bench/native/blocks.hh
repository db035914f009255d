// The layout of a data block's payload (docs/table-format.md).
#pragma once
#include "keys.hh"
#include "memory.hh"

constexpr uint32_t TRAILER_BYTES = 32, TRAILER_BASE_SEQNO = 0, TRAILER_ENTRIES = 8, TRAILER_RESTARTS = 12;
constexpr uint32_t TRAILER_RESTART_ARRAY = 16, TRAILER_HASH_INDEX = 20, TRAILER_HASH_BUCKETS = 24, TRAILER_INTERVAL = 28;
constexpr uint32_t BUCKET_COLLISION = 254, BUCKET_EMPTY = 255;
constexpr uint64_t SEQNO_MASK = 0xffff;
constexpr uint32_t BLOCK_TYPE_VALUE = 1;

inline uint32_t bucketOf(uint64_t hash, uint32_t buckets) {
  return static_cast<uint32_t>((static_cast<uint64_t>(static_cast<uint32_t>(hash >> 16)) * buckets) >> 32);
}
