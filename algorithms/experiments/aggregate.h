// One number for many runs on many tasks, with an interval, after Agarwal et al. 2021 (arXiv 2108.13264): the
// interquartile mean and its stratified bootstrap, the probability of improvement, performance profiles.
#pragma once

#include <cstdint>
#include <vector>

namespace hardy::algorithms {

// [tasks][runs of it]; tasks may have different numbers of runs, none among them.
using ScoresByTask = std::vector<std::vector<double>>;

struct Interval {
  double value = 0, low = 0,
         high = 0;  // 95 % by percentiles of the bootstrap; all three alike for a single run
};

// Mean of the middle half of the values: floor(n / 4) are cut off at each end. NaN of none.
double interquartile_mean(std::vector<double> values);
// Of all runs together; the bootstrap draws runs within each task.
Interval interquartile_mean_of(const ScoresByTask& scores, std::uint64_t seed, int draws = 2000);
// Mean over the tasks that both have of P(x > y) + P(x = y) / 2, x and y drawn from their runs.
Interval probability_of_improvement(const ScoresByTask& x, const ScoresByTask& y, std::uint64_t seed,
                                    int draws = 2000);
// Share of all runs whose score is above each of the thresholds.
std::vector<double> performance_profile(const ScoresByTask& scores, const std::vector<double>& thresholds);

}  // namespace hardy::algorithms
