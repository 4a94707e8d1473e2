#include "cuda/emulation/check/checker.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "cuda/emulation/control.h"
#include "cuda/emulation/run/block.h"
#include "cuda/emulation/run/launch.h"
#include "cuda/emulation/run/memory.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/sanitizers.h"
#include "cuda/emulation/run/shared_memory.h"
#include "cuda/emulation/run/statistics.h"
#include "cuda/emulation/run/streams.h"

namespace hardy::emulation {
namespace {

template <class T>
T* reserve_for_arena(std::size_t count) {
  void* map = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) fail("no addresses for the checks; HARDY_EMULATION_CHECK=0 runs without them");
  return static_cast<T*>(map);
}

std::string at(const void* code) {
  const std::string where = place(code);
  return where.empty() ? "" : " at " + where;
}

// The bytes of word `w` that [offset, offset + bytes) covers, as bits.
std::uint8_t bytes_of_word(std::size_t w, std::size_t offset, std::size_t bytes) {
  const std::size_t from = std::max(offset, w * 4), to = std::min(offset + bytes, w * 4 + 4);
  return static_cast<std::uint8_t>(((1u << (to - from)) - 1) << (from - w * 4));
}

[[noreturn]] void report(const char* what, std::size_t bytes, Access kind, const void* code,
                         const std::string& target) {
  fail(std::string(what) + " " + verb(kind) + " of " + std::to_string(bytes) + " bytes" + at(code) + ": " +
       target);
}

}  // namespace

const char* verb(Access a) { return a == Access::kAtomic ? "atomic access" : reads(a) ? "read" : "write"; }

Checker& checker() {
  static auto* c = new Checker;
  return *c;
}

bool Checker::active() const {
  return options().check && running_launch() != nullptr && block().current >= 0;
}

void Checker::reserve() {
  if (device_words_ != nullptr) return;
  device_words_ = reserve_for_arena<WordHistory>(DeviceMemory::kArena / 4);
  device_initialised_ = reserve_for_arena<std::uint8_t>(DeviceMemory::kArena);
}

void Checker::select_static_table(const void* kernel) {
  const std::vector<StaticVariable>& variables = static_variables(kernel);
  static_ = &static_tables_[&variables];
  if (static_->variables != nullptr) return;
  static_->variables = &variables;
  if (variables.empty()) return;
  static_->begin = variables.front().begin / 4 * 4;
  for (const StaticVariable& v : variables) static_->end = std::max(static_->end, v.end);
  const std::size_t words = (static_->end - static_->begin + 3) / 4;
  static_->words.resize(words);
  static_->variable.assign(words, -1);
  for (std::size_t i = 0; i < variables.size(); ++i)
    for (std::uintptr_t a = variables[i].begin / 4 * 4; a < variables[i].end; a += 4)
      static_->variable[(a - static_->begin) / 4] = static_cast<std::int32_t>(i);
}

void Checker::begin_launch(const void* kernel, const std::string& kernel_symbol) {
  ++launch_;
  kernel_symbol_ = kernel_symbol;
  select_static_table(kernel);
  const auto [owned, is_new] = static_->of_kernel.try_emplace(kernel_symbol);
  if (is_new)
    for (const StaticVariable& v : *static_->variables) owned->second.push_back(v.owner == kernel_symbol);
  owned_ = &owned->second;
  released_.clear();
  if (!options().check) return;
  reserve();
  dynamic_words_.resize((shared_memory().bytes() + 3) / 4);
}

void Checker::begin_block() {
  ++block_;
  for (std::size_t i = 0; i < owned_->size(); ++i)
    if (const StaticVariable& v = (*static_->variables)[i]; (*owned_)[i])
      std::memset(reinterpret_cast<void*>(v.begin), 0xff, v.end - v.begin);
  if (!options().check) return;
  const std::size_t threads = block().threads.size();
  epoch_ = 0;
  warp_clock_.assign(block().warps.size(), 0);
  known_.assign(threads * 32, 0);
  fenced_.assign(threads, false);
  acquired_.clear();
}

void Checker::block_barrier() {
  if (options().check) ++epoch_;
}

