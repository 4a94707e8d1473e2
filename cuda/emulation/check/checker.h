// Checks the accesses of device code: bounds, initialisation, races. Kernels built with checks call it at
// every load and store (check/hooks.cc), as do the interpreter of PTX and the library shims.
//
// Races. Two accesses to one word by different threads, one of them a write, not both atomic, are a race
// unless something orders them: __syncthreads for the block; __syncwarp for its lanes; between blocks an
// atomic after __threadfence by the first and one on the same address by the second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cuda/emulation/check/symbols.h"

namespace hardy::emulation {

// Strong: volatile or with a memory order; to races they are what atomics are.
enum class Access : std::uint8_t { kRead, kWrite, kStrongRead, kStrongWrite, kAtomic };
constexpr bool reads(Access a) {
  return a == Access::kRead || a == Access::kStrongRead || a == Access::kAtomic;
}
constexpr bool writes(Access a) {
  return a == Access::kWrite || a == Access::kStrongWrite || a == Access::kAtomic;
}
constexpr bool is_strong(Access a) { return a != Access::kRead && a != Access::kWrite; }
const char* verb(Access a);  // "read", "write" or "atomic access"

// What is known of one 4-byte word: who wrote it and who read it last.
struct WordHistory {
  struct Event {
    std::uint64_t stamp = 0;  // launch (device memory) or block (shared memory) that it belongs to
    const void* code = nullptr;
    std::uint32_t block = 0, epoch = 0,
                  clock = 0;  // epoch: of __syncthreads; clock: of the warp's __syncwarp
    std::uint16_t thread = 0;
    std::uint8_t bytes = 0;  // which of the word's four
    bool atomic = false;
  };
  Event write, read;
  std::uint32_t reader_lanes = 0;  // of read.thread's warp, since it was last ordered
  bool readers_of_other_warps = false, read_by_earlier_block = false;
  std::uint8_t initialised = 0;  // bytes that have been written (shared memory; valid for `stamp`)
  std::uint64_t initialised_stamp = 0;
};

// What is named in a report, put into words only then: nearly all accesses are good.
struct Place {
  const char* kind;
  const std::string* variable = nullptr;
  std::string text() const { return variable ? kind + (" '" + *variable + "'") : kind; }
};

class Checker {
 public:
  void begin_launch(const void* kernel, const std::string& kernel_symbol);
  void begin_block();
  void block_barrier();
  void warp_barrier(unsigned warp, unsigned lanes);
  void fence();  // __threadfence by the running thread

  // An access by the running thread; `code`: the instruction after it.
  void access(const void* address, std::size_t bytes, Access kind, const void* code);

  // By library calls: [address, address + bytes) must be in bounds and initialised, or becomes so.
  void require_initialised(const void* address, std::size_t bytes, const char* who) const;
  void written(const void* address, std::size_t bytes);
  void copied(const void* to, const void* from, std::size_t bytes);
  void allocated(const void* address, std::size_t bytes);
  void released(const void* address, std::size_t bytes);

 private:
  bool active() const;
  void reserve();
  void select_static_table(const void* kernel);
  void check_device(const void* address, std::size_t bytes, Access kind, const void* code);
  void check_dynamic_shared(const void* address, std::size_t bytes, Access kind, const void* code);
  void check_static_shared(const void* address, std::size_t bytes, Access kind, const void* code);
  void check_shared_words(std::vector<WordHistory>& words, std::size_t offset, std::size_t bytes, Access kind,
                          const void* code, const Place& place);
  void check_races(WordHistory& word, std::uint8_t bytes, std::uint64_t stamp, Access kind, const void* code,
                   const Place& place);
  WordHistory::Event event(std::uint8_t bytes, std::uint64_t stamp, Access kind, const void* code) const;
  bool ordered(const WordHistory::Event& earlier) const;
  bool readers_ordered(const WordHistory& word) const;
  void remember_read(WordHistory& word, const WordHistory::Event& now) const;
  void synchronise_blocks(const void* address);
  bool acquired(std::uint32_t block) const;

  std::uint64_t launch_ = 0, block_ = 0;  // serial numbers since start
  std::uint32_t epoch_ = 0;
  std::string kernel_symbol_;
  WordHistory* device_words_ = nullptr;         // reserved, one for each word of the arena
  std::uint8_t* device_initialised_ = nullptr;  // reserved, one for each byte of the arena
  std::vector<WordHistory> dynamic_words_;
  struct StaticTable {  // the static variables of one program or library
    std::uintptr_t begin = 0, end = 0;
    std::vector<std::int32_t> variable;  // by word from `begin`: index into `variables`, or -1
    std::vector<WordHistory> words;
    const std::vector<StaticVariable>* variables = nullptr;
    std::map<std::string, std::vector<bool>> of_kernel;  // by symbol: which of `variables` are its own
  };
  std::map<const std::vector<StaticVariable>*, StaticTable> static_tables_;
  StaticTable* static_ = nullptr;             // the running kernel's
  const std::vector<bool>* owned_ = nullptr;  // of its table's variables
  std::vector<std::uint32_t> warp_clock_;
  std::vector<std::uint32_t>
      known_;                 // [thread * 32 + lane]: that lane's accesses before this clock are ordered
  std::vector<bool> fenced_;  // by thread: has called __threadfence
  // Between the blocks of a launch: whose writes the running block has acquired, and by address whose writes
  // an atomic there releases.
  std::set<std::uint32_t> acquired_;
  std::map<const void*, std::set<std::uint32_t>> released_;
};
Checker& checker();

}  // namespace hardy::emulation
