// Mean, deviation, extremes and a histogram of numbers that come in any order and once.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

namespace hardy::datasets {

class Distribution {
 public:
  void add(std::span<const double> x);

  // {"mean", "std" (of the population), "min", "max", "histogram": {"edges", "counts"}}, of what is finite,
  // and "not_finite" where something is not. The histogram has at most 24 bins of one width; a bin holds
  // [edge, next edge), the first edge is at most the minimum, the last one above the maximum, and all are
  // multiples of a power of two: what was counted in fine bins on the way is exact in these. A single value
  // stands at the left of 24 bins over [value, value + 1]. Of nothing finite: {"not_finite"} alone.
  nlohmann::json result() const;

 private:
  void add_finite(std::span<const double> x, double low, double high, double mean);
  void cover(double low, double high);  // makes the bins reach that far

  std::int64_t n_ = 0, bad_ = 0;
  double mean_ = 0, square_ = 0, low_ = 0, high_ = 0;
  // Fine bins of width 2^exponent_; counts_[i] is of [(first_ + i), (first_ + i + 1)) 2^exponent_.
  int exponent_ = 0;
  std::int64_t first_ = 0;
  std::vector<std::int64_t> counts_;
};

// Columns of numbers: dimension k of row i is x[i * width + k].
class Distributions {
 public:
  explicit Distributions(std::size_t width) : dimensions_(width) {}
  void add(std::span<const double> x);
  nlohmann::json result() const;  // a list, by dimension

 private:
  std::vector<Distribution> dimensions_;
  std::vector<double> one_;  // a stretch of one dimension
};

}  // namespace hardy::datasets
