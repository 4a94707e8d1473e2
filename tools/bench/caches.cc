// What this machine's caches and memory give one thread: bytes read, and bytes that are read and written, a
// second, from buffers of 16 KB to 256 MB. The rates that docs/speed.md holds a step's traffic against.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "engine/base/simd.h"

namespace {

using hardy::simd::load;
using hardy::simd::store;
using Vector = hardy::simd::VectorOf<float>;
constexpr std::size_t kLanes = Vector::kLanes;

// Eight vectors at a time, each with a sum of its own, so that no addition waits for another.
void read(benchmark::State& state) {
  const std::vector<float> x(static_cast<std::size_t>(state.range(0)) / sizeof(float), 1.0f);
  for (auto _ : state) {
    Vector::type sums[8] = {};
    for (std::size_t i = 0; i < x.size(); i += 8 * kLanes)
#pragma GCC unroll 8
      for (std::size_t v = 0; v < 8; ++v) sums[v] += load(&x[i + v * kLanes]);
    Vector::type all{};
#pragma GCC unroll 8
    for (std::size_t v = 0; v < 8; ++v) all += sums[v];
    benchmark::DoNotOptimize(all);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
// As an optimiser walks: every byte is read and written where it was.
void update(benchmark::State& state) {
  std::vector<float> x(static_cast<std::size_t>(state.range(0)) / sizeof(float), 1.0f);
  for (auto _ : state) {
    for (std::size_t i = 0; i < x.size(); i += 8 * kLanes)
#pragma GCC unroll 8
      for (std::size_t v = 0; v < 8; ++v) store(&x[i + v * kLanes], -load(&x[i + v * kLanes]));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 2 * state.range(0));
}

void sizes(benchmark::internal::Benchmark* b) {
  for (std::int64_t bytes = 16 << 10; bytes <= 256 << 20; bytes *= 4) b->Arg(bytes);
}
BENCHMARK(read)->Apply(sizes);
BENCHMARK(update)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
