#include "cuda/emulation/run/memory.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cuda/emulation/check/checker.h"
#include "cuda/emulation/control.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/sanitizers.h"
#include "cuda/emulation/run/statistics.h"

namespace hardy::emulation {
namespace {

std::size_t slot_of(std::size_t bytes) {
  constexpr std::size_t kRed = DeviceMemory::kRedZone;
  return (bytes + kRed - 1) / kRed * kRed + kRed;
}

struct sigaction previous_handler;

// Host code that follows a device pointer ends here: the arena's pages are out of its reach. (A signal's
// handler: it allocates nothing.)
void on_fault(int signal, siginfo_t* info, void* context) {
  if (device_memory().contains(info->si_addr)) {
    const DeviceMemory::Place place = device_memory().locate(info->si_addr);
    char text[256];
    const int length = std::snprintf(
        text, sizeof text,
        "hardy emulation: host code touches device memory at %p: byte %zu of an allocation of %zu bytes%s\n",
        info->si_addr, place.offset, place.bytes, place.freed ? " that was freed" : "");
    if (write(STDERR_FILENO, text, static_cast<std::size_t>(length)) < 0) std::_Exit(134);
    std::abort();
  }
  if ((previous_handler.sa_flags & SA_SIGINFO) != 0 && previous_handler.sa_sigaction != nullptr)
    return previous_handler.sa_sigaction(signal, info, context);
  sigaction(signal, &previous_handler, nullptr);  // the access is made again and ends as it would have
}

}  // namespace

void DeviceMemory::reserve() {
  if (base_ != nullptr) return;
  void* map = mmap(nullptr, kArena, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) fail("cannot reserve addresses for device memory");
  base_ = static_cast<char*>(map);
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, &previous_handler);
}

void DeviceMemory::protect(std::size_t from, std::size_t to, bool accessible) {
  if (to > from) mprotect(base_ + from, to - from, accessible ? PROT_READ | PROT_WRITE : PROT_NONE);
}

void DeviceMemory::open() {
  if (open_++ == 0 && options().guard) protect(0, (end_ + 4095) / 4096 * 4096, true);
}

void DeviceMemory::close() {
  if (--open_ == 0 && options().guard) protect(0, (end_ + 4095) / 4096 * 4096, false);
}

std::size_t DeviceMemory::used(int device) const {
  const auto found = used_bytes_.find(device);
  return found == used_bytes_.end() ? 0 : found->second;
}

int DeviceMemory::device_of(const void* address) const {
  auto it = allocations_.upper_bound(static_cast<const char*>(address));
  if (!contains(address) || it == allocations_.begin()) return -1;
  --it;
  return static_cast<const char*>(address) < it->first + it->second.bytes ? it->second.device : -1;
}

void* DeviceMemory::allocate(std::size_t bytes, int device) {
  reserve();
  const std::size_t slot = slot_of(bytes);
  if (used(device) + bytes > options().memory) return nullptr;
  const char* place = nullptr;
  if (const auto it = free_by_size_.find(slot); it != free_by_size_.end()) {
    place = it->second;
    free_by_size_.erase(it);
  } else {
    if (end_ == 0) end_ = kRedZone;
    if (end_ + slot > kArena) return nullptr;
    place = base_ + end_;
    end_ += slot;
    if (open_ > 0 || !options().guard) protect(0, (end_ + 4095) / 4096 * 4096, true);
  }
  char* p = const_cast<char*>(place);
  open();
#ifdef HARDY_EMULATION_ASAN
  __asan_poison_memory_region(p, slot);
  __asan_unpoison_memory_region(p, bytes);
#endif
  std::memset(p, 0xff, bytes);  // reads as NaN, as -1
  close();
  allocations_[place] = {bytes, device, false};
  used_bytes_[device] += bytes;
  ++counters().allocations;
  checker().allocated(p, bytes);
  return p;
}

bool DeviceMemory::release(void* pointer) {
  const auto it = allocations_.find(static_cast<const char*>(pointer));
  if (it == allocations_.end() || it->second.freed) return false;
#ifdef HARDY_EMULATION_ASAN
  __asan_poison_memory_region(pointer, slot_of(it->second.bytes));
#endif
  it->second.freed = true;
  used_bytes_[it->second.device] -= it->second.bytes;
  free_by_size_.emplace(slot_of(it->second.bytes), it->first);
  checker().released(pointer, it->second.bytes);
  return true;
}

void DeviceMemory::clear() {
  for (auto& [place, allocation] : allocations_)
    if (!allocation.freed) release(const_cast<char*>(place));
}

bool DeviceMemory::in_bounds(const void* address, std::size_t bytes) const {
  if (!contains(address)) return true;
  const char* a = static_cast<const char*>(address);
  auto it = allocations_.upper_bound(a);
  if (it == allocations_.begin()) return false;
  --it;
  return !it->second.freed && a + bytes <= it->first + it->second.bytes;
}

DeviceMemory::Place DeviceMemory::locate(const void* address) const {
  const char* a = static_cast<const char*>(address);
  auto it = allocations_.upper_bound(a);
  if (it == allocations_.begin()) return {};
  --it;
  return {static_cast<std::size_t>(a - it->first), it->second.bytes, it->second.freed};
}

std::string DeviceMemory::describe(const void* address) const {
  const char* a = static_cast<const char*>(address);
  auto it = allocations_.upper_bound(a);
  if (it == allocations_.begin()) return "before every allocation";
  --it;
  const auto offset = static_cast<std::size_t>(a - it->first);
  const std::string size = "an allocation of " + std::to_string(it->second.bytes) + " bytes";
  if (offset < it->second.bytes)
    return "byte " + std::to_string(offset) + " of " + size + (it->second.freed ? " that was freed" : "");
  // Nearer to the next one's start than to this one's end?
  if (const auto next = allocations_.upper_bound(a);
      next != allocations_.end() && static_cast<std::size_t>(next->first - a) < offset - it->second.bytes)
    return std::to_string(next->first - a) + " bytes before an allocation of " +
           std::to_string(next->second.bytes) + " bytes";
  return std::to_string(offset - it->second.bytes) + " bytes past the end of " + size +
         (it->second.freed ? " that was freed" : "");
}

void* DeviceMemory::allocate_pinned(std::size_t bytes) {
  void* p = std::malloc(bytes == 0 ? 1 : bytes);
  if (p == nullptr) return nullptr;
  std::memset(p, 0xff, bytes);
  pinned_[static_cast<const char*>(p)] = bytes;
  return p;
}

bool DeviceMemory::release_pinned(void* pointer) {
  if (pinned_.erase(static_cast<const char*>(pointer)) == 0) return false;
  std::free(pointer);
  return true;
}

bool DeviceMemory::is_pinned(const void* address) const {
  const char* a = static_cast<const char*>(address);
  auto it = pinned_.upper_bound(a);
  if (it == pinned_.begin()) return false;
  --it;
  return a < it->first + it->second;
}

DeviceMemory& device_memory() {
  static auto* memory = new DeviceMemory;  // outlives every static that frees device memory
  return *memory;
}

}  // namespace hardy::emulation
