#include "engine/linalg/mgr.h"

#include <algorithm>

namespace hardy::linalg {

GeometricResampling::GeometricResampling(std::int64_t d, double gamma, double c)
    : d_(d), gamma_(gamma), c_(c), v_(static_cast<std::size_t>(d)) {
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
  double* z = z_.data();
  double* v = v_.data();
  std::fill(v_.begin(), v_.end(), 0.0);
  for (std::int64_t j = 0; j < d_; ++j)
    for (std::int64_t i = 0; i < d_; ++i) v[i] += phi[j] * z[j * d_ + i];
  const double keep = 1.0 - c_ * gamma_;
  for (std::int64_t j = 0; j < d_; ++j) {
    const double factor = c_ * phi[j];
    double* column = z + j * d_;
    double* sum = sum_.data() + j * d_;
    for (std::int64_t i = 0; i < d_; ++i) {
      column[i] = keep * column[i] - factor * v[i];
      sum[i] += column[i];
    }
  }
}

void GeometricResampling::finish() {
  for (std::size_t i = 0; i < total_.size(); ++i) total_[i] += c_ * sum_[i];
  ++chains_;
  restart();
}

void GeometricResampling::mean(double* out, bool symmetrised) const {
  const double scale = 1.0 / static_cast<double>(chains_);
  const auto at = [&](std::int64_t i, std::int64_t j) {
    return total_[static_cast<std::size_t>(j * d_ + i)] * scale;
  };
  for (std::int64_t i = 0; i < d_; ++i)
    for (std::int64_t j = 0; j < d_; ++j)
      out[i * d_ + j] = symmetrised ? 0.5 * (at(i, j) + at(j, i)) : at(i, j);
}

void GeometricResampling::clear(double gamma) {
  gamma_ = gamma;
  std::fill(total_.begin(), total_.end(), 0.0);
  chains_ = 0;
  restart();
}

}  // namespace hardy::linalg
