#include "algorithms/adversarial/growth.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/random.h"

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

Growth growth_of(const RegretTable& table, std::uint64_t seed, int resamples) {
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
  g.all = {fit_log_log(table.episodes, g.mean).slope, kNone, kNone, static_cast<std::int64_t>(points)};
  g.upper_half = {fit_log_log(tail(table.episodes, half), tail(g.mean, half)).slope, kNone, kNone,
                  static_cast<std::int64_t>(points - half)};

  if (points == 0 || table.regret[0].size() < 2) return g;
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
  return g;
}

}  // namespace hardy::algorithms
