// The forward models of a dataset's cleaning: which rows they learn from, and what they say of all.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "algorithms/cleaning/beliefs.h"
#include "algorithms/cleaning/chains.h"
#include "algorithms/cleaning/regression.h"

namespace hardy::algorithms {

// Networks see numbers to 15 deviations.
inline float held(float x) { return std::clamp(x, -15.0f, 15.0f); }
inline void hold(std::span<const float> x, float* to) { std::ranges::transform(x, to, held); }

// Calls body(begin, count) on a list, so many at once that inputs of some megabytes are put together.
template <class Body>
void in_chunks(std::size_t count, Body&& body) {
  constexpr std::size_t kChunk = 4096;
  for (std::size_t begin = 0; begin < count; begin += kChunk) body(begin, std::min(kChunk, count - begin));
}

// Refuses a file with fewer transitions than models can learn from. fix: what would be right.
inline constexpr std::int64_t kLeastTransitions = 2048;
void require_transitions(const Chains& chains, const std::string& path, const std::string& fix);

class ForwardModels {
 public:
  ForwardModels(const Chains& chains, const Beliefs& beliefs, const RegressionSettings& settings,
                std::uint64_t seed);

  // What train() learns from next; returns how many rows. The first: all transitions, or those whose states
  // have no two copies that differ, where these are `least` and a tenth of the rows: of tuples that were
  // corrupted one by one they are the clean ones. Later: those that are most probably whole, `least` at
  // least.
  std::int64_t take_first_rows(std::int64_t least);
  std::int64_t take_whole_rows(std::int64_t least);
  // As Regression::train; turns in usual steps.
  void train(std::int64_t rows, std::span<const float> turns, std::int64_t steps, ThreadTeam& team,
             const run::Watch& watch, std::int64_t before) {
    models_.train(rows, turns, steps, team, watch, before);
  }

  // x [n, d + a], held: the step [n, d], and, unless `slope` is empty, its slopes in the action [n, a, d], by
  // differences over a quarter of a deviation.
  void evaluate(const std::vector<float>& x, std::span<float> step, std::span<float> slope, ThreadTeam& team,
                const StopToken& stop);
  void forecast(Forecasts& forecasts, ThreadTeam& team, const StopToken& stop);
  Regression& models() { return models_; }

 private:
  void put(std::int64_t at, std::int64_t row, int from, int to);

  const Chains& c_;
  const Beliefs& beliefs_;
  Regression models_;
};

}  // namespace hardy::algorithms
