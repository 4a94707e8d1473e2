// The rest of a training step (engine/nn/device_descent.h): the gate, and one pass over memory for Adam,
// AdamW or SGD together with the Polyak averages.
#include <cub/cub.cuh>

#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/nn/device_descent.h"

namespace hardy::cuda {
namespace {

using nn::Descend;
using nn::DescentPiece;
using nn::DescentRates;
using nn::Gate;
using Rule = nn::GroupSettings::Rule;

__device__ DescentRates rates_of(const nn::GroupSettings& s, double learning_rate, double t) {
  const double bias1 = 1 - pow(s.beta1, t), root_bias2 = sqrt(1 - pow(s.beta2, t));
  const auto f = [](double x) { return static_cast<float>(x); };
  const bool sgd = s.rule == Rule::kSgd, decoupled = s.rule == Rule::kAdamW;
  return {s.rule,
          f(sgd ? learning_rate : learning_rate * root_bias2 / bias1),
          f(s.beta1),
          f(1 - s.beta1),
          f(s.beta2),
          f(1 - s.beta2),
          f(s.epsilon * root_bias2),
          decoupled ? 0.0f : f(s.weight_decay),
          decoupled ? f(1 - learning_rate * s.weight_decay) : 1.0f,
          f(s.momentum),
          f(s.polyak)};
}

// One block: agents are few beside parameters.
__global__ void __launch_bounds__(256) gate_kernel(Gate g) {
  const std::uint64_t step = static_cast<std::uint32_t>(g.memory.step[0]) |
                             std::uint64_t{static_cast<std::uint32_t>(g.memory.step[1])} << 32;
  for (int i = threadIdx.x; i < g.groups; i += blockDim.x)
    g.rates[i] = rates_of(g.settings[i], g.schedule[i].at(static_cast<std::int64_t>(step)),
                          static_cast<double>(step + 1));
  for (int a = threadIdx.x; a < g.agents; a += blockDim.x) {
    for (int i = 0; i < g.groups && g.memory.active[a]; ++i) {
      if (isfinite(g.loss[i][a])) continue;
      g.memory.active[a] = 0;
      g.memory.stopped[4 * a] = g.update + 1;
      g.memory.stopped[4 * a + 1] = i;
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
  double mine = 0;
  for (int i = threadIdx.x; i < p.elements; i += 256)
    mine += static_cast<double>(p.gradient[i]) * p.gradient[i];
  const double all = Reduce(storage).Sum(mine);
  if (threadIdx.x == 0) d.squares[blockIdx.x] = all;
}
// A block to a group and agent: min(1, max_norm / (norm + 1e-6)).
__global__ void __launch_bounds__(256) clips_kernel(Descend d) {
  using Reduce = cub::BlockReduce<double, 256>;
  __shared__ typename Reduce::TempStorage storage;
  const int group = blockIdx.x / d.agents, agent = blockIdx.x % d.agents;
  double mine = 0;
  for (std::int64_t i = threadIdx.x; i < d.count; i += 256)
    if (d.pieces[i].group == group && d.pieces[i].agent == agent) mine += d.squares[i];
  const double all = Reduce(storage).Sum(mine);
  if (threadIdx.x != 0) return;
  const double scale = d.max_grad_norm[group] / (sqrt(all) + 1e-6);
  d.clips[blockIdx.x] = d.max_grad_norm[group] <= 0 || scale > 1 ? 1.0f : static_cast<float>(scale);
}

// A block to a piece.
__global__ void __launch_bounds__(256) descend_kernel(Descend d) {
  const DescentPiece p = d.pieces[blockIdx.x];
  if (!d.active[p.agent]) return;
  const DescentRates r = d.rates[p.group];
  const float clip = d.clips ? d.clips[p.group * d.agents + p.agent] : 1.0f;
  for (int i = threadIdx.x; i < p.elements; i += blockDim.x) {
    const float before = p.value[i], gradient = p.gradient[i] * clip + r.decay * before;
    float value;
    if (r.rule == Rule::kSgd) {
      float direction = gradient;
      if (p.first_moment) p.first_moment[i] = direction = r.momentum * p.first_moment[i] + gradient;
      value = before - r.rate * direction;
    } else {
      const float first = r.beta1 * p.first_moment[i] + r.rest1 * gradient;
      const float second = r.beta2 * p.second_moment[i] + r.rest2 * gradient * gradient;
      value = before * r.keep - r.rate * first / (sqrtf(second) + r.epsilon);
      p.first_moment[i] = first;
      p.second_moment[i] = second;
    }
    p.value[i] = value;
    if (p.target) p.target[i] = (1 - r.polyak) * p.target[i] + r.polyak * value;
  }
}

void gate(const graph::KernelCall& call, graph::Stream& stream) {
  launch("gate", gate_kernel, 1, 256, stream, call.attribute<Gate>());
}
void squares(const graph::KernelCall& call, graph::Stream& stream) {
  const auto& d = call.attribute<Descend>();
  launch("squares of gradients", squares_kernel, static_cast<unsigned>(d.count), 256, stream, d);
}
void clips(const graph::KernelCall& call, graph::Stream& stream) {
  const auto& d = call.attribute<Descend>();
  launch("clipping", clips_kernel, static_cast<unsigned>(d.groups * d.agents), 256, stream, d);
}
void descend(const graph::KernelCall& call, graph::Stream& stream) {
  const auto& d = call.attribute<Descend>();
  launch("descent", descend_kernel, static_cast<unsigned>(d.count), 256, stream, d);
}

const graph::RegisterKernel gate_registration(kBackend, "step/gate", gate);
const graph::RegisterKernel squares_registration(kBackend, "step/gradient_squares", squares);
const graph::RegisterKernel clips_registration(kBackend, "step/clips", clips);
const graph::RegisterKernel descend_registration(kBackend, "step/descend", descend);

}  // namespace
}  // namespace hardy::cuda
