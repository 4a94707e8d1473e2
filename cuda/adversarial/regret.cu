// Runs of regret learners: a launch goes through many episodes of all replicas, no word to the host between.
#include <algorithm>

#include "cuda/adversarial/replica.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

// Of a multiprocessor, and of a block where it has all of it: what 168 registers a thread leave room for.
constexpr int kWidestBlock = 384;
constexpr int kBlocksTogether = 3;  // of 128 threads then

// A block holds `neighbours` replicas side by side, so that the threads of a warp are those replicas' and
// read the same numbers of the instance, and neighbouring ones of their own.
template <int D>
__global__ void __launch_bounds__(kWidestBlock, 1)
    regret_kernel(const DeviceRegret g, const DeviceTables tables, int neighbours, int team) {
  HARDY_DYNAMIC_SHARED(double, memory);
  const int lane = static_cast<int>(threadIdx.x) % neighbours,
            rank = static_cast<int>(threadIdx.x) / neighbours;
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * neighbours + lane;
  const bool keep = index < g.replicas;
  Replica<D> replica(g, tables, {rank, team}, {memory + lane, neighbours}, keep ? index : g.replicas - 1);
  replica.begin();
  for (int i = 0; i < g.before.count; ++i) replica.step(g.before.step[i], 0, nullptr, false);
  const std::int64_t size = static_cast<std::int64_t>(g.H) * (g.linear ? g.d : g.S * g.A);
  int point = g.point;
  for (std::int64_t k = g.first; k < g.last; ++k) {
    const std::int64_t i = k - g.first;
    const double* const losses = g.losses + (g.row ? g.row[i] : i) * size;
    for (int step = 0; step < g.episode.count; ++step) replica.step(g.episode.step[step], k, losses, keep);
    replica.add_expected_loss(losses);
    if (point < g.points && k + 1 == g.at[point]) {
      if (keep && rank == 0) g.curve[point * g.replicas + index] = replica.loss;
      ++point;
    }
  }
  replica.end(keep);
}

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

// Replicas of a block, and threads of each.
struct Cut {
  int neighbours = 1, team = 1;
};
// As many replicas side by side, up to a warp's, as leave room for three blocks on a multiprocessor and keep
// all of those busy; threads as registers allow for the blocks that find room.
Cut cut_of(const DeviceRegret& g, std::int64_t bytes, std::int64_t room) {
  const std::int64_t share = g.replicas / attribute(cudaDevAttrMultiProcessorCount);
  Cut cut;
  while (cut.neighbours < 32 && 2 * cut.neighbours <= share &&
         2 * cut.neighbours * bytes <= room / kBlocksTogether)
    cut.neighbours *= 2;
  const std::int64_t blocks = std::clamp<std::int64_t>(room / (cut.neighbours * bytes), 1, kBlocksTogether);
  const int threads = static_cast<int>(kWidestBlock / blocks), pairs = g.H * g.pairs();
  const int wanted = g.threads > 0
                         ? g.threads
                         : std::min(threads, std::max(32, g.pairs() * cut.neighbours)) / cut.neighbours;
  cut.team = std::clamp(wanted, 1, std::min(kWidestBlock / cut.neighbours, pairs));
  return cut;
}

template <int D>
void play(device::Stream& stream, const DeviceRegret& g, const Cut& cut) {
  const DeviceTables tables(g);
  const auto bytes = static_cast<std::size_t>(tables.numbers) * 8 * static_cast<std::size_t>(cut.neighbours);
  const CudaStream& s = as_cuda(stream);
  const cudaStream_t handle = s.handle();
  check(cudaFuncSetAttribute(regret_kernel<D>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(bytes)),
        "giving a replica its tables");
  // All of a multiprocessor's, so that as many blocks find room as cut_of() counts with.
  check(cudaFuncSetAttribute(regret_kernel<D>, cudaFuncAttributePreferredSharedMemoryCarveout, 100),
        "giving a replica its tables");
  const auto blocks = static_cast<unsigned>((g.replicas + cut.neighbours - 1) / cut.neighbours);
  s.launched(launch(regret_kernel<D>, blocks, static_cast<unsigned>(cut.neighbours * cut.team), bytes, handle,
                    g, tables, cut.neighbours, cut.team),
             "regret/play");
}

void play_regret(device::Stream& stream, const DeviceRegret& g) {
  std::int64_t most = 0;
  room(stream, most);
  const Cut cut = cut_of(g, DeviceTables(g).numbers * std::int64_t{8}, most);
  switch (g.d) {
    case 2:
      return play<2>(stream, g, cut);
    case 3:
      return play<3>(stream, g, cut);
    default:
      return play<0>(stream, g, cut);
  }
}

const device::RegisterLaunch play_launch(kBackend, algorithms::kPlayRegret, play_regret),
    room_launch(kBackend, algorithms::kRegretRoom, room);

}  // namespace
}  // namespace hardy::cuda
