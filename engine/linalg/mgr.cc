#include "engine/linalg/mgr.h"

#include <algorithm>

#include "engine/linalg/lanes.h"
#include "engine/linalg/mgr_formulas.h"

namespace hardy::linalg {
namespace {

// Rows that stand side by side, as a view of mgr_formulas.h.
template <int W>
struct Rows {
  using Number = Vec<W>;
  double* from;
  Number operator[](std::int64_t j) const { return load<W>(from + j); }
  void put(std::int64_t j, Number x) const { store<W>(from + j, x); }
  static Number all(double x) { return linalg::all<W>(x); }
  static Number product(Number a, Number b) { return a * b; }
};

}  // namespace

GeometricResampling::GeometricResampling(std::int64_t d, double gamma, double c)
    : d_(d), gamma_(gamma), c_(c) {
  const auto size = static_cast<std::size_t>(d * d);
  z_.resize(size);
  sum_.resize(size);
  total_.resize(size);
  restart();
}

void GeometricResampling::restart() {
  std::fill(z_.begin(), z_.end(), 0.0);
  for (std::int64_t i = 0; i < d_; ++i) z_[static_cast<std::size_t>(i * (d_ + 1))] = 1.0;
  sum_ = z_;
}

void GeometricResampling::draw(const double* phi) {
  double *const z = z_.data(), *const sum = sum_.data();
  std::int64_t i = 0;
  for (; i + kLanes <= d_; i += kLanes)
    resampling_step(d_, d_, phi, gamma_, c_, Rows<kLanes>{z + i}, Rows<kLanes>{sum + i});
  for (; i < d_; ++i) resampling_step(d_, d_, phi, gamma_, c_, Rows<1>{z + i}, Rows<1>{sum + i});
}

void GeometricResampling::finish() {
  const auto size = static_cast<std::int64_t>(total_.size());
  add_resampled(size, std::int64_t{1}, c_, Rows<1>{sum_.data()}, Rows<1>{total_.data()});
  ++chains_;
  restart();
}

void GeometricResampling::mean(double* out, bool symmetrised) const {
  const double scale = 1.0 / static_cast<double>(chains_);
  const auto at = [&](std::int64_t i, std::int64_t j) {
    return total_[static_cast<std::size_t>(j * d_ + i)];
  };
  for (std::int64_t i = 0; i < d_; ++i)
    for (std::int64_t j = 0; j < d_; ++j)
      out[i * d_ + j] = symmetrised ? resampled_mean<Rows<1>>(at(i, j), at(j, i), scale) : at(i, j) * scale;
}

void GeometricResampling::clear(double gamma) {
  gamma_ = gamma;
  std::fill(total_.begin(), total_.end(), 0.0);
  chains_ = 0;
  restart();
}

}  // namespace hardy::linalg
