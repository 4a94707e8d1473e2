// Ranks over MPI: libhardy_mpi.so, the only part of Hardy that is linked with it.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <thread>

#include "engine/base/error.h"
#include "engine/comm/mpi/library.h"

namespace hardy::comm {
namespace {

using Clock = std::chrono::steady_clock;

void require(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error::failed_run(std::string("failed: ") + std::string(text, static_cast<std::size_t>(length)),
                          call);
}

class Mpi final : public Ranks {
 public:
  Mpi() {
    int provided = 0;
    // The calling thread alone talks; the team's threads compute.
    require(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm here;
    require(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &here),
            "MPI_Comm_split_type");
    MPI_Comm_size(here, &neighbours_);
    MPI_Comm_free(&here);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  double seconds_waited() const override { return waited_; }
  int neighbours() const override { return neighbours_; }

  // In pieces that MPI's counts can say.
  void gather(std::span<std::byte> all) override {
    const std::size_t each = all.size() / static_cast<std::size_t>(size_);
    if (each <= kMost) {
      wait("MPI_Iallgather", [&](MPI_Request* r) {
        return MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), static_cast<int>(each),
                              MPI_BYTE, MPI_COMM_WORLD, r);
      });
      return;
    }
    for (int from = 0; from < size_; ++from)
      send(all.subspan(static_cast<std::size_t>(from) * each, each), from);
  }
  void broadcast(std::span<std::byte> bytes) override { send(bytes, 0); }
  void barrier() override {
    wait("MPI_Ibarrier", [](MPI_Request* r) { return MPI_Ibarrier(MPI_COMM_WORLD, r); });
  }
  void finish() override {
    if (finished_) return;
    finished_ = true;
    require(MPI_Finalize(), "MPI_Finalize");
  }

 private:
  static constexpr std::size_t kMost = std::size_t{1} << 30;

  void send(std::span<std::byte> bytes, int from) {
    for (std::size_t at = 0; at < bytes.size(); at += kMost) {
      const std::size_t n = std::min(kMost, bytes.size() - at);
      wait("MPI_Ibcast", [&](MPI_Request* r) {
        return MPI_Ibcast(bytes.data() + at, static_cast<int>(n), MPI_BYTE, from, MPI_COMM_WORLD, r);
      });
    }
  }

  // MPI's own wait takes a whole core for as long as it lasts, and the first rank may be a minute behind
  // while it evaluates or writes a checkpoint: after a short while this one looks only now and then.
  template <class Begin>
  void wait(const char* call, Begin begin) {
    const Clock::time_point began = Clock::now();
    MPI_Request request;
    require(begin(&request), call);
    for (int done = 0;;) {
      require(MPI_Test(&request, &done, MPI_STATUS_IGNORE), call);
      if (done) break;
      const auto since = Clock::now() - began;
      if (since < std::chrono::milliseconds(2))
        std::this_thread::yield();
      else
        std::this_thread::sleep_for(std::min<Clock::duration>(since / 16, std::chrono::milliseconds(1)));
    }
    waited_ += std::chrono::duration<double>(Clock::now() - began).count();
  }

  int rank_ = 0, size_ = 1, neighbours_ = 1;
  double waited_ = 0;
  bool finished_ = false;
};

}  // namespace
}  // namespace hardy::comm

extern "C" {

hardy::comm::Ranks* hardy_mpi_join() {
  static hardy::comm::Mpi ranks;
  return &ranks;
}

// "Open MPI v4.1.4, package: ..." of the library that is there, which may be another than it was built with.
const char* hardy_mpi_version() {
  static const std::string text = [] {
    char all[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    MPI_Get_library_version(all, &length);
    std::string version(all, static_cast<std::size_t>(length));
    version = version.substr(0, version.find_first_of(",\n"));
    const std::size_t v = version.find(" v");
    return v == std::string::npos ? version : version.replace(v, 2, " ");
  }();
  return text.c_str();
}
}
