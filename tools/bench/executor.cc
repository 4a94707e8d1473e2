// What the executor itself costs: the time of one op on graphs of 200 ops too small to compute anything.
//
//   chain    200 pointwise ops that the planner runs as one chain
//   steps    the same ops, planned one by one
//   mixed    sums and stretched products by turns: nothing to fuse, every op a step of its own
#include <benchmark/benchmark.h>

#include "engine/base/threads.h"
#include "engine/graph/plan.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"

namespace {

using namespace hardy;
using graph::Graph;
using graph::Tensor;

constexpr int kOps = 200;

void run(benchmark::State& state, const Graph& g, Tensor y, bool fuse, int threads) {
  graph::Plan plan(g, {y}, {.fuse = fuse, .in_place = true});
  ThreadTeam team(threads);
  plan.run(team);
  for (auto _ : state) plan.run(team);
  state.counters["per_op"] =
      benchmark::Counter(kOps, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["steps"] = static_cast<double>(plan.steps());
}

void pointwise(benchmark::State& state, bool fuse) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {1, 8});
  Tensor y = x;
  for (int i = 0; i < kOps; ++i) y = ops::add(g, y, x);
  run(state, g, y, fuse, static_cast<int>(state.range(0)));
}
void chain(benchmark::State& state) { pointwise(state, true); }
void steps(benchmark::State& state) { pointwise(state, false); }

void mixed(benchmark::State& state) {
  Graph g;
  Tensor y = g.input("x", DType::kF32, {1, 8});
  for (int i = 0; i < kOps / 2; ++i) y = ops::multiply(g, y, ops::sum(g, y, 1));
  run(state, g, y, true, static_cast<int>(state.range(0)));
}

BENCHMARK(chain)->Arg(1)->Arg(2);
BENCHMARK(steps)->Arg(1)->Arg(2);
BENCHMARK(mixed)->Arg(1)->Arg(2);

}  // namespace

BENCHMARK_MAIN();
