// What a block does: its replica's episodes, or its replicas', with no word to the host between.
#pragma once

#include <algorithm>

#include "cuda/adversarial/kernels.h"
#include "cuda/adversarial/replica.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {

// index: the replica. keep: whether its results are wanted.
template <int Width, bool kAlone>
__device__ __forceinline__ void play_episodes(const DeviceRegret& g, const DeviceTables& tables, Team team,
                                              Table<kAlone> numbers, double* work, std::int64_t index,
                                              bool keep) {
  RunningNumbers own{g.eta[index]};
  // It stands as long as a step takes.
  const auto replica = [&] {
    return Replica<Width, kAlone>({g, tables, team, Width <= 3 ? numbers : forgotten(numbers), work, index},
                                  own);
  };
  replica().begin();
  const std::int64_t size = static_cast<std::int64_t>(g.H) * (g.linear ? g.d : g.S * g.A);
  int point = g.point;
  for (std::int64_t k = g.first - 1; k < g.last; ++k) {
    const bool before = k < g.first;  // what comes before the episodes
    const algorithms::BoxSteps& steps = before ? g.before : g.episode;
    const std::int64_t i = before ? 0 : k - g.first;
    const double* const losses = g.losses + (g.row ? g.row[i] : i) * size;
    for (int step = 0; step < steps.count; ++step) replica().step(steps.step[step], k, losses, keep);
    if (before) continue;
    replica().add_expected_loss(losses);
    if (point < g.points && k + 1 == g.at[point]) {
      if (keep && team.rank == 0) g.curve[point * g.replicas + index] = own.loss;
      ++point;
    }
  }
  replica().end(keep);
}

template <class Kernel>
void launch_episodes(device::Stream& stream, Kernel* kernel, std::int64_t blocks, int threads,
                     std::int64_t bytes, const DeviceRegret& g, const RegretCut& cut) {
  const CudaStream& s = as_cuda(stream);
  const cudaStream_t handle = s.handle();
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
        "giving a replica its tables");
  // All of a multiprocessor's, so that as many blocks find room as were counted with.
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, 100),
        "giving a replica its tables");
  s.launched(launch(kernel, static_cast<unsigned>(blocks), static_cast<unsigned>(threads),
                    static_cast<std::size_t>(bytes), handle, g, DeviceTables(g), cut.neighbours, cut.team),
             "regret/play");
}

}  // namespace hardy::cuda
