// What a language model's steps need beside matrix products: attention (whole sequences, and one token over a
// cache), rotary positions, and a head's log-probabilities and draws, through their plans. Last argument:
// threads. The rate counts multiply-adds as two operations: of attention those of the keys that a row sees
// (forward 4 d a key and head, gradient 10 d), of a head those of its products (2 V d a row, gradient 6 V d).
#include <benchmark/benchmark.h>

#include <numeric>

#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "engine/graph/plan.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/attention.h"
#include "engine/ops/reduce.h"
#include "engine/ops/rotary.h"
#include "engine/ops/sample_tokens.h"
#include "engine/ops/token_log_probs.h"

namespace {

using namespace hardy;
using graph::Graph;
using graph::Plan;
using graph::Tensor;

void fill(Plan& plan, const Graph& g, Tensor t, std::uint64_t stream) {
  const Random random(stream, RandomStream::kUser);
  for (std::int64_t i = 0; i < g.shape(t).elements(); ++i)
    plan.data<float>(t)[i] = 2 * random.uniform(static_cast<std::uint64_t>(i)) - 1;
}

void run(benchmark::State& state, Plan& plan, std::int64_t threads, double operations) {
  ThreadTeam team(static_cast<int>(threads));
  plan.run(team);
  for (auto _ : state) plan.run(team);
  state.counters["GFLOP/s"] = benchmark::Counter(operations * 1e-9 * static_cast<double>(state.iterations()),
                                                 benchmark::Counter::kIsRate);
}

// Sequences, rows of each, heads, groups, d. A cache of T rows, of which one is new, where `decode`.
void attention(benchmark::State& state, bool decode, bool gradient) {
  const std::int64_t S = state.range(0), T = state.range(1), H = state.range(2), G = state.range(3),
                     d = state.range(4), rows = decode ? 1 : T;
  Graph g;
  const Tensor q = g.parameter("q", DType::kF32, {1, S, rows, H, d}),
               k = g.parameter("k", DType::kF32, {1, S, T, G, d}),
               v = g.parameter("v", DType::kF32, {1, S, T, G, d}),
               first = g.input("first", DType::kI32, {1, S}), last = g.input("last", DType::kI32, {1, S});
  const Tensor y = ops::attention(g, q, k, v, first, last);
  std::vector<Tensor> outputs{y};
  if (gradient) outputs = graph::differentiate(g, ops::sum_per_agent(g, y), {q, k, v});
  Plan plan(g, outputs);
  std::uint64_t stream = 0;
  for (const Tensor t : {q, k, v}) fill(plan, g, t, ++stream);
  std::fill_n(plan.data<std::int32_t>(first), S, static_cast<std::int32_t>(T - rows));
  std::fill_n(plan.data<std::int32_t>(last), S, static_cast<std::int32_t>(T));
  const double pairs = decode ? static_cast<double>(T) : 0.5 * static_cast<double>(T * (T + 1));
  run(state, plan, state.range(5), static_cast<double>(S * H * d) * pairs * (gradient ? 14 : 4));
}
void attention_forward(benchmark::State& state) { attention(state, false, false); }
void attention_and_gradient(benchmark::State& state) { attention(state, false, true); }
void attention_decode(benchmark::State& state) { attention(state, true, false); }

void rotary(benchmark::State& state) {
  const std::int64_t S = state.range(0), T = state.range(1), H = state.range(2), d = state.range(3);
  Graph g;
  const Tensor x = g.parameter("x", DType::kF32, {1, S, T, H, d}),
               first = g.input("first", DType::kI32, {1, S});
  Plan plan(g, {ops::rotary(g, x, first)});
  fill(plan, g, x, 1);
  run(state, plan, state.range(4), static_cast<double>(S * T * H * d) * 3);
}

// Rows, d, tokens.
void token_log_probs(benchmark::State& state, bool gradient) {
  const std::int64_t N = state.range(0), d = state.range(1), V = state.range(2);
  Graph g;
  const Tensor x = g.parameter("x", DType::kF32, {1, N, d}), w = g.parameter("w", DType::kF32, {1, V, d}),
               target = g.input("target", DType::kI32, {1, N});
  const ops::TokenLogProbs y = ops::token_log_probs(g, x, w, target);
  std::vector<Tensor> outputs{y.log_prob, y.entropy};
  if (gradient)
    for (const Tensor t : graph::differentiate(g, ops::sum_per_agent(g, y.log_prob), {x, w}))
      outputs.push_back(t);
  Plan plan(g, outputs);
  fill(plan, g, x, 1);
  fill(plan, g, w, 2);
  run(state, plan, state.range(3), static_cast<double>(N * d * V) * (gradient ? 8 : 2));
}
void head_forward(benchmark::State& state) { token_log_probs(state, false); }
void head_and_gradient(benchmark::State& state) { token_log_probs(state, true); }

void sample_tokens(benchmark::State& state) {
  const std::int64_t N = state.range(0), d = state.range(1), V = state.range(2);
  Graph g;
  const Tensor x = g.parameter("x", DType::kF32, {1, N, d}), w = g.parameter("w", DType::kF32, {1, V, d}),
               keys = g.input("keys", DType::kI32, {1, N, 4}), seeds = g.input("seeds", DType::kI32, {1, 2});
  const ops::Sampled y = ops::sample_tokens(g, x, w, keys, seeds, 1);
  Plan plan(g, {y.token, y.log_prob, y.entropy});
  fill(plan, g, x, 1);
  fill(plan, g, w, 2);
  std::iota(plan.data<std::int32_t>(keys), plan.data<std::int32_t>(keys) + 4 * N, 0);
  run(state, plan, state.range(3), static_cast<double>(N * d * V) * 2);
}

void sequences(benchmark::internal::Benchmark* b) {
  for (const int threads : {1, 2})
    for (const int d : {24, 32}) b->Args({256, 48, 4, 4, d, threads});
  b->Args({4, 512, 8, 2, 64, 1})->UseRealTime();
}
void heads(benchmark::internal::Benchmark* b) {
  for (const int threads : {1, 2}) b->Args({256 * 48, 96, 32, threads});
  b->Args({256, 256, 49152, 1})->Args({256, 256, 49152, 2})->Args({256, 96, 32, 1})->UseRealTime();
}

BENCHMARK(attention_forward)->Apply(sequences);
BENCHMARK(attention_and_gradient)->Apply(sequences);
BENCHMARK(attention_decode)->Apply(sequences);
BENCHMARK(rotary)->Args({256, 48, 4, 24, 1})->Args({256, 1, 4, 24, 1})->UseRealTime();
BENCHMARK(head_forward)->Apply(heads);
BENCHMARK(head_and_gradient)->Apply(heads);
BENCHMARK(sample_tokens)->Apply(heads);

}  // namespace

BENCHMARK_MAIN();
