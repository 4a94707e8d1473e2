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
using nn::ShardPasses;
using Rule = nn::GroupSettings::Rule;

// One block: agents are few beside parameters. Its last warp makes the rates of this step while the others go
// through the agents; all that an agent's gate may need is asked for at once.
constexpr int kGateAgents = 256, kGateThreads = kGateAgents + 32;
__global__ void __launch_bounds__(kGateThreads) gate_kernel(const __grid_constant__ Gate g) {
  const std::int32_t low = g.memory.step[0], high = g.memory.step[1];
  const std::uint64_t step = static_cast<std::uint32_t>(low) | std::uint64_t{static_cast<std::uint32_t>(high)}
                                                                   << 32;
  __syncthreads();  // all have read the step
  const int thread = static_cast<int>(threadIdx.x), rule = thread - kGateAgents;
  if (rule >= 0) {
    if (g.last && rule == 0) {
      g.memory.step[0] = static_cast<std::int32_t>(static_cast<std::uint32_t>(step + 1));
      g.memory.step[1] = static_cast<std::int32_t>(static_cast<std::uint32_t>((step + 1) >> 32));
    }
    if (rule >= g.rules) return;
    const std::uint64_t own = g.every == 1 ? step : step / g.every;  // the update's steps before this one
    g.rates[rule] = nn::descent_rates(g.settings[rule], g.schedule[rule].at(static_cast<std::int64_t>(own)),
                                      static_cast<double>(own + 1));
    return;
  }
  for (int a = thread; a < g.agents; a += kGateAgents) {
    std::int32_t broken[nn::kMostGroups];
    float loss[nn::kMostGroups], next[nn::kMostStates];
#pragma unroll
    for (int i = 0; i < nn::kMostGroups; ++i) {
      broken[i] = i < g.groups ? g.broken[i * g.agents + a] : 0;
      loss[i] = i < g.groups ? g.loss[i][a] : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < nn::kMostStates; ++i) next[i] = i < g.states ? g.state[i].next[a] : 0.0f;
    bool active = g.memory.active[a] != 0;
#pragma unroll
    for (int i = 0; i < nn::kMostGroups; ++i) {
      const bool bad_loss = !isfinite(loss[i]);
      if (broken[i]) g.broken[i * g.agents + a] = 0;
      if (!active || !(bad_loss || broken[i])) continue;
      active = false;
      g.memory.active[a] = 0;
      g.memory.stopped[4 * a] = g.update + 1;
      g.memory.stopped[4 * a + 1] = bad_loss ? i : i + nn::kMostGroups;
      g.memory.stopped[4 * a + 2] = low;
      g.memory.stopped[4 * a + 3] = high;
    }
#pragma unroll
    for (int i = 0; i < nn::kMostStates; ++i)
      if (active && i < g.states) g.state[i].now[a] = next[i];
  }
}

// The sum of a piece's squared gradients by lane, packs of N elements at a time.
template <int N>
__device__ double squares_of(const DescentPiece& p, int lane) {
  double sum = 0;
#pragma unroll 4
  for (int i = lane; i < p.elements / N; i += 32) {
    const Pack<float, N> g = read_pack<N>(p.gradient, i);
    for (const float x : g.at) sum += static_cast<double>(x) * x;
  }
  return sum;
}
// A warp to a piece.
__global__ void __launch_bounds__(256) squares_kernel(Descend d) {
  using Reduce = cub::WarpReduce<double>;
  __shared__ typename Reduce::TempStorage storage[8];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const std::int64_t piece = std::int64_t{blockIdx.x} * 8 + warp;
  if (piece >= d.count) return;
  const DescentPiece p = d.pieces[piece];
  if (!d.active[p.agent]) return;
  double mine = 0;
  if (p.gradient) {
    const bool wide = are_wide(p.gradient);
    mine = wide ? squares_of<4>(p, lane) : squares_of<1>(p, lane);
    const int rest = wide ? p.elements % 4 : 0;  // the last ones, which make no whole pack
    if (lane < rest) {
      const double x = p.gradient[p.elements - rest + lane];
      mine += x * x;
    }
  }
  const double all = Reduce(storage[warp]).Sum(mine);
  if (lane != 0) return;
  d.squares[piece] = all;
  // Squares of floats do not overflow in f64: the sum is finite where all gradients are.
  if (!isfinite(all)) atomicExch(&d.broken[p.group * d.agents + p.agent], 1);
}
// A block to a group and agent.
__global__ void __launch_bounds__(256) clips_kernel(const __grid_constant__ Descend d) {
  using Reduce = cub::BlockReduce<double, 256>;
  __shared__ typename Reduce::TempStorage storage;
  const int group = blockIdx.x / d.agents, agent = blockIdx.x % d.agents;
  double mine = 0;
  for (std::int64_t i = threadIdx.x; i < d.count; i += 256)
    if (d.pieces[i].group == group && d.pieces[i].agent == agent) mine += d.squares[i];
  const double all = Reduce(storage).Sum(mine);
  if (threadIdx.x == 0) d.clips[blockIdx.x] = nn::clip_factor(d.max_grad_norm[group], all);
}

