// An exchange over NCCL: one process, one host thread, a communicator a device. Their calls stand in one NCCL
// group, without which each would wait for the others that the same thread has yet to make.
#include <nccl.h>

#include <string>
#include <vector>

#include "cuda/nccl/exchange.h"
#include "engine/base/error.h"

namespace hardy::cuda {
namespace {

void require(ncclResult_t result, const char* call) {
  if (result != ncclSuccess)
    throw Error::failed_run(std::string("NCCL: ") + ncclGetErrorString(result), call);
}

class Nccl final : public Exchange {
 public:
  Nccl(int count, const int* devices) : members_(static_cast<std::size_t>(count)) {
    require(ncclCommInitAll(members_.data(), count, devices), "ncclCommInitAll");
  }
  ~Nccl() override {
    for (ncclComm_t member : members_) ncclCommDestroy(member);
  }
  Nccl(const Nccl&) = delete;
  Nccl& operator=(const Nccl&) = delete;

  // In place: a member sends the piece that lies where its own belongs.
  void gather(const cudaStream_t* streams, void* const* all, std::size_t bytes) override {
    if (members_.empty()) throw Error::failed_run("the devices have parted", "ncclAllGather");
    require(ncclGroupStart(), "ncclGroupStart");
    ncclResult_t first = ncclSuccess;
    for (std::size_t d = 0; d < members_.size() && first == ncclSuccess; ++d)
      first = ncclAllGather(static_cast<const char*>(all[d]) + d * bytes, all[d], bytes, ncclInt8,
                            members_[d], streams[d]);
    const ncclResult_t end = ncclGroupEnd();  // whatever came of them: the thread must leave the group
    require(first, "ncclAllGather");
    require(end, "ncclGroupEnd");
  }

  void abandon() noexcept override {
    for (ncclComm_t member : members_) ncclCommAbort(member);
    members_.clear();
  }

 private:
  std::vector<ncclComm_t> members_;
};

}  // namespace
}  // namespace hardy::cuda

extern "C" {

hardy::cuda::Exchange* hardy_nccl_exchange(int count, const int* devices) {
  return new hardy::cuda::Nccl(count, devices);
}

const char* hardy_nccl_version() {
  static const std::string text = [] {
    int v = 0;  // 22809
    hardy::cuda::require(ncclGetVersion(&v), "ncclGetVersion");
    return "NCCL " + std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." +
           std::to_string(v % 100);
  }();
  return text.c_str();
}
}
