// Small instances: replicas side by side in a block, a few threads each.
#include "cuda/adversarial/episodes.cuh"

namespace hardy::cuda {
namespace {

// The threads of a warp are `neighbours` replicas': they read the same numbers of the instance, and
// neighbouring ones of their own.
template <int Width>
__global__ void __launch_bounds__(kWidestBeside, 1)
    beside_kernel(const DeviceRegret g, const DeviceTables tables, int neighbours, int team) {
  HARDY_DYNAMIC_SHARED(double, memory);
  const int lane = static_cast<int>(threadIdx.x) % neighbours,
            rank = static_cast<int>(threadIdx.x) / neighbours;
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * neighbours + lane;
  const bool keep = index < g.replicas;
  play_episodes<Width, false>(g, tables, {rank, team}, {memory + lane, neighbours}, nullptr,
                              keep ? index : g.replicas - 1, keep);
}

template <int Width>
void play(device::Stream& stream, const DeviceRegret& g, const RegretCut& cut) {
  launch_episodes(stream, beside_kernel<Width>, (g.replicas + cut.neighbours - 1) / cut.neighbours,
                  cut.neighbours * cut.team, DeviceTables(g).numbers * 8 * cut.neighbours, g, cut);
}

}  // namespace

void play_beside(device::Stream& stream, const DeviceRegret& g, const RegretCut& cut) {
  static_assert(algorithms::kMostBesideFeatures == 8);
  if (g.d == 2) return play<2>(stream, g, cut);
  if (g.d == 3) return play<3>(stream, g, cut);
  play<8>(stream, g, cut);
}

}  // namespace hardy::cuda
