// Native form of assembly/read/merge-fill.ts with what it uses, for memtables and forwards.
#pragma once
#include "memtables.hh"

constexpr uint32_t RUNS_MAX = 16, CHUNK_HEADER_BYTES = 8;
constexpr uint64_t MERGE_READ_SEQNO = 1000000000;

struct Source {
  uint32_t node;
  Prefix prefix;
};

struct Merge {
  Memtable memtables[RUNS_MAX];
  Source sources[RUNS_MAX];
  uint32_t heap[RUNS_MAX];
  uint32_t runs = 0, heapCount = 0;
  // Place in the heap of the second best source, 0 if not known.
  uint32_t runnerUp = 0;
  // Node of the user key that was decided last, 0 at first.
  uint32_t current = 0;
  uint32_t chunkLength = 0;

  void stand(uint32_t source, uint32_t node) {
    sources[source] = {node, prefixOf(node + NODE_KEY, nodeKeyLength(node))};
  }

  bool comesFirst(uint32_t a, uint32_t b) const {
    const Source &x = sources[a], &y = sources[b];
    if (x.prefix.high != y.prefix.high) return x.prefix.high < y.prefix.high;
    if (x.prefix.low != y.prefix.low) return x.prefix.low < y.prefix.low;
    const int32_t order =
        compareBytes(x.node + NODE_KEY, nodeKeyLength(x.node), y.node + NODE_KEY, nodeKeyLength(y.node));
    return order != 0 ? order < 0 : nodeTrailer(x.node) > nodeTrailer(y.node);
  }

  void push(uint32_t source) {
    uint32_t at = heapCount++;
    for (; at > 0; at = (at - 1) >> 1) {
      const uint32_t parent = heap[(at - 1) >> 1];
      if (!comesFirst(source, parent)) break;
      heap[at] = parent;
    }
    heap[at] = source;
    runnerUp = 0;
  }

  void sink(uint32_t source, uint32_t at) {
    for (;;) {
      uint32_t child = 2 * at + 1;
      if (child >= heapCount) break;
      if (child + 1 < heapCount && comesFirst(heap[child + 1], heap[child])) child++;
      if (comesFirst(source, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = source;
  }

  void pop() {
    heapCount--;
    runnerUp = 0;
    if (heapCount > 0) sink(heap[heapCount], 0);
  }

  void settle() {
    if (heapCount == 1) return;
    if (runnerUp == 0) runnerUp = heapCount > 2 && comesFirst(heap[2], heap[1]) ? 2 : 1;
    const uint32_t top = heap[0], second = heap[runnerUp];
    if (comesFirst(top, second)) return;
    heap[0] = second;
    sink(top, runnerUp);
    runnerUp = 0;
  }

  bool isCurrent(uint32_t node) const {
    const uint32_t length = nodeKeyLength(node);
    return current != 0 && length == nodeKeyLength(current) && equalBytes(node + NODE_KEY, current + NODE_KEY, length);
  }

  // Entries go to `chunk` until it is full or there are none. Returns how many.
  uint32_t fill(uint32_t chunk, uint32_t capacity) {
    uint32_t count = 0;
    chunkLength = 0;
    while (heapCount > 0) {
      const uint32_t source = heap[0], node = sources[source].node;
      const uint64_t trailer = nodeTrailer(node);
      if (!isCurrent(node) && trailer >> 8 < MERGE_READ_SEQNO) {
        const uint32_t type = trailer & 255;
        if (type == TYPE_VALUE) {
          const uint32_t keyLength = nodeKeyLength(node), valueLength = nodeValueLength(node);
          const uint32_t size = (CHUNK_HEADER_BYTES + 3 + keyLength + valueLength) & ~3u;
          if (chunkLength + size > capacity && count > 0) break;
          const uint32_t at = chunk + chunkLength;
          // The padding first; what is not padding is written over.
          store32(at + size - 4, 0);
          store64(at, valueLength | (static_cast<uint64_t>(keyLength) << 32) | (static_cast<uint64_t>(type) << 48));
          copyBytes(at + CHUNK_HEADER_BYTES, node + NODE_KEY, keyLength);
          copyBytes(at + CHUNK_HEADER_BYTES + keyLength, nodeValue(node), valueLength);
          chunkLength += size;
          count++;
        }
        current = node;
      }
      const uint32_t next = nextOf(node, 0);
      if (next == 0) {
        pop();
      } else {
        stand(source, next);
        settle();
      }
    }
    return count;
  }
};

inline Merge merge;

inline uint32_t mergePrepare(uint32_t keys, uint32_t keyLength, uint32_t values, uint32_t valueLength, uint32_t count,
                             uint32_t numbers, uint32_t runs) {
  merge.runs = runs;
  for (uint32_t run = 0; run < runs; run++) merge.memtables[run].create();
  for (uint32_t i = 0; i < count; i++)
    merge.memtables[load8(numbers + i)].insert(keys + i * keyLength, keyLength,
                                               (static_cast<uint64_t>(i + 1) << 8) | TYPE_VALUE,
                                               values + (i & VALUES_MASK) * valueLength, valueLength);
  return count;
}

inline uint32_t mergeRuns(uint32_t chunk, uint32_t capacity) {
  merge.heapCount = merge.current = 0;
  for (uint32_t run = 0; run < merge.runs; run++) {
    const uint32_t node = nextOf(merge.memtables[run].head, 0);
    if (node == 0) continue;
    merge.stand(run, node);
    merge.push(run);
  }
  uint32_t sum = 0;
  while (merge.heapCount > 0) {
    sum += merge.fill(chunk, capacity);
    sum += merge.chunkLength;
  }
  return sum;
}
