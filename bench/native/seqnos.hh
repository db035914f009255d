// Native forms of the atomic maximum in assembly/memory/bytes.ts.
#pragma once
#include <atomic>
#include "memory.hh"

inline std::atomic<uint64_t>& wordAt(uint32_t cell) { return *reinterpret_cast<std::atomic<uint64_t>*>(memory + cell); }

inline uint32_t resetSeqno(uint32_t cell) {
  wordAt(cell).store(0);
  return 0;
}

inline uint32_t raiseSeqno(uint32_t cell, uint32_t first, uint32_t step, uint32_t count) {
  std::atomic<uint64_t>& word = wordAt(cell);
  uint64_t seqno = first;
  for (uint32_t i = 0; i < count; i++, seqno += step)
    for (uint64_t seen = word.load(); seen < seqno && !word.compare_exchange_strong(seen, seqno);) seen = word.load();
  return static_cast<uint32_t>(word.load());
}