void Checker::warp_barrier(unsigned warp, unsigned lanes) {
  if (!options().check) return;
  const std::uint32_t clock = ++warp_clock_[warp];
  std::uint32_t* row = &known_[static_cast<std::size_t>(warp) * 32 * 32];
  const std::size_t count = std::min<std::size_t>(32, block().threads.size() - warp * 32);
  std::uint32_t all[32] = {};
  for (std::size_t i = 0; i < count; ++i)
    if ((lanes >> i & 1) != 0)
      for (std::size_t j = 0; j < 32; ++j) all[j] = std::max(all[j], row[i * 32 + j]);
  for (std::size_t j = 0; j < 32; ++j)
    if ((lanes >> j & 1) != 0) all[j] = clock;
  for (std::size_t i = 0; i < count; ++i)
    if ((lanes >> i & 1) != 0) std::copy(all, all + 32, row + i * 32);
}

void Checker::fence() {
  if (active()) fenced_[thread_rank()] = true;
}

// An atomic takes over what was released at its address; after a fence it releases the block's own writes
// and what the block has acquired.
void Checker::synchronise_blocks(const void* address) {
  std::set<std::uint32_t>& released = released_[address];
  acquired_.insert(released.begin(), released.end());
  if (!fenced_[thread_rank()]) return;
  released.insert(acquired_.begin(), acquired_.end());
  released.insert(static_cast<std::uint32_t>(running_launch()->block_number));
}

bool Checker::acquired(std::uint32_t block_number) const { return acquired_.contains(block_number); }

void Checker::access(const void* address, std::size_t bytes, Access kind, const void* code) {
  if (!active()) return;
  ++counters().checked_accesses;
  if (device_memory().contains(address)) return check_device(address, bytes, kind, code);
  if (shared_memory().near(address)) return check_dynamic_shared(address, bytes, kind, code);
  const auto a = reinterpret_cast<std::uintptr_t>(address);
  if (a >= static_->begin && a < static_->end) check_static_shared(address, bytes, kind, code);
}

void Checker::check_device(const void* address, std::size_t bytes, Access kind, const void* code) {
  const DeviceMemory& memory = device_memory();
  const auto where = [&] { return "device memory, " + memory.describe(address); };
  const std::size_t offset = memory.offset(address);
  // Two flags are written for every live byte: 1 where it is allocated, 2 where it has been written.
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::uint8_t state = device_initialised_[offset + i];
    if ((state & 1) == 0) {
      const char* byte = static_cast<const char*>(address) + i;
      const std::string target = memory.describe(byte);
      report(target.ends_with("freed") ? "use after free:" : "out-of-bounds", bytes, kind, code,
             "device memory, " + target);
    }
    if (reads(kind) && (state & 2) == 0) report("uninitialised", bytes, kind, code, where());
  }
  if (options().devices > 1 && memory.device_of(address) != working_device())
    report("out-of-bounds", bytes, kind, code,
           where() + ", which is device " + std::to_string(memory.device_of(address)) + "'s, on device " +
               std::to_string(working_device()));
  if (reinterpret_cast<std::uintptr_t>(address) % bytes != 0 && bytes <= 16)
    report("misaligned", bytes, kind, code, where());
  if (writes(kind)) std::memset(device_initialised_ + offset, 3, bytes);
  if (is_strong(kind)) synchronise_blocks(address);
  for (std::size_t w = offset / 4; w * 4 < offset + bytes; ++w) {
    WordHistory& word = device_words_[w];
    check_races(word, bytes_of_word(w, offset, bytes), launch_, kind, code, {"device memory"});
  }
}

void Checker::check_dynamic_shared(const void* address, std::size_t bytes, Access kind, const void* code) {
  const SharedMemory& memory = shared_memory();
  const auto offset = static_cast<const char*>(address) - static_cast<const char*>(memory.data());
  const auto size = [&] {
    return "the block's " + std::to_string(memory.bytes()) + " bytes of dynamic shared memory";
  };
  if (offset < 0)
    report("out-of-bounds", bytes, kind, code, std::to_string(-offset) + " bytes before " + size());
  const auto begin = static_cast<std::size_t>(offset);
  if (begin + bytes > memory.bytes())
    report("out-of-bounds", bytes, kind, code, "at byte " + std::to_string(begin) + " of " + size());
  check_shared_words(dynamic_words_, begin, bytes, kind, code, {"dynamic shared memory"});
}

