#include "algorithms/experiments/growth.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>

#include "engine/base/random.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<double> tail(const std::vector<double>& values, std::size_t from) {
  return {values.begin() + static_cast<std::ptrdiff_t>(from), values.end()};
}

struct Moments {
  double mean = 0, deviation = kNone, error = kNone;  // error: of the mean
};
// Of n values that each(0), each(1), ... give, asked for in that order and once.
template <class Each>
Moments moments_of(std::size_t count, Each&& each) {
  std::vector<double> values(count);
  Moments m;
  for (std::size_t i = 0; i < count; ++i) m.mean += values[i] = each(i);
  const double n = static_cast<double>(count);
  m.mean /= n;
  if (count < 2) return m;
  double squares = 0;
  for (const double v : values) squares += (v - m.mean) * (v - m.mean);
  m.deviation = std::sqrt(squares / (n - 1));
  m.error = m.deviation / std::sqrt(n);
  return m;
}

// Of sorted values, by linear interpolation between neighbours.
double percentile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// What each log mean weighs in the least-squares slope over the points [first, end).
std::vector<double> slope_weights(const std::vector<double>& x, std::size_t first, std::size_t end) {
  double mean = 0, square = 0;
  for (std::size_t i = first; i < end; ++i) mean += std::log(x[i]) / static_cast<double>(end - first);
  for (std::size_t i = first; i < end; ++i) square += std::pow(std::log(x[i]) - mean, 2);
  std::vector<double> weights(x.size(), 0);
  for (std::size_t i = first; i < end; ++i) weights[i] = (std::log(x[i]) - mean) / square;
  return weights;
}

// The slope of log means, and its standard error by the delta method.
struct Slope {
  double value = 0, error = 0;
};
Slope slope_of(const std::vector<double>& weights, const std::vector<double>& mean,
               const std::vector<double>& error) {
  Slope slope;
  double variance = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    slope.value += weights[i] * std::log(mean[i]);
    variance += std::pow(weights[i] * error[i] / mean[i], 2);
  }
  slope.error = std::sqrt(variance);
  return slope;
}

void take_interval(Exponent& exponent, const Slope& fitted, std::vector<double> t) {
  std::erase_if(t, [](double x) { return !std::isfinite(x); });
  exponent.low = exponent.high = fitted.error == 0 ? fitted.value : kNone;
  if (t.empty() || !(fitted.error > 0)) return;
  std::sort(t.begin(), t.end());
  std::vector<double> sizes = t;
  for (double& x : sizes) x = std::abs(x);
  std::sort(sizes.begin(), sizes.end());
  const double both = percentile(sizes, 0.95);
  exponent.low = fitted.value - fitted.error * std::max(both, percentile(t, 0.975));
  exponent.high = fitted.value + fitted.error * std::max(both, -percentile(t, 0.025));
}

// Mean regret at some K, with its standard error (NaN for one replica) and the uniform policy's (or none).
struct Curve {
  std::vector<double> episodes, mean, error, uniform;
  double far = 0;  // so many standard errors are no chance

  Curve from(std::size_t first) const {
    return {tail(episodes, first), tail(mean, first), tail(error, first),
            uniform.empty() ? uniform : tail(uniform, first), far};
  }
  std::string at(std::size_t i) const { return "at K = " + to_text(episodes[i]); }
};

// Three standard deviations where a deviation is estimated from n replicas: Student's quantile of that level,
// by the first terms of its expansion in 1 / (n - 1).
double three_deviations(double n) {
  const double z = 3, v = std::max(1.0, n - 1);
  return z + (z * z * z + z) / (4 * v) + (5 * std::pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * v * v);
}

std::string short_text(double v, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, v);
  return text;
}

// Of a log mean; 0 where one replica leaves it unknown, so that what is seen counts as it is.
double log_error(const Curve& c, std::size_t i) {
  return std::isfinite(c.error[i]) ? c.error[i] / c.mean[i] : 0;
}

std::string why_it_bends(const Curve& c) {
  const std::size_t n = c.mean.size();
  const std::vector<double> below = slope_weights(c.episodes, 0, (n + 1) / 2),
                            above = slope_weights(c.episodes, n / 2, n);
  double lower = 0, upper = 0, variance = 0;
  for (std::size_t i = 0; i < n; ++i) {
    lower += below[i] * std::log(c.mean[i]);
    upper += above[i] * std::log(c.mean[i]);
    variance += std::pow((above[i] - below[i]) * log_error(c, i), 2);
  }
  const double bend = std::abs(upper - lower);
  if (bend <= kMostBend || bend <= c.far * std::sqrt(variance)) return "";
  return "the curve is no power law: its slope goes from " + short_text(lower, "%.2f") +
         " over the lower half of these K to " + short_text(upper, "%.2f") + " over the upper half";
}

