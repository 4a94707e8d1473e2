// Runs of regret learners: how their replicas are cut into blocks and threads.
#include <algorithm>

#include "cuda/adversarial/kernels.h"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

using algorithms::DeviceRegret;
using algorithms::DeviceTables;

constexpr int kBlocksTogether = 3;            // on a multiprocessor
constexpr int kWarp = 32, kLeastAlone = 128;  // threads of a block that plays one replica of many

std::int64_t attribute(cudaDeviceAttr which) {
  int device = 0, value = 0;
  check(cudaGetDevice(&device), "asking for the device");
  check(cudaDeviceGetAttribute(&value, which, device), "asking what a block may have");
  return value;
}

void room(device::Stream& stream, std::int64_t& bytes) {
  as_cuda(stream).handle();  // its device is the thread's from here on
  bytes = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
}

// As many replicas side by side, up to a warp's, as leave room for three blocks on a multiprocessor and keep
// all of those busy; threads as registers allow for the blocks that find room.
RegretCut beside(const DeviceRegret& g, std::int64_t share, std::int64_t room) {
  const std::int64_t bytes = DeviceTables(g).numbers * 8;
  RegretCut cut;
  while (cut.neighbours < kWarp && 2 * cut.neighbours <= share &&
         2 * cut.neighbours * bytes <= room / kBlocksTogether)
    cut.neighbours *= 2;
  const std::int64_t blocks = std::clamp<std::int64_t>(room / (cut.neighbours * bytes), 1, kBlocksTogether);
  const int threads = static_cast<int>(kWidestBeside / blocks);
  const int wanted = g.threads > 0
                         ? g.threads
                         : std::min(threads, std::max(kWarp, g.pairs() * cut.neighbours)) / cut.neighbours;
  cut.team = std::clamp(wanted, 1, std::min(kWidestBeside / cut.neighbours, g.H * g.pairs()));
  return cut;
}

// As many threads as there are pairs, or as leave registers for all blocks that find room on a
// multiprocessor: while one waits for a sum in its order, another goes on.
RegretCut alone(const DeviceRegret& g, std::int64_t share, std::int64_t room) {
  const int widest = widest_alone(algorithms::device_width(g.d));
  const std::int64_t together = std::min<std::int64_t>(kBlocksTogether, widest / kLeastAlone);
  const std::int64_t blocks = std::clamp<std::int64_t>(room / algorithms::device_shared_bytes(g), 1,
                                                       std::clamp<std::int64_t>(share, 1, together));
  const int threads = static_cast<int>(widest / blocks) / kWarp * kWarp;
  const int wanted = g.threads > 0 ? g.threads : std::min(threads, (g.pairs() + kWarp - 1) / kWarp * kWarp);
  return {1, std::clamp(wanted, 1, std::min(widest, g.H * g.pairs()))};
}

void play_regret(device::Stream& stream, const DeviceRegret& g) {
  std::int64_t most = 0;
  room(stream, most);
  const std::int64_t share = g.replicas / attribute(cudaDevAttrMultiProcessorCount);
  if (algorithms::plays_beside(g))
    play_beside(stream, g, beside(g, share, most));
  else
    play_alone(stream, g, alone(g, share, most));
}

const device::RegisterLaunch play_launch(kBackend, algorithms::kPlayRegret, play_regret),
    room_launch(kBackend, algorithms::kRegretRoom, room);

}  // namespace
}  // namespace hardy::cuda
