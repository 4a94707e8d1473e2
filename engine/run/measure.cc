#include "engine/run/measure.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "engine/base/simd.h"
#include "engine/base/threads.h"
#include "engine/ops/gemm.h"

namespace hardy::run {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Runs body, which does `work` FLOP, for the given time; the best of five spells, because other
// programs only ever make it slower.
template <class Body>
double best_rate(double seconds, double work, Body body) {
  body();
  double best = 0;
  for (int spell = 0; spell < 5; ++spell) {
    const auto begin = Clock::now();
    double done = 0, took = 0;
    do {
      body();
      done += work;
      took = since(begin);
    } while (took < seconds / 5);
    best = std::max(best, done / took);
  }
  return best * 1e-9;
}

constexpr int kChains = 12;  // more than latency times ports, fewer than registers
constexpr int kLoop = 20000;

void spin(float start) {
  using V = simd::VectorOf<float>::type;
  V chain[kChains];
  const V step = V{} + start;
  for (int i = 0; i < kChains; ++i) chain[i] = V{} + static_cast<float>(i);
  for (int n = 0; n < kLoop; ++n) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) chain[i] = simd::multiply_add(0.5f, chain[i], step);
  }
  V sum{};
  for (int i = 0; i < kChains; ++i) sum += chain[i];
  volatile float sink = sum[0];  // so that the loop is not dropped
  (void)sink;
}

template <class T>
double gemm_rate(std::int64_t m, std::int64_t n, std::int64_t k, int threads, double seconds) {
  const std::vector<T> a(static_cast<std::size_t>(m * k), T(0.5)),
      b(static_cast<std::size_t>(k * n), T(0.25));
  std::vector<T> c(static_cast<std::size_t>(m * n));
  GemmArgs<T> args;
  args.m = m;
  args.n = n;
  args.k = k;
  args.a = a.data();
  args.lda = k;
  args.b = b.data();
  args.ldb = n;
  args.c = c.data();
  args.ldc = n;
  ThreadTeam team(threads);
  return best_rate(seconds, 2.0 * static_cast<double>(m * n * k), [&] { gemm_batched(args, 1, {}, team); });
}

}  // namespace

double measure_sgemm(std::int64_t m, std::int64_t n, std::int64_t k, int threads, double seconds) {
  return gemm_rate<float>(m, n, k, threads, seconds);
}
double measure_dgemm(std::int64_t m, std::int64_t n, std::int64_t k, int threads, double seconds) {
  return gemm_rate<double>(m, n, k, threads, seconds);
}

double measure_read_bandwidth(int threads, double megabytes, double seconds) {
  using V = simd::VectorOf<double>::type;
  constexpr std::int64_t chains = 8, step = chains * simd::VectorOf<double>::kLanes, piece = 1 << 14;
  const auto size = static_cast<std::int64_t>(megabytes * 1e6 / 8) / piece * piece;
  const std::vector<double> memory(static_cast<std::size_t>(size), 1.0);
  ThreadTeam team(threads);
  std::vector<double> sums(static_cast<std::size_t>(size / piece));
  return best_rate(seconds, 8.0 * static_cast<double>(size), [&] {
    team.run(size / piece, [&](std::int64_t p) {
      V sum[chains] = {};
      for (const double* x = memory.data() + p * piece; x < memory.data() + (p + 1) * piece; x += step)
        for (std::int64_t i = 0; i < chains; ++i) sum[i] += simd::load(x + i * (step / chains));
      for (std::int64_t i = 1; i < chains; ++i) sum[0] += sum[i];
      sums[static_cast<std::size_t>(p)] = sum[0][0];
    });
  });
}

double measure_fma_peak(int threads, double seconds) {
  // Each thread counts for itself: nobody waits for another inside the measurement.
  std::vector<double> rates(static_cast<std::size_t>(threads));
  const double work = 2.0 * kChains * kLoop * simd::VectorOf<float>::kLanes;
  const auto count = [&](std::size_t i) { rates[i] = best_rate(seconds, work, [] { spin(1.0f); }); };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < rates.size(); ++i) others.emplace_back(count, i);
  count(0);
  for (std::thread& t : others) t.join();
  double sum = 0;
  for (const double r : rates) sum += r;
  return sum;
}

}  // namespace hardy::run
