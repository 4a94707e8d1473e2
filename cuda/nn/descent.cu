// The rest of a training step (engine/nn/device_descent.h): the gate, and one pass over memory for Adam,
// AdamW or SGD together with the Polyak averages.
#include <cub/cub.cuh>

#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/nn/device_descent.h"

namespace hardy::cuda {
namespace {

using nn::Accumulate;
using nn::Descend;
using nn::DescentPiece;
using nn::DescentRates;
using nn::Gate;
using Rule = nn::GroupSettings::Rule;

// One block: agents are few beside parameters.
__global__ void __launch_bounds__(256) gate_kernel(Gate g) {
  const std::uint64_t step = static_cast<std::uint32_t>(g.memory.step[0]) |
                             std::uint64_t{static_cast<std::uint32_t>(g.memory.step[1])} << 32;
  const std::uint64_t own = step / g.every;  // the update's steps before this one
  for (int i = threadIdx.x; i < g.rules; i += blockDim.x)
    g.rates[i] = nn::descent_rates(g.settings[i], g.schedule[i].at(static_cast<std::int64_t>(own)),
                                   static_cast<double>(own + 1));
  for (int a = threadIdx.x; a < g.agents; a += blockDim.x) {
    for (int i = 0; i < g.groups; ++i) {
      std::int32_t& broken = g.broken[i * g.agents + a];
      const bool bad_loss = !isfinite(g.loss[i][a]), bad = bad_loss || broken;
      broken = 0;
      if (!bad || !g.memory.active[a]) continue;
      g.memory.active[a] = 0;
      g.memory.stopped[4 * a] = g.update + 1;
      g.memory.stopped[4 * a + 1] = bad_loss ? i : i + nn::kMostGroups;
      g.memory.stopped[4 * a + 2] = g.memory.step[0];
      g.memory.stopped[4 * a + 3] = g.memory.step[1];
    }
    if (g.memory.active[a])
      for (int i = 0; i < g.states; ++i) g.state[i].now[a] = g.state[i].next[a];
  }
  __syncthreads();  // all have read the step
  if (g.last && threadIdx.x == 0) {
    g.memory.step[0] = static_cast<std::int32_t>(static_cast<std::uint32_t>(step + 1));
    g.memory.step[1] = static_cast<std::int32_t>(static_cast<std::uint32_t>((step + 1) >> 32));
  }
}

__global__ void __launch_bounds__(256) squares_kernel(Descend d) {
  using Reduce = cub::BlockReduce<double, 256>;
  __shared__ typename Reduce::TempStorage storage;
  const DescentPiece& p = d.pieces[blockIdx.x];
  if (!d.active[p.agent]) return;
  double mine = 0;
  for (int i = threadIdx.x; p.gradient && i < p.elements; i += 256)
    mine += static_cast<double>(p.gradient[i]) * p.gradient[i];
  const double all = Reduce(storage).Sum(mine);
  if (threadIdx.x != 0) return;
  d.squares[blockIdx.x] = all;
  // Squares of floats do not overflow in f64: the sum is finite where all gradients are.
  if (!isfinite(all)) atomicExch(&d.broken[p.group * d.agents + p.agent], 1);
}
// A block to a group and agent.
__global__ void __launch_bounds__(256) clips_kernel(Descend d) {
  using Reduce = cub::BlockReduce<double, 256>;
  __shared__ typename Reduce::TempStorage storage;
  const int group = blockIdx.x / d.agents, agent = blockIdx.x % d.agents;
  double mine = 0;
  for (std::int64_t i = threadIdx.x; i < d.count; i += 256)
    if (d.pieces[i].group == group && d.pieces[i].agent == agent) mine += d.squares[i];
  const double all = Reduce(storage).Sum(mine);
  if (threadIdx.x == 0) d.clips[blockIdx.x] = nn::clip_factor(d.max_grad_norm[group], all);
}

// A block to a piece.
__global__ void __launch_bounds__(256) descend_kernel(Descend d) {
  const DescentPiece p = d.pieces[blockIdx.x];
  if (!d.active[p.agent]) return;
  const DescentRates r = d.rates[p.group];
  const float clip = d.clips ? d.clips[p.group * d.agents + p.agent] : 1.0f;
  if (r.rule == Rule::kStay) {
    for (int i = threadIdx.x; p.target && i < p.elements; i += blockDim.x)
      p.target[i] = nn::averaged(p.target[i], p.value[i], r.polyak);
    return;
  }
  for (int i = threadIdx.x; i < p.elements; i += blockDim.x) {
    const bool adam = r.rule != Rule::kSgd;
    const float first = p.first_moment ? p.first_moment[i] : 0.0f;
    const nn::Descended now =
        adam ? nn::adam(r, clip, p.gradient[i], p.value[i], first, p.second_moment[i])
             : nn::sgd(r, clip, p.gradient[i], p.value[i], p.first_moment != nullptr, first);
    p.value[i] = now.value;
    if (p.first_moment) p.first_moment[i] = now.first;
    if (adam) p.second_moment[i] = now.second;
    if (p.target) p.target[i] = nn::averaged(p.target[i], now.value, r.polyak);
  }
}

// A block to a piece.
__global__ void __launch_bounds__(256) accumulate_kernel(Accumulate d) {
  const Accumulate::Piece p = d.pieces[blockIdx.x];
  for (int i = threadIdx.x; i < p.elements; i += blockDim.x) {
    const nn::PassSum now = nn::accumulated(p.value[i], p.sum[i], d.pass, d.passes);
    p.value[i] = now.value;
    p.sum[i] = now.sum;
  }
  if (blockIdx.x == 0 && threadIdx.x == 0)
    d.step[2] = d.pass + 1 < d.passes ? static_cast<std::int32_t>(d.pass + 1) : 0;
}

void load(device::Stream& stream) {
  static_cast<void>(as_cuda(stream).handle());  // on its device
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, squares_kernel), "loading the squares of gradients");
  check(cudaFuncGetAttributes(&attributes, gate_kernel), "loading the gate");
  check(cudaFuncGetAttributes(&attributes, clips_kernel), "loading clipping");
  check(cudaFuncGetAttributes(&attributes, descend_kernel), "loading the descent");
  check(cudaFuncGetAttributes(&attributes, accumulate_kernel), "loading the sums of passes");
}
void gate(device::Stream& stream, const Gate& g) { launch("gate", gate_kernel, 1, 256, stream, g); }
void squares(device::Stream& stream, const Descend& d) {
  launch("squares of gradients", squares_kernel, static_cast<unsigned>(d.count), 256, stream, d);
}
void clips(device::Stream& stream, const Descend& d) {
  launch("clipping", clips_kernel, static_cast<unsigned>(d.groups * d.agents), 256, stream, d);
}
void descend(device::Stream& stream, const Descend& d) {
  launch("descent", descend_kernel, static_cast<unsigned>(d.count), 256, stream, d);
}
void accumulate(device::Stream& stream, const Accumulate& d) {
  launch("sums of passes", accumulate_kernel, static_cast<unsigned>(d.count), 256, stream, d);
}

const device::RegisterLaunch load_registration(kBackend, nn::kLoadDescent, load);
const device::RegisterLaunch gate_registration(kBackend, nn::kGate, gate);
const device::RegisterLaunch squares_registration(kBackend, nn::kGradientSquares, squares);
const device::RegisterLaunch clips_registration(kBackend, nn::kClips, clips);
const device::RegisterLaunch descend_registration(kBackend, nn::kDescend, descend);
const device::RegisterLaunch accumulate_registration(kBackend, nn::kAccumulate, accumulate);

}  // namespace
}  // namespace hardy::cuda
