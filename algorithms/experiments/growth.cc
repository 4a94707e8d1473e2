#include "algorithms/experiments/growth.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "engine/base/random.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<double> tail(const std::vector<double>& values, std::size_t from) {
  return {values.begin() + static_cast<std::ptrdiff_t>(from), values.end()};
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

// Of sorted values, by linear interpolation between neighbours.
double percentile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

void take_interval(Exponent& exponent, std::vector<double> slopes) {
  std::erase_if(slopes, [](double s) { return !std::isfinite(s); });
  exponent.low = exponent.high = kNone;
  if (slopes.empty()) return;
  std::sort(slopes.begin(), slopes.end());
  exponent.low = percentile(slopes, 0.025);
  exponent.high = percentile(slopes, 0.975);
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

// What each log mean weighs in the least-squares slope over the points [first, end).
std::vector<double> slope_weights(const std::vector<double>& x, std::size_t first, std::size_t end) {
  double mean = 0, square = 0;
  for (std::size_t i = first; i < end; ++i) mean += std::log(x[i]) / static_cast<double>(end - first);
  for (std::size_t i = first; i < end; ++i) square += std::pow(std::log(x[i]) - mean, 2);
  std::vector<double> weights(x.size(), 0);
  for (std::size_t i = first; i < end; ++i) weights[i] = (std::log(x[i]) - mean) / square;
  return weights;
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

Growth growth_of(const RegretTable& table, std::uint64_t seed, int resamples,
                 const std::vector<double>& uniform) {
  Growth g;
  const std::size_t points = table.episodes.size(), half = points / 2;
  for (const std::vector<double>& replicas : table.regret) {
    const double mean = mean_of(replicas), n = static_cast<double>(replicas.size());
    double squares = 0;
    for (const double r : replicas) squares += (r - mean) * (r - mean);
    const double deviation = n > 1 ? std::sqrt(squares / (n - 1)) : kNone;
    g.mean.push_back(mean);
    g.deviation.push_back(deviation);
    g.standard_error.push_back(deviation / std::sqrt(n));
    g.lowest.push_back(*std::min_element(replicas.begin(), replicas.end()));
    g.highest.push_back(*std::max_element(replicas.begin(), replicas.end()));
  }
  g.local = local_exponents(table.episodes, g.mean);
  g.all = {fit_log_log(table.episodes, g.mean).slope, kNone, kNone, static_cast<std::int64_t>(points), ""};
  g.upper_half = {fit_log_log(tail(table.episodes, half), tail(g.mean, half)).slope, kNone, kNone,
                  static_cast<std::int64_t>(points - half), ""};
  const double count = points == 0 ? 0 : static_cast<double>(table.regret[0].size());
  const Curve curve{table.episodes, g.mean, g.standard_error, uniform, three_deviations(count)};
  if (points == 0 || table.regret[0].size() < 2) {
    withhold(g.all, curve);
    withhold(g.upper_half, curve.from(half));
    return g;
  }
  std::vector<double> slopes, upper;
  for (int b = 0; b < resamples; ++b) {
    const Random random(seed, Stream::kUser, static_cast<std::uint64_t>(b));
    std::uint64_t draw = 0;
    std::vector<double> means;
    for (const std::vector<double>& replicas : table.regret) {
      double sum = 0;
      for (std::size_t r = 0; r < replicas.size(); ++r)
        sum += replicas[random.integer(draw++, static_cast<std::uint32_t>(replicas.size()))];
      means.push_back(sum / static_cast<double>(replicas.size()));
    }
    slopes.push_back(fit_log_log(table.episodes, means).slope);
    upper.push_back(fit_log_log(tail(table.episodes, half), tail(means, half)).slope);
  }
  take_interval(g.all, std::move(slopes));
  take_interval(g.upper_half, std::move(upper));
  withhold(g.all, curve);
  withhold(g.upper_half, curve.from(half));
  return g;
}

}  // namespace hardy::algorithms
