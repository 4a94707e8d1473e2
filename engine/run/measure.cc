#include "engine/run/measure.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "engine/base/threads.h"
#include "engine/ops/gemm.h"
#include "engine/ops/gemm_kernel.h"

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
  using V = detail::VectorOf<float>::type;
  V chain[kChains];
  const V step = V{} + start;
  for (int i = 0; i < kChains; ++i) chain[i] = V{} + static_cast<float>(i);
  for (int n = 0; n < kLoop; ++n) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) chain[i] = detail::multiply_add(0.5f, chain[i], step);
  }
  V sum{};
  for (int i = 0; i < kChains; ++i) sum += chain[i];
  volatile float sink = sum[0];  // so that the loop is not dropped
  (void)sink;
}

}  // namespace

double measure_sgemm(std::int64_t m, std::int64_t n, std::int64_t k, int threads, double seconds) {
  std::vector<float> a(static_cast<std::size_t>(m * k), 0.5f), b(static_cast<std::size_t>(k * n), 0.25f),
      c(static_cast<std::size_t>(m * n));
  GemmArgs<float> args;
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

double measure_fma_peak(int threads, double seconds) {
  // Each thread counts for itself: nobody waits for another inside the measurement.
  std::vector<double> rates(static_cast<std::size_t>(threads));
  const double work = 2.0 * kChains * kLoop * detail::VectorOf<float>::kLanes;
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