std::string why_it_scatters(const Curve& c) {
  const Line line = fit_log_log(c.episodes, c.mean);
  for (std::size_t i = 0; i < c.mean.size(); ++i) {
    const double off = std::log(c.mean[i]) - line.intercept - line.slope * std::log(c.episodes[i]);
    if (std::abs(off) > kMostResidual && std::abs(off) > c.far * log_error(c, i))
      return "the curve is no power law: " + c.at(i) + " it lies " +
             short_text(100 * std::abs(std::expm1(off)), "%.0f") + " % off the line through all";
  }
  return "";
}

std::string why_no_exponent(const Curve& c) {
  if (c.mean.size() < 3) return "three K or more are needed to see a power law";
  for (std::size_t i = 0; i < c.mean.size(); ++i)
    if (!(c.mean[i] > 0)) return c.at(i) + " regret is not positive and has no logarithm";
  for (std::size_t i = c.uniform.size(); i-- > 0;) {
    const double error = std::isfinite(c.error[i]) ? 2 * c.error[i] : 0;
    if (c.mean[i] + error > (1 - kUniformMargin) * c.uniform[i])
      return c.at(i) + " it plays no better than the uniform policy (regret " +
             short_text(c.mean[i], "%.4g") + ", of that one " + short_text(c.uniform[i], "%.4g") + ")";
  }
  const std::string bend = why_it_bends(c);
  return bend.empty() ? why_it_scatters(c) : bend;
}

void withhold(Exponent& exponent, const Curve& curve) {
  exponent.none_because = why_no_exponent(curve);
  if (!exponent.none_because.empty()) exponent.value = exponent.low = exponent.high = kNone;
}

}  // namespace

Line fit_log_log(const std::vector<double>& x, const std::vector<double>& y) {
  double n = 0, mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  const auto usable = [&](std::size_t i) { return x[i] > 0 && y[i] > 0 && std::isfinite(y[i]); };
  for (std::size_t i = 0; i < x.size(); ++i)
    if (usable(i)) n += 1, mean_x += std::log(x[i]), mean_y += std::log(y[i]);
  if (n < 2) return {kNone, kNone};
  mean_x /= n;
  mean_y /= n;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (usable(i)) {
      const double dx = std::log(x[i]) - mean_x;
      xx += dx * dx;
      xy += dx * (std::log(y[i]) - mean_y);
    }
  return {xy / xx, mean_y - xy / xx * mean_x};
}

std::vector<double> local_exponents(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<double> slopes;
  for (std::size_t i = 1; i < x.size(); ++i)
    slopes.push_back(y[i] > 0 && y[i - 1] > 0 ? std::log(y[i] / y[i - 1]) / std::log(x[i] / x[i - 1])
                                              : kNone);
  return slopes;
}

double tail_index(std::vector<double> values) {
  const std::size_t upper = values.size() / 4;
  if (upper < 2) return kNone;
  std::sort(values.begin(), values.end(), std::greater<>());
  const double below = values[upper];
  if (!(below > 0)) return kNone;
  double sum = 0;
  for (std::size_t i = 0; i < upper; ++i) sum += std::log(values[i] / below);
  return static_cast<double>(upper) / sum;  // infinite where all are the same
}

