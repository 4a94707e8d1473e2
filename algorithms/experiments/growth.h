// How regret grows with the number of episodes K: the exponent x of R ~ K^x and how sure it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hardy::algorithms {

// Regret of every replica at every K: regret[i][r] belongs to episodes[i].
struct RegretTable {
  std::vector<double> episodes;             // rising
  std::vector<std::vector<double>> regret;  // [episodes][replicas]
};

struct Line {
  double slope, intercept;
};
// Least squares of log y on log x over the points with y > 0; NaN where fewer than two are left.
Line fit_log_log(const std::vector<double>& x, const std::vector<double>& y);

// Slopes between neighbouring points, log y over log x: where a curve is heading. [x.size() - 1].
std::vector<double> local_exponents(const std::vector<double>& x, const std::vector<double>& y);

struct Exponent {
  double value = 0, low = 0, high = 0;  // fitted to mean regret; a 95 % bootstrap interval over replicas
  std::int64_t points = 0;              // how many K it is fitted to
  std::int64_t dropped = 0;             // and how many not: their mean regret has no logarithm
  std::string none_because;             // why there is none: the three are then NaN. "" where there is one
};

// A power law is claimed only where the numbers carry one. none_because says which of these does not hold:
//   - there are three K or more, since two points always lie on a line, and regret is positive at each;
//   - where the uniform policy's regret is known, the learner's mean and two standard errors stay 5 % below
//     it at every K: a learner that is closer plays as if it had learned nothing, and its slope is that
//     one's;
//   - the slopes over the lower and the upper half of the K (of an odd number both have the middle one)
//     differ by 0.1 at most, or by no more than chance allows: no exponent to one digit describes a curve
//     that bends more;
//   - no mean lies 10 % off the fitted line, and further than chance allows.
// Chance: three standard errors, or what Student's distribution makes of them for few replicas.
inline constexpr double kUniformMargin = 0.05, kMostBend = 0.1, kMostResidual = 0.1;

struct Growth {
  std::vector<double> mean, standard_error, deviation, lowest, highest;  // over replicas, per K
  std::vector<double> median, below_95, below_99;                        // so many of a hundred lie below
  std::vector<double> local;
  Exponent all, upper_half;  // over all K; over the larger half of them
  // Of the regrets of one K, smallest over the larger half of the K; NaN with fewer than 8 replicas.
  double tail_index = 0;
};

// The exponent a of tails P(R > x) ~ x^-a, by Hill's estimator over the upper quarter: below 2 the variance
// is infinite, and the mean of a few replicas says little. NaN where that quarter has fewer than two values,
// or the value below it is not positive.
double tail_index(std::vector<double> values);
inline constexpr double kHeavyTail = 3;  // below it a study warns: the estimate itself is no better than that

// The bootstrap is studentised: it draws replicas with replacement, at each K by itself (their seeds are
// independent), and divides the error of each resample's exponent by the standard error that the resample
// itself would state (by the delta method from the deviations at each K). The interval is the wider, on each
// side, of the equal-tailed and the symmetric one. Percentiles of the exponents, the plain bootstrap, are too
// narrow where a few replicas carry the mean. Deterministic in `seed`.
// With one replica the interval is NaN: there is nothing to resample. uniform: the uniform policy's regret at
// each K, or empty.
// By linear interpolation between neighbours; share from 0 to 1. NaN of no values.
double quantile(std::vector<double> values, double share);

// sum_i weights[i] log(mean regret at i) for each list of weights, the intervals as said above from one and
// the same resamples, whether or not there is a power law to speak of. points: how many weights are not 0.
std::vector<Exponent> exponents_of(const std::vector<std::vector<double>>& regret,
                                   const std::vector<std::vector<double>>& weights, std::uint64_t seed,
                                   int resamples);

// Whether a curve has come to its rate: "a rate: ..." or "a passing point: ...", in words for table and page.
// Of the upper half, or of all K where that has fewer than three. theory: the exponent that the method's
// theory shows, NaN where it shows none. Bounds are upper ones: who stays below is at its rate, too. Nearer
// than kRateMargin, or an interval that holds it, is agreement.
std::string standing_of(const Growth& growth, double theory);
inline constexpr double kRateMargin = 0.02;

// The fit over all K and its interval alone, whether or not there is a power law to speak of.
Exponent interval_of(const RegretTable& table, std::uint64_t seed, int resamples = 2000);
Growth growth_of(const RegretTable& table, std::uint64_t seed, int resamples = 2000,
                 const std::vector<double>& uniform = {});

}  // namespace hardy::algorithms
