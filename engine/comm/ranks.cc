#include "engine/comm/ranks.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "engine/base/error.h"
#include "engine/comm/agree.h"
#include "engine/comm/mpi/library.h"

namespace hardy::comm {
namespace {

class Alone final : public Ranks {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void gather(std::span<std::byte>) override {}
  void broadcast(std::span<std::byte>) override {}
  void barrier() override {}
  double seconds_waited() const override { return 0; }
  int neighbours() const override { return 1; }
  void finish() override {}
};

int number_in(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  int number = otherwise;
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, number);
  return error == std::errc() && at == end ? number : otherwise;
}

// Null where the library is not there.
void* loaded() {
  static void* const library = []() -> void* {
    Dl_info here{};
    if (dladdr(reinterpret_cast<const void*>(&launched), &here) == 0) return nullptr;
    const std::filesystem::path path =
        std::filesystem::absolute(here.dli_fname).parent_path() / "libhardy_mpi.so";
    if (!std::filesystem::exists(path)) return nullptr;
    void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw Error(std::string("cannot be loaded: ") + dlerror(), path.string());
    return handle;
  }();
  return library;
}

template <class F>
F* function(const char* name) {
  void* const library = loaded();
  return library == nullptr ? nullptr : reinterpret_cast<F*>(dlsym(library, name));
}

}  // namespace

Ranks& alone() {
  static Alone one;
  return one;
}

int cores_of(const Ranks& ranks) {
  const int here = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const bool bound = here < static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  return bound ? here : std::max(1, here / ranks.neighbours());
}

bool any(Ranks& ranks, bool mine) {
  if (ranks.size() == 1) return mine;
  std::vector<std::byte> all(static_cast<std::size_t>(ranks.size()));
  all[static_cast<std::size_t>(ranks.rank())] = std::byte{mine};
  ranks.gather(all);
  return std::ranges::any_of(all, [](std::byte b) { return b != std::byte{0}; });
}

std::vector<std::vector<std::byte>> gather_all(Ranks& ranks, std::span<const std::byte> mine) {
  const auto size = static_cast<std::size_t>(ranks.size()), rank = static_cast<std::size_t>(ranks.rank());
  std::vector<std::uint64_t> sizes(size);
  sizes[rank] = mine.size();
  ranks.gather(std::as_writable_bytes(std::span(sizes)));
  const std::size_t widest = static_cast<std::size_t>(*std::ranges::max_element(sizes));
  std::vector<std::byte> all(size * widest);
  std::ranges::copy(mine, all.begin() + static_cast<std::ptrdiff_t>(rank * widest));
  ranks.gather(all);
  std::vector<std::vector<std::byte>> each;
  for (std::size_t r = 0; r < size; ++r) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(r * widest);
    each.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(sizes[r]));
  }
  return each;
}

Share share_of(const Ranks& ranks, std::int64_t n) {
  const std::int64_t size = ranks.size(), rank = ranks.rank();
  return {n * rank / size, n * (rank + 1) / size};
}

std::vector<std::size_t> bounds_of(const Ranks& ranks, std::size_t n) {
  const auto size = static_cast<std::size_t>(ranks.size());
  std::vector<std::size_t> bounds;
  for (std::size_t r = 0; r <= size; ++r) bounds.push_back(n * r / size);
  return bounds;
}

Launch launch() {
  const Launch l{number_in("OMPI_COMM_WORLD_RANK", 0), number_in("OMPI_COMM_WORLD_SIZE", 1)};
  return l.size > 1 && l.rank >= 0 && l.rank < l.size ? l : Launch{};
}

Ranks& launched() {
  const Launch l = launch();
  if (l.size == 1) return alone();
  static Ranks* const joined = [&] {
    auto* const join = function<decltype(hardy_mpi_join)>("hardy_mpi_join");
    if (join == nullptr && l.rank > 0) throw FailedElsewhere();
    if (join == nullptr)
      throw Error("started " + std::to_string(l.size) + " processes, and this build has no MPI", "mpirun",
                  "install libopenmpi-dev (tools/setup --cluster) and build again");
    return join();
  }();
  return *joined;
}

std::string library() {
  auto* const version = function<decltype(hardy_mpi_version)>("hardy_mpi_version");
  return version == nullptr ? "" : version();
}

}  // namespace hardy::comm
