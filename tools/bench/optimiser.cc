// The optimiser's step beside what memory allows: bytes a second of Adam with Polyak averaging (it reads
// value, gradient, both moments and target, and writes all but the gradient: 36 bytes an element), of a
// loop with the same traffic and almost no arithmetic, and of a copy. Arguments: agents, elements of one
// agent, threads. 500,000 elements: five critics of 2x256, and a policy and a value function beside them.
#include <benchmark/benchmark.h>

#include <cstring>

#include "engine/base/threads.h"
#include "engine/nn/optimise.h"
#include "engine/nn/parameters.h"

namespace {

using namespace hardy;

constexpr std::int64_t kStreams = 9, kWidth = 256;

struct Problem {
  explicit Problem(const benchmark::State& state)
      : agents(state.range(0)),
        elements(agents * state.range(1)),
        team(static_cast<int>(state.range(2))),
        store(layout(agents, state.range(1) / kWidth)) {
    for (std::int64_t i = 0; i < elements; ++i) {
      store.value(tensor)[i] = 0.1f;
      store.gradient(tensor)[i] = 0.001f * static_cast<float>(i % 101 - 50);
    }
  }
  static nn::ParameterLayout layout(std::int64_t agents, std::int64_t rows) {
    nn::ParameterLayout both(agents);
    both.add("w", {agents, rows, kWidth});
    both.add("w_target", {agents, rows, kWidth}, nn::Role::kTarget);
    return both;
  }
  void report(benchmark::State& state, std::int64_t bytes) const {
    state.SetBytesProcessed(state.iterations() * elements * bytes);
    state.SetItemsProcessed(state.iterations() * elements);
  }

  std::int64_t agents, elements;
  ThreadTeam team;
  nn::ParameterStore store;
  int tensor = 0, target = 1;
};

void step(benchmark::State& state, nn::GroupSettings settings) {
  Problem p(state);
  settings.polyak = 0.005;
  nn::Optimiser optimiser(
      {{p.store.value(p.tensor), p.store.gradient(p.tensor), p.store.first_moment(p.tensor),
        p.store.second_moment(p.tensor), p.store.value(p.target), p.agents, state.range(1), 0}},
      {settings});
  const std::vector<std::uint8_t> active(static_cast<std::size_t>(p.agents), 1);
  const double rates[] = {3e-4};
  std::int64_t t = 0;
  for (auto _ : state) optimiser.step(++t, rates, active, p.team);
  p.report(state, kStreams * 4);
}

void adam(benchmark::State& state) { step(state, {}); }
void adam_clipped(benchmark::State& state) { step(state, {.max_grad_norm = 1}); }

void same_traffic(benchmark::State& state) {
  Problem p(state);
  const float* g = p.store.gradient(p.tensor);
  float *x = p.store.value(p.tensor), *m = p.store.first_moment(p.tensor),
        *v = p.store.second_moment(p.tensor), *target = p.store.value(p.target);
  for (auto _ : state)
    p.team.for_range(p.elements, 8192, [=](std::int64_t begin, std::int64_t end) {
#pragma GCC ivdep
      for (std::int64_t i = begin; i < end; ++i) {
        m[i] += g[i];
        v[i] += g[i];
        x[i] += g[i];
        target[i] += g[i];
      }
    });
  p.report(state, kStreams * 4);
}

void copy(benchmark::State& state) {
  Problem p(state);
  const float *value = p.store.value(p.tensor), *target = p.store.value(p.target);
  float *m = p.store.first_moment(p.tensor), *v = p.store.second_moment(p.tensor);
  for (auto _ : state)
    p.team.for_range(p.elements, 8192, [=](std::int64_t begin, std::int64_t end) {
      std::memcpy(m + begin, value + begin, static_cast<std::size_t>(end - begin) * 4);
      std::memcpy(v + begin, target + begin, static_cast<std::size_t>(end - begin) * 4);
    });
  p.report(state, 16);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"agents", "elements", "threads"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  for (const int threads : {1, 2})
    for (const int agents : {1, 4}) b->Args({agents, 500'224, threads});
}
BENCHMARK(adam)->Apply(sizes);
BENCHMARK(adam_clipped)->Apply(sizes);
BENCHMARK(same_traffic)->Apply(sizes);
BENCHMARK(copy)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
