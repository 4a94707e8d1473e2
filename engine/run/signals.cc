#include "engine/run/signals.h"

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

std::atomic<int> asked{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch nothing else");

void note(int number) { asked.store(number, std::memory_order_relaxed); }

// Names that a handler can read: fixed places, each free, being written, or there.
enum : int { kFree, kTaken, kThere };
constexpr std::size_t kSlots = 256, kLongest = 4096;
struct Slot {
  std::atomic<int> state{kFree};
  std::array<char, kLongest> path;
};
std::array<Slot, kSlots> slots;
std::atomic<pid_t> owner{0};

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

void leave(int number) {
  if (::getpid() != owner.load(std::memory_order_relaxed)) {  // a child that this process forked
    std::signal(number, SIG_DFL);
    ::raise(number);
    return;
  }
  for (const Slot& slot : slots)
    if (slot.state.load(std::memory_order_acquire) == kThere) remove_all(AT_FDCWD, slot.path.data(), 0);
  constexpr char kInt[] = "hardy: stopped by SIGINT; nothing half written is left\n",
                 kTerm[] = "hardy: stopped by SIGTERM; nothing half written is left\n";
  const bool interrupt = number == SIGINT;
  if (::write(STDERR_FILENO, interrupt ? kInt : kTerm, (interrupt ? sizeof kInt : sizeof kTerm) - 1) < 0)
    ::_exit(kStoppedBySignal);
  ::_exit(kStoppedBySignal);
}

void take(int number, void (*handler)(int), struct sigaction* before) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  action.sa_flags = SA_RESTART;  // reads and writes under way go on
  sigaction(number, &action, before);
}

}  // namespace

void leave_on_signals() {
  owner = ::getpid();
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction before = {};
    sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) take(number, leave, nullptr);  // nohup's and a shell's wish stands
  }
}

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

StopSignals::StopSignals() {
  asked = 0;
  take(SIGINT, note, &before_int_);
  take(SIGTERM, note, &before_term_);
}

StopSignals::~StopSignals() {
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
}

int StopSignals::signal_number() { return asked.load(std::memory_order_relaxed); }

}  // namespace hardy::run
