// What values a dataset's rewards allow, to tell a critic that left them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "algorithms/learning/executor.h"
#include "datasets/transitions.h"

namespace hardy::algorithms {

// In units of the rewards. A value is a sum of gamma^k r_k that ends somewhere or never, so that with a
// reward in [r_min, r_max] it is at most r_max / (1 - gamma), or r_max where that is negative; the other way
// round for the least.
struct ValueRange {
  double gamma = 0;  // 0: of no values
  float least_reward = 0, largest_reward = 0;
  double least = 0, largest = 0;
  // The mean over the rows of what the data got from there on, sum gamma^k r_{t+k} to the end of the row's
  // episode; episodes that a time limit cut have no more than what is in the file.
  double data_mean = 0;
};

// The least and the largest value of rewards from `least` to `largest`.
std::pair<double, double> value_bounds(double least, double largest, double gamma);

// gamma: in (0, 1), or there is no range (gamma 0 in the result).
ValueRange value_range(const datasets::Transitions& t, double gamma);

// The quantiles 0.001 and 0.999 of the rewards, which a few wild ones do not move.
std::pair<double, double> reward_span(const datasets::Transitions& t);

// One line about the first agent whose mean Q of a batch ("value/q") lies out of the range by more than a
// twentieth of it, with its mean |TD error| ("td_error") and the share of its weights at their cap
// ("weight_at_cap") where those were reported; "" where none does. Such values are wrong whatever the policy;
// values within the range may be wrong as well.
std::string beyond(const ValueRange& range, const ReportValues& reports,
                   std::span<const std::uint64_t> seeds);

}  // namespace hardy::algorithms