// The piece's i-th pack of N elements.
template <int N>
__device__ void descend_pack(const DescentPiece& p, const DescentRates& r, float clip, int i) {
  const bool stays = r.rule == Rule::kStay, adam = !stays && r.rule != Rule::kSgd;
  Pack<float, N> gradient{}, first{}, second{}, target{}, value = read_pack<N>(p.value, i);
  if (!stays) gradient = read_pack<N>(p.gradient, i);
  if (p.first_moment) first = read_pack<N>(p.first_moment, i);
  if (adam) second = read_pack<N>(p.second_moment, i);
  if (p.target) target = read_pack<N>(p.target, i);
  for (int k = 0; k < N; ++k) {
    if (!stays) {
      const nn::Descended now =
          adam ? nn::adam(r, clip, gradient.at[k], value.at[k], first.at[k], second.at[k])
               : nn::sgd(r, clip, gradient.at[k], value.at[k], p.first_moment != nullptr, first.at[k]);
      value.at[k] = now.value;
      first.at[k] = now.first;
      second.at[k] = now.second;
    }
    if (p.target) target.at[k] = nn::averaged(target.at[k], value.at[k], r.polyak);
  }
  if (!stays) write_pack(p.value, i, value);
  if (p.first_moment) write_pack(p.first_moment, i, first);
  if (adam) write_pack(p.second_moment, i, second);
  if (p.target) write_pack(p.target, i, target);
}
// A block to a piece.
__global__ void __launch_bounds__(256) descend_kernel(Descend d) {
  const DescentPiece p = d.pieces[blockIdx.x];
  if (!d.active[p.agent]) return;
  const DescentRates r = d.rates[p.group];
  if (r.rule == Rule::kStay && !p.target) return;
  const float clip = d.clips ? d.clips[p.group * d.agents + p.agent] : 1.0f;
  const int thread = static_cast<int>(threadIdx.x);
  int done = 0;
  if (are_wide(p.value, p.first_moment, p.second_moment, p.target, p.gradient)) {
    for (int i = thread; i < p.elements / 4; i += 256) descend_pack<4>(p, r, clip, i);
    done = p.elements / 4 * 4;
  }
  for (int i = done + thread; i < p.elements; i += 256) descend_pack<1>(p, r, clip, i);
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

__global__ void begin_shards_kernel(ShardPasses d) { d.step[2] = d.next; }
// A block to a piece.
__global__ void __launch_bounds__(256) add_to_shard_kernel(ShardPasses d) {
  const ShardPasses::Piece p = d.pieces[blockIdx.x];
  float* const sums = d.sums + d.shard * d.elements + p.at;
  for (int i = threadIdx.x; i < p.elements; i += blockDim.x)
    sums[i] = nn::added(p.value[i], sums[i], d.pass).sum;
  if (blockIdx.x == 0 && threadIdx.x == 0) d.step[2] = d.next;
}
// A block to a piece; the order of a sum is that of the shards.
__global__ void __launch_bounds__(256) mean_of_shards_kernel(ShardPasses d) {
  const ShardPasses::Piece p = d.pieces[blockIdx.x];
  for (int i = threadIdx.x; i < p.elements; i += blockDim.x) {
    const float* const sums = d.sums + p.at + i;
    float sum = sums[0];
    for (std::int64_t s = 1; s < d.shards; ++s) sum += sums[s * d.elements];
    p.value[i] = sum / static_cast<float>(d.shards * d.passes);
  }
  if (blockIdx.x == 0 && threadIdx.x == 0) d.step[2] = 0;
}

void load(device::Stream& stream) {
  static_cast<void>(as_cuda(stream).handle());  // on its device
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, squares_kernel), "loading the squares of gradients");
  check(cudaFuncGetAttributes(&attributes, gate_kernel), "loading the gate");
  check(cudaFuncGetAttributes(&attributes, clips_kernel), "loading clipping");
  check(cudaFuncGetAttributes(&attributes, descend_kernel), "loading the descent");
  check(cudaFuncGetAttributes(&attributes, accumulate_kernel), "loading the sums of passes");
  check(cudaFuncGetAttributes(&attributes, begin_shards_kernel), "loading the passes of shards");
  check(cudaFuncGetAttributes(&attributes, add_to_shard_kernel), "loading the sums of shards");
  check(cudaFuncGetAttributes(&attributes, mean_of_shards_kernel), "loading the mean of shards");
}
void gate(device::Stream& stream, const Gate& g) { launch("gate", gate_kernel, 1, kGateThreads, stream, g); }
void squares(device::Stream& stream, const Descend& d) {
  launch("squares of gradients", squares_kernel, static_cast<unsigned>((d.count + 7) / 8), 256, stream, d);
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

void begin_shards(device::Stream& stream, const ShardPasses& d) {
  launch("passes of shards", begin_shards_kernel, 1, 1, stream, d);
}
void add_to_shard(device::Stream& stream, const ShardPasses& d) {
  launch("sums of shards", add_to_shard_kernel, static_cast<unsigned>(d.count), 256, stream, d);
}
void mean_of_shards(device::Stream& stream, const ShardPasses& d) {
  launch("mean of shards", mean_of_shards_kernel, static_cast<unsigned>(d.count), 256, stream, d);
}

const device::RegisterLaunch load_registration(kBackend, nn::kLoadDescent, load);
const device::RegisterLaunch gate_registration(kBackend, nn::kGate, gate);
const device::RegisterLaunch squares_registration(kBackend, nn::kGradientSquares, squares);
const device::RegisterLaunch clips_registration(kBackend, nn::kClips, clips);
const device::RegisterLaunch descend_registration(kBackend, nn::kDescend, descend);
const device::RegisterLaunch accumulate_registration(kBackend, nn::kAccumulate, accumulate);
const device::RegisterLaunch begin_shards_registration(kBackend, nn::kBeginShards, begin_shards);
const device::RegisterLaunch add_to_shard_registration(kBackend, nn::kAddToShard, add_to_shard);
const device::RegisterLaunch mean_of_shards_registration(kBackend, nn::kMeanOfShards, mean_of_shards);

}  // namespace
}  // namespace hardy::cuda
