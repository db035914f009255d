// One hot path, natively: micro <image> <at> <operations> <warm ms> <timed ms> <output> <output bytes> <name> <arguments…>
//   [prepare <name> <arguments…>] [before <name> <arguments…>] [threads <number>]
// Prints the median of nanoseconds per operation, the result of a call and a digest of the output, as JSON. bench/micro/column.mjs does the same for Wasm and twins.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>
#include "block-build.hh"
#include "block-search.hh"
#include "compression.hh"
#include "filters.hh"
#include "hashes.hh"
#include "keys.hh"
#include "merges.hh"
#include "seqnos.hh"

using Arguments = std::vector<uint32_t>;

struct Call {
  std::string name;
  Arguments a;

  uint32_t run() const {
    if (name == "compareKeys") return compareKeys(a[0], a[1], a[2]);
    if (name == "writeVarints") return writeVarints(a[0], a[1], a[2]);
    if (name == "readVarints") return readVarints(a[0], a[1]);
    if (name == "checksumBlocks") return checksumBlocks(a[0], a[1], a[2], a[3]);
    if (name == "hashKeys") return hashKeys(a[0], a[1], a[2], a[3]);
    if (name == "filterBuild") return filterBuild(a[0], a[1], a[2], a[3], a[4]);
    if (name == "filterProbe") return filterProbe(a[0], a[1], a[2], a[3], a[4]);
    if (name == "memtableFill") return memtableFill(a[0], a[1], a[2], a[3], a[4]);
    if (name == "memtableSeek") return memtableSeek(a[0], a[1], a[2]);
    if (name == "memtableScan") return memtableScan();
    if (name == "resetSeqno") return resetSeqno(a[0]);
    if (name == "raiseSeqno") return raiseSeqno(a[0], a[1], a[2], a[3]);
    if (name == "blockBuild") return blockBuild(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10]);
    if (name == "blockSearch") return blockSearch(a[1], a[2], a[3]);
    if (name == "blockSearchHashed") return blockSearchHashed(a[1], a[2], a[3]);
    if (name == "compressBlocks") return compressBlocks(a[0], a[1], a[2], a[3], a[4], a[5]);
    if (name == "decompressBlocks") return decompressBlocks(a[0], a[1], a[2], a[3], a[4], a[5]);
    if (name == "mergePrepare") return mergePrepare(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    if (name == "mergeRuns") return mergeRuns(a[1], a[2]);
    std::fprintf(stderr, "unknown function %s\n", name.c_str());
    std::exit(2);
  }
};

static double nowMs() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// FNV-1a of 32 bits.
static uint32_t digest(uint32_t from, uint32_t length) {
  uint32_t sum = 0x811c9dc5;
  for (uint32_t i = 0; i < length; i++) sum = (sum ^ memory[from + i]) * 0x01000193;
  return sum;
}

// What threads that begin together need, each raising seqnos of its own: the slowest one's time counts.
static double contendedMs(const Call& run, uint32_t threads) {
  std::atomic<uint32_t> ready{0};
  std::vector<double> times(threads);
  std::vector<std::thread> all;
  for (uint32_t thread = 0; thread < threads; thread++) {
    all.emplace_back([&, thread] {
      Call own = run;
      own.a[1] += thread;
      ready++;
      while (ready.load() < threads) {
      }
      const double start = nowMs();
      own.run();
      times[thread] = nowMs() - start;
    });
  }
  for (std::thread& thread : all) thread.join();
  return *std::max_element(times.begin(), times.end());
}

int main(int count, char** words) {
  const uint32_t at = std::strtoul(words[2], nullptr, 10);
  const double operations = std::strtod(words[3], nullptr);
  const double warmMs = std::strtod(words[4], nullptr), timedMs = std::strtod(words[5], nullptr);
  const uint32_t output = std::strtoul(words[6], nullptr, 10), outputBytes = std::strtoul(words[7], nullptr, 10);
  Call run{words[8], {}}, prepare, before;
  uint32_t threads = 0;
  Call* call = &run;
  for (int i = 9; i < count; i++) {
    const std::string word = words[i];
    if (word == "prepare" || word == "before") {
      call = word == "before" ? &before : &prepare;
      call->name = words[++i];
    } else if (word == "threads") {
      threads = std::strtoul(words[++i], nullptr, 10);
    } else {
      call->a.push_back(std::strtoul(words[i], nullptr, 10));
    }
  }
  std::FILE* image = std::fopen(words[1], "rb");
  if (image == nullptr) return 2;
  const size_t read = std::fread(memory + at, 1, MEMORY_BYTES - at, image);
  const bool isWhole = std::feof(image) != 0;
  std::fclose(image);
  if (!isWhole) {
    std::fprintf(stderr, "%zu bytes of the image, and no end of it\n", read);
    return 2;
  }

  if (!prepare.name.empty()) prepare.run();
  uint32_t result = 0;
  uint32_t repeats = 1;
  // One sample in milliseconds for a call.
  const auto sample = [&] {
    if (!before.name.empty()) before.run();
    double ms;
    if (threads > 0) {
      ms = contendedMs(run, threads);
      result = load32(run.a[0]);
    } else {
      const double start = nowMs();
      for (uint32_t i = 0; i < repeats; i++) result = run.run();
      ms = nowMs() - start;
    }
    return ms / repeats;
  };
  double last = 1;
  for (const double end = nowMs() + warmMs; nowMs() < end;) last = sample();
  if (before.name.empty()) repeats = static_cast<uint32_t>(std::max(1.0, 1 / last));
  std::vector<double> times;
  for (const double end = nowMs() + timedMs; nowMs() < end || times.size() < 5;) times.push_back(sample());
  std::printf("{\"ns\":%.4f,\"result\":%u,\"digest\":%u}\n", median(times) * 1e6 / operations, result,
              digest(output, outputBytes));
  return 0;
}
