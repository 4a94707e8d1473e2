// NCCL on the host. An exchange is work in each member's stream: whoever comes to it first has the others'
// streams run until they have come as well, and the last one moves the bytes. A member whose peers never come
// (their device has failed, or nothing was put into their streams) is stuck there, as on a GPU, until it is
// aborted.
#include <nccl.h>

#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "cuda/emulation/control.h"
#include "cuda/emulation/device/launch.h"
#include "cuda/emulation/run/memory.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/statistics.h"
#include "cuda/emulation/run/streams.h"

namespace hardy::emulation {
namespace {

// The communicators that were made together.
struct Clique {
  struct Exchange {
    std::size_t there = 0, bytes = 0;
    std::vector<const char*> from;
    std::vector<char*> to;
  };
  std::vector<int> devices;                // by rank
  std::vector<std::uint64_t> came;         // by rank: to so many exchanges
  std::map<std::uint64_t, Exchange> open;  // by number
  bool aborted = false;
};

struct Call {
  const char* from;
  char* to;
  std::size_t bytes;
  ncclComm_t comm;
  cudaStream_t stream;
};
thread_local int group_depth = 0;
thread_local std::vector<Call> group_calls;

void move(const Clique& clique, const Clique::Exchange& e) {
  ++counters().library_calls;
  for (const char* from : e.from) library_reads(from, e.bytes, "ncclAllGather");
  for (std::size_t r = 0; r < e.to.size(); ++r) {
    if (device_memory().device_of(e.to[r]) != clique.devices[r])
      fail("ncclAllGather: rank %zu receives in memory of device %d, its own is %d", r,
           device_memory().device_of(e.to[r]), clique.devices[r]);
    for (std::size_t s = 0; s < e.from.size(); ++s) std::memmove(e.to[r] + s * e.bytes, e.from[s], e.bytes);
    library_writes(e.to[r], e.from.size() * e.bytes);
  }
}

void meet(Clique& clique, std::size_t rank, const Call& call) {
  if (clique.aborted) return;
  const std::size_t size = clique.devices.size();
  const std::uint64_t number = ++clique.came[rank];
  Clique::Exchange& e = clique.open[number];
  e.from.resize(size);
  e.to.resize(size);
  if (e.there > 0 && e.bytes != call.bytes)
    fail("ncclAllGather: rank %zu sends %zu bytes, another %zu", rank, call.bytes, e.bytes);
  e.bytes = call.bytes;
  e.from[rank] = call.from;
  e.to[rank] = call.to;
  if (++e.there == size) {
    move(clique, e);
    clique.open.erase(number);
    return;
  }
  for (std::size_t peer = 0; peer < size; ++peer)
    run_device_until(clique.devices[peer], [&] { return clique.came[peer] >= number; });
  if (clique.open.contains(number)) stick();
}

ncclResult_t put_in(const Call& call);

}  // namespace
}  // namespace hardy::emulation

struct ncclComm {
  std::shared_ptr<hardy::emulation::Clique> clique;
  std::size_t rank;
  std::shared_ptr<int> held = std::make_shared<int>(0);  // by exchanges in streams and in graphs

  int device() const { return clique->devices[rank]; }
};

namespace hardy::emulation {
namespace {

ncclResult_t put_in(const Call& call) {
  if (resolve(call.stream)->device != call.comm->device()) return ncclInvalidArgument;
  const auto work = [clique = call.comm->clique, rank = call.comm->rank, call, held = call.comm->held] {
    meet(*clique, rank, call);
  };
  return enqueue(call.stream, {WorkKind::kKernel, work, true}) == cudaSuccess ? ncclSuccess
                                                                              : ncclUnhandledCudaError;
}

// What waits in the device's streams has run, or never will.
void part(ncclComm_t comm, const char* call) {
  if (comm->held.use_count() > 1 || has_stuck_work(comm->device()))
    fail("%s waits for ever: a captured graph, or work that is stuck, still holds an exchange of rank %zu",
         call, comm->rank);
  delete comm;
}

}  // namespace
}  // namespace hardy::emulation

using namespace hardy::emulation;  // NOLINT(google-build-using-namespace): the API is C's

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  *version = 22809;
  return ncclSuccess;
}
const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error";
    case ncclInvalidArgument:
      return "invalid argument";
    case ncclInvalidUsage:
      return "invalid usage";
    default:
      return "internal error";
  }
}

ncclResult_t ncclCommInitAll(ncclComm_t* comms, int devices, const int* list) {
  const ApiCall api;
  if (refuse_while_capturing() != cudaSuccess) return ncclUnhandledCudaError;
  const auto clique = std::make_shared<Clique>();
  for (int r = 0; r < devices; ++r) clique->devices.push_back(list == nullptr ? r : list[r]);
  const std::set<int> distinct(clique->devices.begin(), clique->devices.end());
  if (devices < 1 || *distinct.begin() < 0 || *distinct.rbegin() >= options().devices)
    return ncclInvalidArgument;
  if (distinct.size() != clique->devices.size()) return ncclInvalidUsage;
  clique->came.resize(clique->devices.size());
  for (std::size_t r = 0; r < clique->devices.size(); ++r) comms[r] = new ncclComm{clique, r};
  return ncclSuccess;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  const ApiCall api;
  run_device(comm->device());
  part(comm, "ncclCommDestroy");
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  const ApiCall api;
  comm->clique->aborted = true;
  drop_stuck_work(comm->device());
  run_device(comm->device());
  part(comm, "ncclCommAbort");
  return ncclSuccess;
}

ncclResult_t ncclGroupStart() {
  ++group_depth;
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
  const ApiCall api;
  if (group_depth == 0) return ncclInvalidUsage;
  if (--group_depth > 0) return ncclSuccess;
  ncclResult_t result = ncclSuccess;
  for (const Call& call : std::exchange(group_calls, {}))
    if (result == ncclSuccess) result = put_in(call);
  return result;
}
ncclResult_t ncclAllGather(const void* send, void* receive, std::size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  const ApiCall api;
  if (comm == nullptr || send == nullptr || receive == nullptr) return ncclInvalidArgument;
  const std::size_t size = type == ncclFloat64 ? 8 : type == ncclInt32 || type == ncclFloat32 ? 4 : 1;
  const Call call{static_cast<const char*>(send), static_cast<char*>(receive), count * size, comm, stream};
  if (group_depth == 0) return put_in(call);
  group_calls.push_back(call);
  return ncclSuccess;
}
}
