#include "engine/run/temporary.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace hardy::run {
namespace {

// Names that a handler can read: fixed places, each free, being written, or there.
enum : int { kFree, kTaken, kThere };
constexpr std::size_t kSlots = 256, kLongest = 4096;
struct Slot {
  std::atomic<int> state{kFree};
  std::array<char, kLongest> path;
};
std::array<Slot, kSlots> slots;

// Removes a file, or a folder with what is in it, by system calls alone: a handler may not allocate.
void remove_all(int folder, const char* name, int depth) {
  if (::unlinkat(folder, name, 0) == 0 || (errno != EISDIR && errno != EPERM) || depth > 8) return;
  const int inside = ::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (inside < 0) return;
  alignas(struct dirent64) std::array<char, 2048> entries;
  for (long n; (n = ::syscall(SYS_getdents64, inside, entries.data(), entries.size())) > 0;)
    for (long at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const struct dirent64*>(entries.data() + at);
      if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
        remove_all(inside, entry->d_name, depth + 1);
      at += entry->d_reclen;
    }
  ::close(inside);
  ::unlinkat(folder, name, AT_REMOVEDIR);
}

}  // namespace

Temporary::Temporary(const std::string& path) {
  if (path.size() >= kLongest) return;
  for (std::size_t i = 0; i < kSlots; ++i) {
    int free = kFree;
    if (!slots[i].state.compare_exchange_strong(free, kTaken)) continue;
    std::memcpy(slots[i].path.data(), path.c_str(), path.size() + 1);
    slots[i].state.store(kThere, std::memory_order_release);
    slot_ = static_cast<int>(i);
    return;
  }
}

Temporary::~Temporary() {
  if (slot_ >= 0) slots[static_cast<std::size_t>(slot_)].state.store(kFree, std::memory_order_release);
}

void remove_half_written() noexcept {
  for (const Slot& slot : slots)
    if (slot.state.load(std::memory_order_acquire) == kThere) remove_all(AT_FDCWD, slot.path.data(), 0);
}

}  // namespace hardy::run