void Checker::check_static_shared(const void* address, std::size_t bytes, Access kind, const void* code) {
  const auto a = reinterpret_cast<std::uintptr_t>(address);
  std::size_t word = (a - static_->begin) / 4;
  const std::int32_t index = static_->variable[word];
  const std::vector<StaticVariable>& variables = *static_->variables;
  const StaticVariable* v = index < 0 ? nullptr : &variables[static_cast<std::size_t>(index)];
  const bool foreign = v != nullptr && v->owner_is_kernel && !(*owned_)[static_cast<std::size_t>(index)];
  if (v == nullptr || foreign || a + bytes > v->end) {
    // Behind a variable of this kernel: it is that one's bounds that were left.
    while (word > 0 && (static_->variable[word] < 0 || static_->variable[word] == index)) --word;
    const bool inside = v != nullptr && !foreign;
    const StaticVariable& left =
        inside ? *v : variables[static_cast<std::size_t>(std::max(static_->variable[word], 0))];
    if (!inside && !foreign && left.owner != kernel_symbol_) return;  // some host variable
    report("out-of-bounds", bytes, kind, code,
           std::to_string(a - left.end) + " bytes past the end of shared variable '" + left.name + "' of " +
               std::to_string(left.end - left.begin) + " bytes");
  }
  check_shared_words(static_->words, a - static_->begin, bytes, kind, code, {"shared variable", &v->name});
}

void Checker::check_shared_words(std::vector<WordHistory>& words, std::size_t offset, std::size_t bytes,
                                 Access kind, const void* code, const Place& place) {
  for (std::size_t w = offset / 4; w * 4 < offset + bytes; ++w) {
    WordHistory& word = words[w];
    const std::uint8_t covered = bytes_of_word(w, offset, bytes);
    if (word.initialised_stamp != block_) {
      word.initialised_stamp = block_;
      word.initialised = 0;
    }
    if (reads(kind) && (covered & ~word.initialised) != 0)
      report("uninitialised", bytes, kind, code, place.text());
    if (writes(kind)) word.initialised |= covered;
    check_races(word, covered, block_, kind, code, place);
  }
}

void Checker::require_initialised(const void* address, std::size_t bytes, const char* who) const {
  if (!device_memory().in_bounds(address, bytes))
    fail("%s reads out of bounds: device memory, %s", who,
         device_memory().describe(static_cast<const char*>(address) + bytes - 1).c_str());
  if (!kSeesKernels || !options().check || device_initialised_ == nullptr ||
      !device_memory().contains(address))
    return;
  const std::uint8_t* state = device_initialised_ + device_memory().offset(address);
  for (std::size_t i = 0; i < bytes; ++i)
    if ((state[i] & 2) == 0)
      fail("%s reads uninitialised device memory, %s", who,
           device_memory().describe(static_cast<const char*>(address) + i).c_str());
}

void Checker::written(const void* address, std::size_t bytes) {
  if (!device_memory().contains(address) || bytes == 0) return;
  if (!device_memory().in_bounds(address, bytes))
    fail("a library call writes out of bounds: device memory, %s",
         device_memory().describe(static_cast<const char*>(address) + bytes - 1).c_str());
  if (device_initialised_ != nullptr)
    std::memset(device_initialised_ + device_memory().offset(address), 3, bytes);
}

void Checker::copied(const void* to, const void* from, std::size_t bytes) {
  if (device_initialised_ == nullptr || !device_memory().contains(to)) return;
  std::uint8_t* state = device_initialised_ + device_memory().offset(to);
  if (device_memory().contains(from))  // what was not written stays so
    std::memmove(state, device_initialised_ + device_memory().offset(from), bytes);
  else
    std::memset(state, 3, bytes);
}

void Checker::allocated(const void* address, std::size_t bytes) {
  if (!options().check) return;
  reserve();
  std::memset(device_initialised_ + device_memory().offset(address), 1, bytes);
}

void Checker::released(const void* address, std::size_t bytes) {
  if (device_initialised_ != nullptr)
    std::memset(device_initialised_ + device_memory().offset(address), 0, bytes);
}

}  // namespace hardy::emulation
