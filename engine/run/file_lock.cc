#include "engine/run/file_lock.h"

#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace hardy::run {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "an unknown host";
  return name.data();
}

// The file names a process of this machine, and there is none of that number.
bool holder_is_dead(int fd) {
  std::array<char, 300> text{};
  if (::pread(fd, text.data(), text.size() - 1, 0) <= 0) return false;
  char* rest = nullptr;
  const long pid = std::strtol(text.data(), &rest, 10);
  const std::string where(rest);
  return pid > 0 && (where.empty() || where == " on " + host_name() + "\n") &&
         ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
}

}  // namespace

std::string this_process() { return std::to_string(::getpid()) + " on " + host_name(); }

FileLock lock_file(int fd) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::seconds(2);
  for (;;) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return FileLock::kTaken;
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return FileLock::kNone;
    if (!holder_is_dead(fd) || Clock::now() > until) return FileLock::kHeld;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace hardy::run
