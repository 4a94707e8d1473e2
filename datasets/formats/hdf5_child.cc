#include "datasets/formats/hdf5_child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <new>
#include <vector>

#include "datasets/formats/hdf5_handle.h"
#include "datasets/formats/hdf5_walk.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr unsigned kPatience = 600;  // seconds, whoever uses the processor meanwhile

void limit(int resource, rlim_t value) {
  const rlimit r{value, value};
  setrlimit(static_cast<decltype(RLIMIT_CPU)>(resource), &r);
}

// What this process has in data segments and private memory already (the sanitizers have a lot).
std::uint64_t data_bytes() {
  std::uint64_t size = 0, resident = 0, shared = 0, text = 0, library = 0, data = 0;
  std::ifstream("/proc/self/statm") >> size >> resident >> shared >> text >> library >> data;
  return data * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double processor_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Allows `seconds` of processor time from here on, and ten minutes.
void allow(double seconds) {
  rlimit r{};
  getrlimit(RLIMIT_CPU, &r);
  const auto until = static_cast<rlim_t>(std::ceil(processor_seconds() + seconds));
  r.rlim_cur = std::min(until, r.rlim_max);
  setrlimit(RLIMIT_CPU, &r);
  ::alarm(kPatience);
}

// One piece of what is found: its length, and CBOR.
void send(const json& found, int to) {
  std::vector<std::uint8_t> bytes(8);
  json::to_cbor(found, bytes);
  const std::uint64_t length = bytes.size() - 8;
  std::memcpy(bytes.data(), &length, 8);
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = ::write(to, bytes.data() + sent, bytes.size() - sent);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) ::_exit(3);
    sent += static_cast<std::size_t>(n);
  }
}

// Nothing stays open but the standard descriptors and `needed`: what the parent holds by a lock (a run's) is
// not held by the child when the parent has died.
void close_all_but(int needed) {
  const unsigned first = STDERR_FILENO + 1, kept = static_cast<unsigned>(needed);
  if (kept > first) ::close_range(first, kept - 1, 0);
  ::close_range(std::max(first, kept + 1), ~0U, 0);
}

// The child's whole life.
[[noreturn]] void walk_and_send(const std::string& path, std::uint64_t file_bytes,
                                const Hdf5Patience& patience, pid_t parent, int to) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(3);
  ::alarm(kPatience);  // before anything can wait
  close_all_but(to);
  for (const int s : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM, SIGXCPU}) std::signal(s, SIG_DFL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_DATA, data_bytes() + 2 * file_bytes + 256 * kMiB);
  if (const int quiet = ::open("/dev/null", O_WRONLY); quiet >= 0) ::dup2(quiet, STDERR_FILENO);
  const double most = patience.seconds + static_cast<double>(file_bytes) / 1e5;
  std::uint64_t names = 0;
  try {
    allow(patience.seconds_for_a_name);
    walk_hdf5(path, [&](const json& found) {
      send(found, to);
      if (++names % 64 != 0) return;
      if (const double used = processor_seconds(); used > most)
        throw Error("takes too long to look through: " + std::to_string(names) + " names in " +
                        std::to_string(static_cast<int>(used)) + " s",
                    path, "write it anew with fewer, longer arrays");
      allow(patience.seconds_for_a_name);
    });
    send({{"end", true}}, to);
  } catch (const std::bad_alloc&) {
    ::_exit(4);
  } catch (...) {
    ::_exit(3);
  }
  ::_exit(0);  // no destructors, no exit handlers: they are the parent's
}

// All that comes, `most` bytes or little more.
std::vector<std::uint8_t> receive(int from, std::uint64_t most) {
  std::vector<std::uint8_t> all;
  std::array<std::uint8_t, 65536> piece;
  for (;;) {
    const ssize_t n = ::read(from, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || all.size() > most) return all;
    all.insert(all.end(), piece.begin(), piece.begin() + n);
  }
}

// Hands over the pieces that were sent, one after the other; how many.
template <class See>
std::uint64_t for_sent(const std::vector<std::uint8_t>& all, See&& see) {
  std::uint64_t pieces = 0, length = 0;
  for (std::size_t at = 0; at + 8 <= all.size(); at += length, ++pieces) {
    std::memcpy(&length, all.data() + at, 8);
    at += 8;
    if (length > all.size() - at) break;
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
    see(json::from_cbor(begin, begin + static_cast<std::ptrdiff_t>(length)));
  }
  return pieces;
}

// Why the child did not come to an end.
Error failure(int status, std::uint64_t names, const std::string& path) {
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (signal == SIGXCPU || signal == SIGALRM)
    return Error("takes too long to look through: HDF5's library found nothing new after " +
                     std::to_string(names) + " names",
                 path, "is the machine or the disk very slow? Otherwise the file is damaged");
  if (signal == SIGKILL)
    return Error::failed_run("could not be looked through: the process that did so was killed", path,
                             "is there enough memory, or a limit on processor time?");
  rlimit most{};
  if (getrlimit(RLIMIT_AS, &most) == 0 && most.rlim_cur != RLIM_INFINITY && WIFEXITED(status))
    return Error::failed_run("could not be looked through: this process may have " +
                                 std::to_string(most.rlim_cur / kMiB) + " MiB of memory",
                             path, "give it more (ulimit -v)");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
    return Error("needs too much memory to look through (" + std::to_string(names) + " names were found)",
                 path, "it is damaged, or has very large texts");
  return Error("is damaged: HDF5's own library fails on it", path, "download or copy it again");
}

}  // namespace

void walk_hdf5_in_child(const std::string& path, std::uint64_t file_bytes, const Hdf5Patience& patience,
                        const std::function<void(const json&)>& see) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw Error::failed_run(std::string("no pipe (") + std::strerror(errno) + ")", path);
  pid_t child = -1;
  {
    const auto held = hold_hdf5();
    require_hdf5_memory(path);
    const pid_t parent = ::getpid();
    child = ::fork();
    if (child == 0) walk_and_send(path, file_bytes, patience, parent, ends[1]);
  }
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    throw Error::failed_run(std::string("no process to look into it (") + std::strerror(errno) + ")", path);
  }
  const std::vector<std::uint8_t> found = receive(ends[0], 16 * file_bytes + 64 * kMiB);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return static_cast<void>(for_sent(found, see));
  throw failure(status, for_sent(found, [](const json&) {}), path);
}

}  // namespace hardy::datasets
