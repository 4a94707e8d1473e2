#include "datasets/robust.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "datasets/pieces.h"

namespace hardy::datasets {
namespace {

constexpr std::int64_t kStretches = 64, kStretch = 1024;
constexpr double kNormal = 1.4826;  // MAD of a normal distribution times this is its standard deviation

}  // namespace

std::vector<std::vector<double>> sorted_sample(Reader& reader, const Column& column) {
  const auto width = static_cast<std::size_t>(column.row_elements());
  std::vector<std::vector<double>> sample(width);
  const auto take = [&](std::int64_t first, std::int64_t n) {
    const std::vector<double> x = read_doubles(reader, column, first, n);
    for (std::size_t i = 0; i < x.size(); ++i)
      if (std::isfinite(x[i])) sample[i % width].push_back(x[i]);
  };
  if (column.rows() <= kStretches * kStretch) {
    for_pieces(column.rows(), take);
  } else {
    for (std::int64_t i = 0; i < kStretches; ++i)
      take(i * (column.rows() - kStretch) / (kStretches - 1), kStretch);
  }
  for (auto& dimension : sample) std::ranges::sort(dimension);
  return sample;
}

double quantile(const std::vector<double>& sorted, double p) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double at = p * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

double RobustScale::z(double x) const { return mad > 0 ? std::abs(x - median) / (kNormal * mad) : 0; }

RobustScale robust_scale(const std::vector<double>& sorted) {
  RobustScale scale;
  if (sorted.empty()) return scale;
  scale.median = quantile(sorted, 0.5);
  std::vector<double> away;
  away.reserve(sorted.size());
  for (const double x : sorted) away.push_back(std::abs(x - scale.median));
  std::ranges::sort(away);
  scale.mad = quantile(away, 0.5);
  return scale;
}

}  // namespace hardy::datasets
