// Larger instances: a block plays one replica, whose tables lie in its shared memory or, where that does not
// hold them, in the device's.
#include "cuda/adversarial/episodes.cuh"

namespace hardy::cuda {
namespace {

template <int Width>
__global__ void __launch_bounds__(widest_alone(Width), 1)
    alone_kernel(const DeviceRegret g, const DeviceTables tables, int, int team) {
  HARDY_DYNAMIC_SHARED(double, memory);
  const std::int64_t index = blockIdx.x;
  double* const numbers =
      g.memory != nullptr ? g.memory + index * tables.numbers : memory + algorithms::device_work(Width);
  play_episodes<Width, true>(g, tables, {static_cast<int>(threadIdx.x), team}, {numbers, 1}, memory, index,
                             true);
}

template <int Width>
void play(device::Stream& stream, const DeviceRegret& g, const RegretCut& cut) {
  launch_episodes(stream, alone_kernel<Width>, g.replicas, cut.team, algorithms::device_shared_bytes(g), g,
                  cut);
}

}  // namespace

void play_alone(device::Stream& stream, const DeviceRegret& g, const RegretCut& cut) {
  static_assert(algorithms::kMostDeviceFeatures == 64);
  switch (algorithms::device_width(g.d)) {
    case 16:
      return play<16>(stream, g, cut);
    case 32:
      return play<32>(stream, g, cut);
    default:
      return play<64>(stream, g, cut);
  }
}

}  // namespace hardy::cuda
