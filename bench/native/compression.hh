// Native forms of assembly/table/lz4-compress.ts and lz4-decompress.ts: byte for byte the same output.
#pragma once
#include <algorithm>
#include "memory.hh"

constexpr uint32_t HASH_BITS = 13, SHORT_HASH_BITS = 12, SHORT_BYTES = 8192;
constexpr uint64_t HASH_FACTOR = 889523592379;
constexpr uint32_t LAST_LITERALS = 5, MATCH_START_LIMIT = 12, SKIP_BITS = 6;
constexpr uint32_t LENGTH_BITS = 4, LENGTH_MORE = 15, LENGTH_BYTE_MORE = 255, MATCH_MIN_BYTES = 4, OFFSET_MAX = 65535;

inline uint32_t matchBucket(uint32_t scratch, uint32_t p, uint32_t shift) {
  return scratch + (static_cast<uint32_t>(((load64(p) << 24) * HASH_FACTOR) >> shift) << 1);
}

inline uint32_t matchEnd(uint32_t p, uint32_t match, uint32_t limit) {
  while (limit - p >= 8) {
    const uint64_t difference = load64(p) ^ load64(match);
    if (difference != 0) return p + (__builtin_ctzll(difference) >> 3);
    p += 8;
    match += 8;
  }
  while (p < limit && memory[p] == memory[match]) {
    p++;
    match++;
  }
  return p;
}

inline uint32_t moreBytes(uint32_t length) {
  return length < LENGTH_MORE ? 0 : (length - LENGTH_MORE) / LENGTH_BYTE_MORE + 1;
}

inline uint32_t putMore(uint32_t out, uint32_t length) {
  if (length < LENGTH_MORE) return out;
  uint32_t rest = length - LENGTH_MORE;
  for (; rest >= LENGTH_BYTE_MORE; rest -= LENGTH_BYTE_MORE) memory[out++] = LENGTH_BYTE_MORE;
  memory[out] = static_cast<uint8_t>(rest);
  return out + 1;
}

// Returns where the next sequence goes, or 0 if this one does not fit.
inline uint32_t putSequence(uint32_t out, uint32_t outEnd, uint32_t literal, uint32_t literals, uint32_t offset,
                            uint32_t length, uint32_t end) {
  const uint32_t code = length - MATCH_MIN_BYTES;
  const uint32_t token = (std::min(literals, LENGTH_MORE) << LENGTH_BITS) | std::min(code, LENGTH_MORE);
  // Literals are mostly few: one copy of a word beyond their end, where there is room for it.
  if (literals < LENGTH_MORE && outEnd - out >= 17 && end - literal >= 16) {
    memory[out] = static_cast<uint8_t>(token);
    copy16(out + 1, literal);
    out += 1 + literals;
    if (outEnd - out < 2 + moreBytes(code)) return 0;
  } else {
    if (outEnd - out < 3 + moreBytes(literals) + literals + moreBytes(code)) return 0;
    memory[out] = static_cast<uint8_t>(token);
    out = putMore(out + 1, literals);
    copyBytes(out, literal, literals);
    out += literals;
  }
  store<uint16_t>(out, static_cast<uint16_t>(offset));
  return putMore(out + 2, code);
}

