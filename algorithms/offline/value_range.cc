#include "algorithms/offline/value_range.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

std::string whole(double value) { return to_text(std::round(value)); }

}  // namespace

std::pair<double, double> value_bounds(double least, double largest, double gamma) {
  return {least < 0 ? least / (1 - gamma) : least, largest > 0 ? largest / (1 - gamma) : largest};
}

ValueRange value_range(const datasets::Transitions& t, double gamma) {
  ValueRange range;
  if (!(gamma > 0 && gamma < 1) || t.rows == 0) return range;
  const auto [least, largest] = std::ranges::minmax(t.rewards);
  range.gamma = gamma;
  range.least_reward = least, range.largest_reward = largest;
  std::tie(range.least, range.largest) = value_bounds(least, largest, gamma);
  double sum = 0, from_here = 0;
  for (auto row = static_cast<std::size_t>(t.rows); row-- > 0;) {
    from_here = t.rewards[row] + (t.episode_end[row] != 0 ? 0 : gamma * from_here);
    sum += from_here;
  }
  range.data_mean = sum / static_cast<double>(t.rows);
  return range;
}

std::pair<double, double> reward_span(const datasets::Transitions& t) {
  std::vector<float> x = t.rewards;
  const auto quantile = [&](double p) {
    const auto at = static_cast<std::ptrdiff_t>(std::lround(p * static_cast<double>(x.size() - 1)));
    std::ranges::nth_element(x, x.begin() + at);
    return static_cast<double>(x[static_cast<std::size_t>(at)]);
  };
  if (x.empty()) return {0, 0};
  const double low = quantile(0.001);
  return {low, quantile(0.999)};
}

std::string beyond(const ValueRange& range, const ReportValues& reports,
                   std::span<const std::uint64_t> seeds) {
  const auto q = reports.find("value/q");
  if (range.gamma == 0 || q == reports.end()) return "";
  const double slack = 0.05 * (range.largest - range.least);
  for (std::size_t a = 0; a < q->second.size(); ++a) {
    const double value = q->second[a];
    if (!std::isfinite(value) || (value >= range.least - slack && value <= range.largest + slack)) continue;
    const bool above = value > range.largest;
    std::string line = "seed " + std::to_string(seeds[a]) + ": the mean Q of a batch is " + whole(value) +
                       ", and rewards of " + to_text(above ? range.largest_reward : range.least_reward) +
                       " allow " + whole(above ? range.largest : range.least) + " at gamma " +
                       to_text(range.gamma) + " (the data's own mean is " + whole(range.data_mean) +
                       "): its values are wrong";
    if (const auto td = reports.find("td_error"); td != reports.end())
      line += "; mean |TD error| " + whole(td->second[a]);
    if (const auto capped = reports.find("weight_at_cap"); capped != reports.end())
      line += ", " + whole(100 * capped->second[a]) + " % of the policy's weights at their cap";
    return line;
  }
  return "";
}

}  // namespace hardy::algorithms
