#include "algorithms/experiments/aggregate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/base/random.h"

namespace hardy::algorithms {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<double> together(const ScoresByTask& scores) {
  std::vector<double> all;
  for (const auto& runs : scores) all.insert(all.end(), runs.begin(), runs.end());
  return all;
}

// As many runs of every task as it has, drawn with repetition.
ScoresByTask redrawn(const ScoresByTask& scores, const Random& random, std::uint64_t& draw) {
  ScoresByTask drawn = scores;
  for (std::size_t t = 0; t < scores.size(); ++t)
    for (double& run : drawn[t])
      run =
          scores[t]
                [static_cast<std::size_t>(random.uniform64(draw++) * static_cast<double>(scores[t].size()))];
  return drawn;
}

template <class Statistic>
Interval interval_of(double value, int draws, const Statistic& statistic) {
  std::vector<double> values;
  for (int i = 0; i < draws; ++i) values.push_back(statistic(i));
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
  };
  return {value, at(0.025), at(0.975)};
}

double improvement(const ScoresByTask& x, const ScoresByTask& y) {
  double sum = 0, tasks = 0;
  for (std::size_t t = 0; t < std::min(x.size(), y.size()); ++t) {
    if (x[t].empty() || y[t].empty()) continue;
    double wins = 0;
    for (const double a : x[t])
      for (const double b : y[t]) wins += a > b ? 1 : (a == b ? 0.5 : 0);
    sum += wins / static_cast<double>(x[t].size() * y[t].size());
    ++tasks;
  }
  return tasks > 0 ? sum / tasks : kNone;
}

}  // namespace

double interquartile_mean(std::vector<double> values) {
  if (values.empty()) return kNone;
  std::ranges::sort(values);
  const auto cut = static_cast<std::ptrdiff_t>(values.size() / 4);
  return std::accumulate(values.begin() + cut, values.end() - cut, 0.0) /
         static_cast<double>(static_cast<std::ptrdiff_t>(values.size()) - 2 * cut);
}

Interval interquartile_mean_of(const ScoresByTask& scores, std::uint64_t seed, int draws) {
  const double value = interquartile_mean(together(scores));
  if (std::isnan(value)) return {kNone, kNone, kNone};
  const Random random(seed, RandomStream::kUser);
  std::uint64_t draw = 0;
  return interval_of(value, draws,
                     [&](int) { return interquartile_mean(together(redrawn(scores, random, draw))); });
}

Interval probability_of_improvement(const ScoresByTask& x, const ScoresByTask& y, std::uint64_t seed,
                                    int draws) {
  const double value = improvement(x, y);
  if (std::isnan(value)) return {kNone, kNone, kNone};
  const Random random(seed, RandomStream::kUser);
  std::uint64_t draw = 0;
  return interval_of(value, draws, [&](int) {
    const ScoresByTask a = redrawn(x, random, draw), b = redrawn(y, random, draw);
    return improvement(a, b);
  });
}

std::vector<double> performance_profile(const ScoresByTask& scores, const std::vector<double>& thresholds) {
  const std::vector<double> all = together(scores);
  std::vector<double> shares;
  for (const double threshold : thresholds)
    shares.push_back(all.empty() ? kNone
                                 : static_cast<double>(
                                       std::ranges::count_if(all, [&](double s) { return s > threshold; })) /
                                       static_cast<double>(all.size()));
  return shares;
}

}  // namespace hardy::algorithms