inline uint32_t lz4Compress(uint32_t from, uint32_t length, uint32_t to, uint32_t capacity, uint32_t scratch) {
  const uint32_t end = from + length, outEnd = to + capacity;
  uint32_t out = to, anchor = from;
  if (length > MATCH_START_LIMIT) {
    const uint32_t bits = length <= SHORT_BYTES ? SHORT_HASH_BITS : HASH_BITS, shift = 64 - bits;
    std::memset(memory + scratch, 0, 2u << bits);
    const uint32_t startLimit = end - MATCH_START_LIMIT, matchLimit = end - LAST_LITERALS;
    uint32_t p = from + 1, searched = 1 << SKIP_BITS;
    while (p <= startLimit) {
      const uint32_t bucket = matchBucket(scratch, p, shift);
      const uint32_t distance = (p - from - load16(bucket)) & OFFSET_MAX;
      store<uint16_t>(bucket, static_cast<uint16_t>(p - from));
      uint32_t match = p - distance;
      if (load32(match) != load32(p) || distance == 0) {
        p += searched++ >> SKIP_BITS;
        continue;
      }
      uint32_t start = p;
      p = matchEnd(p + MATCH_MIN_BYTES, match + MATCH_MIN_BYTES, matchLimit);
      while (start > anchor && match > from && memory[start - 1] == memory[match - 1]) {
        start--;
        match--;
      }
      out = putSequence(out, outEnd, anchor, start - anchor, start - match, p - start, end);
      if (out == 0) return 0;
      anchor = p;
      searched = 1 << SKIP_BITS;
      if (p <= startLimit) store<uint16_t>(matchBucket(scratch, p - 2, shift), static_cast<uint16_t>(p - 2 - from));
    }
  }
  const uint32_t literals = end - anchor;
  if (outEnd - out < 1 + moreBytes(literals) + literals) return 0;
  memory[out] = static_cast<uint8_t>(std::min(literals, LENGTH_MORE) << LENGTH_BITS);
  out = putMore(out + 1, literals);
  copyBytes(out, anchor, literals);
  return out + literals - to;
}

// Byte after byte, as it were: a match may reach into its own copy.
inline void copyMatch(uint32_t out, uint32_t offset, uint32_t count, uint32_t outEnd) {
  const uint32_t end = out + count;
  if (offset >= 16)
    for (; out < end && outEnd - out >= 16; out += 16) copy16(out, out - offset);
  for (; out < end; out++) memory[out] = memory[out - offset];
}

inline bool lz4Decompress(uint32_t from, uint32_t length, uint32_t to, uint32_t rawLength) {
  const uint32_t end = from + length, outEnd = to + rawLength;
  uint32_t p = from, out = to;
  while (p < end) {
    const uint32_t token = memory[p++];
    uint32_t literals = token >> LENGTH_BITS, count = token & LENGTH_MORE;
    // Short literals and a short match are copied as whole words beyond their ends, where these lie well inside.
    if (literals < LENGTH_MORE && end - p >= 16 && outEnd - out >= 32) {
      copy16(out, p);
      p += literals;
      out += literals;
      const uint32_t near = load16(p);
      if (count < LENGTH_MORE && near >= 16) {
        if (near > out - to) return false;
        copy16(out, out - near);
        store<uint16_t>(out + 16, load<uint16_t>(out + 16 - near));
        p += 2;
        out += count + MATCH_MIN_BYTES;
        continue;
      }
    } else {
      if (literals == LENGTH_MORE) {
        for (uint32_t more = LENGTH_BYTE_MORE; more == LENGTH_BYTE_MORE; literals += more) {
          if (p == end || literals > rawLength) return false;
          more = memory[p++];
        }
      }
      if (literals > end - p || literals > outEnd - out) return false;
      copyBytes(out, p, literals);
      p += literals;
      out += literals;
      if (p == end) return out == outEnd;
      if (end - p < 2) return false;
    }
    const uint32_t offset = load16(p);
    p += 2;
    if (count == LENGTH_MORE) {
      for (uint32_t more = LENGTH_BYTE_MORE; more == LENGTH_BYTE_MORE; count += more) {
        if (p == end || count > rawLength) return false;
        more = memory[p++];
      }
    }
    count += MATCH_MIN_BYTES;
    if (offset == 0 || offset > out - to || count > outEnd - out) return false;
    copyMatch(out, offset, count, outEnd);
    out += count;
  }
  return false;
}

inline uint32_t compressBlocks(uint32_t directory, uint32_t count, uint32_t to, uint32_t room, uint32_t lengths,
                               uint32_t scratch) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t at = directory + 8 * i;
    const uint32_t length = lz4Compress(load32(at), load32(at + 4), to + i * room, room, scratch);
    store32(lengths + 4 * i, length);
    sum += length;
  }
  return sum;
}

inline uint32_t decompressBlocks(uint32_t directory, uint32_t count, uint32_t from, uint32_t room, uint32_t lengths,
                                 uint32_t to) {
  uint32_t sound = 0;
  for (uint32_t i = 0; i < count; i++)
    sound += lz4Decompress(from + i * room, load32(lengths + 4 * i), to + i * room, load32(directory + 8 * i + 4));
  return sound;
}
