// The kernels that play a launch's episodes: many replicas in a block, or one.
#pragma once

#include "algorithms/adversarial/formulas.h"
#include "engine/device/device.h"

namespace hardy::cuda {

// Replicas of a block, and threads of each.
struct RegretCut {
  int neighbours = 1, team = 1;
};

void play_beside(device::Stream& stream, const algorithms::DeviceRegret& g, const RegretCut& cut);
void play_alone(device::Stream& stream, const algorithms::DeviceRegret& g, const RegretCut& cut);

// Threads that a block may have where it has all of a multiprocessor, by the registers that a thread needs.
inline constexpr int kWidestBeside = 384;
constexpr int widest_alone(int width) { return width <= 16 ? 384 : 256; }

}  // namespace hardy::cuda
