#include "datasets/distribution.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

constexpr std::size_t kSums = 8;        // partial sums: one order, whatever the machine
constexpr std::int64_t kFine = 2048;    // fine bins at most
constexpr std::int64_t kBins = 24;      // of the histogram that is shown
constexpr int kIndexBits = 40;          // of a fine bin's number
constexpr std::size_t kStretch = 2048;  // rows of one dimension taken at a time

template <class Term>
double sum_of(std::span<const double> x, Term&& term) {
  double sums[kSums] = {};
  std::size_t i = 0;
  for (; i + kSums <= x.size(); i += kSums)
    for (std::size_t k = 0; k < kSums; ++k) sums[k] += term(x[i + k]);
  for (std::size_t k = 0; i < x.size(); ++i, ++k) sums[k] += term(x[i]);
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

std::pair<double, double> extremes_of(std::span<const double> x) {
  double low[kSums], high[kSums];
  std::fill_n(low, kSums, x[0]);
  std::fill_n(high, kSums, x[0]);
  std::size_t i = 0;
  for (; i + kSums <= x.size(); i += kSums)
    for (std::size_t k = 0; k < kSums; ++k) {
      low[k] = std::min(low[k], x[i + k]);
      high[k] = std::max(high[k], x[i + k]);
    }
  for (; i < x.size(); ++i) {
    low[0] = std::min(low[0], x[i]);
    high[0] = std::max(high[0], x[i]);
  }
  return {*std::min_element(low, low + kSums), *std::max_element(high, high + kSums)};
}

std::int64_t bin_of(double x, int exponent) {
  return static_cast<std::int64_t>(std::floor(std::ldexp(x, -exponent)));
}

// The least e with 2^e >= x.
int exponent_above(double x) {
  int e = 0;
  const double share = std::frexp(x, &e);
  return share == 0.5 ? e - 1 : e;
}

}  // namespace

void Distribution::add(std::span<const double> x) {
  if (x.empty()) return;
  // A value that is not finite shows in the sum.
  if (const double sum = sum_of(x, [](double v) { return v; }); std::isfinite(sum)) {
    const auto [low, high] = extremes_of(x);
    return add_finite(x, low, high, sum / static_cast<double>(x.size()));
  }
  std::vector<double> finite;
  std::ranges::copy_if(x, std::back_inserter(finite), [](double v) { return std::isfinite(v); });
  bad_ += static_cast<std::int64_t>(x.size() - finite.size());
  if (finite.empty()) return;
  const auto [low, high] = extremes_of(finite);
  const auto n = static_cast<double>(finite.size());
  add_finite(finite, low, high, sum_of(finite, [n](double v) { return v / n; }));  // sums may overflow
}

void Distribution::add_finite(std::span<const double> x, double low, double high, double mean) {
  const auto m = static_cast<double>(x.size()), n = static_cast<double>(n_);
  const double square = sum_of(x, [mean](double v) { return (v - mean) * (v - mean); });
  const double apart = mean - mean_;
  mean_ += apart * m / (n + m);
  square_ += square + apart * apart * n * m / (n + m);
  low_ = n_ ? std::min(low_, low) : low;
  high_ = n_ ? std::max(high_, high) : high;
  n_ += static_cast<std::int64_t>(x.size());

  cover(low, high);
  const double scale = std::ldexp(1.0, -exponent_), first = static_cast<double>(first_);
  const auto most = static_cast<std::int64_t>(counts_.size()) - 1;
  std::int64_t* counts = counts_.data();
  for (const double v : x)
    ++counts[std::clamp<std::int64_t>(static_cast<std::int64_t>(v * scale - first), 0, most)];
}

void Distribution::cover(double low, double high) {
  if (!counts_.empty() && bin_of(low, exponent_) >= first_ &&
      bin_of(high, exponent_) < first_ + static_cast<std::int64_t>(counts_.size()))
    return;
  // low_ and high_ are of all that was seen, this stretch included.
  const double reach = std::max(std::abs(low_), std::abs(high_));
  int exponent = std::max(-1000, exponent_above(reach) - kIndexBits);
  const double least = (high_ / 2 - low_ / 2) * (4.0 / static_cast<double>(kFine));
  if (least > 0) exponent = std::max(exponent, exponent_above(least));
  if (!counts_.empty()) exponent = std::max(exponent, exponent_);
  const std::int64_t first = bin_of(low_, exponent);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(bin_of(high_, exponent) - first + 1), 0);
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i])
      counts[static_cast<std::size_t>(
          ((first_ + static_cast<std::int64_t>(i)) >> std::min(exponent - exponent_, 62)) - first)] +=
          counts_[i];
  exponent_ = exponent;
  first_ = first;
  counts_ = std::move(counts);
}

nlohmann::json Distribution::result() const {
  if (n_ == 0) return {{"not_finite", bad_}};
  std::vector<double> edges;
  std::vector<std::int64_t> counts;
  if (low_ == high_) {
    edges = {low_, low_ + std::max(1.0, std::abs(low_) * 1e-6)};  // one bin holds them all
    counts = {n_};
  } else {
    const auto fine = static_cast<std::int64_t>(counts_.size());
    const std::int64_t each = (fine + kBins - 1) / kBins;
    counts.assign(static_cast<std::size_t>((fine + each - 1) / each), 0);
    for (std::int64_t i = 0; i < fine; ++i)
      counts[static_cast<std::size_t>(i / each)] += counts_[static_cast<std::size_t>(i)];
    for (std::size_t i = 0; i <= counts.size(); ++i)
      edges.push_back(
          std::ldexp(static_cast<double>(first_ + static_cast<std::int64_t>(i) * each), exponent_));
  }
  nlohmann::json r{{"mean", mean_},
                   {"std", std::sqrt(square_ / static_cast<double>(n_))},
                   {"min", low_},
                   {"max", high_},
                   {"histogram", {{"edges", edges}, {"counts", counts}}}};
  if (bad_) r["not_finite"] = bad_;
  return r;
}

void Distributions::add(std::span<const double> x) {
  const std::size_t width = dimensions_.size(), rows = width ? x.size() / width : 0;
  for (std::size_t at = 0; at < rows; at += kStretch) {
    const std::size_t n = std::min(kStretch, rows - at);
    one_.resize(n);
    for (std::size_t k = 0; k < width; ++k) {
      for (std::size_t i = 0; i < n; ++i) one_[i] = x[(at + i) * width + k];
      dimensions_[k].add(one_);
    }
  }
}

nlohmann::json Distributions::result() const {
  nlohmann::json all = nlohmann::json::array();
  for (const Distribution& d : dimensions_) all.push_back(d.result());
  return all;
}

}  // namespace hardy::datasets
