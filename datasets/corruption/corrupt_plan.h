// What will be done to one element: which rows, with which draws, over which standard deviation.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "datasets/corruption/corrupt.h"
#include "datasets/episodes.h"
#include "engine/base/mt19937.h"
#include "engine/base/random.h"

namespace hardy::datasets {

// A set of rows, one bit each.
class RowSet {
 public:
  explicit RowSet(std::int64_t rows = 0) : rows_(rows), bits_(static_cast<std::size_t>((rows + 63) / 64)) {}
  void add(std::int64_t row) { bits_[word(row)] |= std::uint64_t{1} << (row & 63); }
  bool has(std::int64_t row) const { return bits_[word(row)] >> (row & 63) & 1; }
  std::int64_t rows() const { return rows_; }
  std::int64_t count() const;

 private:
  static std::size_t word(std::int64_t row) { return static_cast<std::size_t>(row >> 6); }
  std::int64_t rows_;
  std::vector<std::uint64_t> bits_;
};

// The draws of a corruption, element after element. With NumPy's generator one stream runs through all
// elements in order; Philox keys each element's draws by the element.
class CorruptionDraws {
 public:
  CorruptionDraws(const CorruptionSettings& settings);

  // The element's rows. `episodes` may be empty where the pattern does not need it.
  RowSet choose(Element element, std::int64_t rows, const std::vector<EpisodeRows>& episodes);
  // The element's noise: uniform in [-scale, scale), to be asked for `count` times in order; the stream moves
  // on at once.
  std::function<double()> noise(Element element, std::int64_t count);

 private:
  double mask(std::uint64_t unit);

  const CorruptionSettings& settings_;
  NumpyRandomState state_;
  Random masks_, noise_;
  bool chosen_ = false;
  RowSet shared_;
};

// Population standard deviation of each dimension over pieces of a column that are given twice, in order.
// single: as NumPy computes float32 columns, float32 sums row after row; else float64 sums.
class StandardDeviation {
 public:
  StandardDeviation(std::size_t width, bool single) : single_(single), mean_(width, 0), square_(width, 0) {}
  void first(std::span<const double> rows);   // sums
  void second(std::span<const double> rows);  // squares about the mean, after all of first()
  std::vector<double> result() const;

 private:
  void finish_mean();
  bool single_, have_mean_ = false;
  double n_ = 0;
  std::vector<double> mean_, square_;
};

}  // namespace hardy::datasets