namespace {

// Moments, fits and intervals, whether or not there is a power law.
Growth fits_of(const RegretTable& table, std::uint64_t seed, int resamples) {
  Growth g;
  const std::size_t points = table.episodes.size(), half = points / 2;
  for (const std::vector<double>& replicas : table.regret) {
    const Moments m = moments_of(replicas.size(), [&](std::size_t r) { return replicas[r]; });
    g.mean.push_back(m.mean);
    g.deviation.push_back(m.deviation);
    g.standard_error.push_back(m.error);
    g.lowest.push_back(*std::min_element(replicas.begin(), replicas.end()));
    g.highest.push_back(*std::max_element(replicas.begin(), replicas.end()));
    g.median.push_back(quantile(replicas, 0.5));
    g.below_95.push_back(quantile(replicas, 0.95));
    g.below_99.push_back(quantile(replicas, 0.99));
  }
  g.local = local_exponents(table.episodes, g.mean);
  g.tail_index = kNone;
  for (std::size_t i = half; i < points; ++i)
    g.tail_index = std::fmin(g.tail_index, tail_index(table.regret[i]));
  const auto fit = [&](std::size_t first) {
    Exponent e;
    e.value = fit_log_log(tail(table.episodes, first), tail(g.mean, first)).slope;
    e.low = e.high = kNone;
    for (std::size_t i = first; i < points; ++i) (g.mean[i] > 0 ? e.points : e.dropped) += 1;
    return e;
  };
  g.all = fit(0);
  g.upper_half = fit(half);
  if (points > 0 && table.regret[0].size() > 1) {
    const std::vector<double> weights = slope_weights(table.episodes, 0, points),
                              upper_weights = slope_weights(table.episodes, half, points);
    const std::vector<Exponent> fitted =
        exponents_of(table.regret, {weights, upper_weights}, seed, resamples);
    g.all.low = fitted[0].low, g.all.high = fitted[0].high;
    g.upper_half.low = fitted[1].low, g.upper_half.high = fitted[1].high;
  }
  return g;
}

}  // namespace

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  return percentile(values, share);
}

std::vector<Exponent> exponents_of(const std::vector<std::vector<double>>& regret,
                                   const std::vector<std::vector<double>>& weights, std::uint64_t seed,
                                   int resamples) {
  std::vector<double> mean, error;
  for (const std::vector<double>& replicas : regret) {
    const Moments m = moments_of(replicas.size(), [&](std::size_t r) { return replicas[r]; });
    mean.push_back(m.mean);
    error.push_back(m.error);
  }
  std::vector<Slope> fitted;
  for (const std::vector<double>& w : weights) fitted.push_back(slope_of(w, mean, error));
  std::vector<std::vector<double>> t(weights.size());
  for (int b = 0; b < resamples; ++b) {
    const Random random(seed, RandomStream::kUser, static_cast<std::uint64_t>(b));
    std::uint64_t draw = 0;
    std::vector<double> means, errors;
    for (const std::vector<double>& replicas : regret) {
      const auto n = static_cast<std::uint32_t>(replicas.size());
      const Moments m = moments_of(n, [&](std::size_t) { return replicas[random.integer(draw++, n)]; });
      means.push_back(m.mean);
      errors.push_back(m.error);
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const Slope one = slope_of(weights[i], means, errors);
      t[i].push_back((one.value - fitted[i].value) / one.error);
    }
  }
  std::vector<Exponent> exponents(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    exponents[i].value = fitted[i].value;
    exponents[i].points = std::ranges::count_if(weights[i], [](double w) { return w != 0; });
    take_interval(exponents[i], fitted[i], std::move(t[i]));
  }
  return exponents;
}

std::string standing_of(const Growth& g, double theory) {
  const bool halves = g.mean.size() >= 5;  // the upper one has three points then
  const Exponent& e = halves ? g.upper_half : g.all;
  if (!e.none_because.empty()) return "a passing point: " + e.none_because;
  const bool interval = std::isfinite(e.low);
  const std::string slope =
      "slope " + short_text(e.value, "%.2f") +
      (interval ? " [" + short_text(e.low, "%.2f") + ", " + short_text(e.high, "%.2f") + "]" : "") +
      (halves ? " over the upper half" : " over all K");
  if (!std::isfinite(theory)) return "a slope alone: " + slope + ", and no theory to hold it to";
  const std::string said = slope + ", theory's is " + short_text(theory, "%.2f");
  const double lowest = interval ? e.low : e.value;
  if (lowest > theory + kRateMargin) return "a passing point: " + said;
  return (interval ? e.high : e.value) < theory - kRateMargin ? "a rate below the bound: " + said
                                                              : "a rate: " + said;
}

Exponent interval_of(const RegretTable& table, std::uint64_t seed, int resamples) {
  return fits_of(table, seed, resamples).all;
}

Growth growth_of(const RegretTable& table, std::uint64_t seed, int resamples,
                 const std::vector<double>& uniform) {
  Growth g = fits_of(table, seed, resamples);
  const std::size_t points = table.episodes.size();
  const double count = points == 0 ? 0 : static_cast<double>(table.regret[0].size());
  const Curve curve{table.episodes, g.mean, g.standard_error, uniform, three_deviations(count)};
  withhold(g.all, curve);
  withhold(g.upper_half, curve.from(points / 2));
  return g;
}

}  // namespace hardy::algorithms
