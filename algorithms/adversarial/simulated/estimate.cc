#include "algorithms/adversarial/simulated/estimate.h"

#include <algorithm>

#include "engine/linalg/small.h"

namespace hardy::algorithms {
namespace {

double dot(const double* a, const double* b, std::int64_t d) {
  double sum = 0;
  for (std::int64_t i = 0; i < d; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

LayerEstimate LayerEstimate::of_covariance(std::vector<double> factor, std::int64_t d) {
  LayerEstimate e;
  e.d_ = d;
  e.factor_ = std::move(factor);
  e.inverse_diagonal_.resize(static_cast<std::size_t>(d));
  linalg::cholesky<1>(e.factor_.data(), d, e.inverse_diagonal_.data());
  return e;
}

LayerEstimate LayerEstimate::of_inverse(std::vector<double> sigma_dagger, std::int64_t d) {
  LayerEstimate e;
  e.d_ = d;
  e.sigma_dagger_ = std::move(sigma_dagger);
  return e;
}

void LayerEstimate::solve(double* v) const {
  if (sigma_dagger_.empty()) {
    linalg::solve_lower<1>(factor_.data(), inverse_diagonal_.data(), d_, v);
    linalg::solve_lower_transposed<1>(factor_.data(), inverse_diagonal_.data(), d_, v);
    return;
  }
  const std::vector<double> x(v, v + d_);
  for (std::int64_t i = 0; i < d_; ++i) v[i] = dot(sigma_dagger_.data() + i * d_, x.data(), d_);
}

void LayerEstimate::plain(std::span<const double> phi, double to_go) {
  theta_.assign(phi.begin(), phi.end());
  solve(theta_.data());
  for (double& x : theta_) x *= to_go;
}

void LayerEstimate::reduced(std::span<const double> phi, double to_go, int H, std::span<const Visit> visits) {
  theta_.assign(phi.begin(), phi.end());
  solve(theta_.data());
  to_go_ = to_go;
  H_ = H;
  others_.clear();
  others_.reserve(visits.size() * static_cast<std::size_t>(d_ + 1));
  for (const Visit& visit : visits) {
    others_.insert(others_.end(), visit.phi, visit.phi + d_);
    solve(others_.data() + others_.size() - static_cast<std::size_t>(d_));
    others_.push_back(visit.share);
  }
}

double LayerEstimate::q(const double* phi) const {
  const double kappa = dot(phi, theta_.data(), d_);
  if (H_ == 0) return kappa;  // theta_ holds L already
  double mean = 0;
  for (const double* other = others_.data(); other != others_.data() + others_.size(); other += d_ + 1)
    mean += other[d_] * std::min(dot(phi, other, d_), 0.0);
  return kappa * to_go_ - H_ * std::min(kappa, 0.0) + H_ * mean;
}

void LayerEstimate::norms(const double* phi, std::int64_t rows, double* scratch, double* out) const {
  if (sigma_dagger_.empty()) {
    linalg::quadratic_forms<1>(factor_.data(), inverse_diagonal_.data(), phi, rows, d_, scratch, out);
    return;
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    out[r] = 0;
    for (std::int64_t i = 0; i < d_; ++i)
      out[r] += phi[r * d_ + i] * dot(sigma_dagger_.data() + i * d_, phi + r * d_, d_);
  }
}

std::int64_t LayerEstimate::bytes() const {
  return static_cast<std::int64_t>(8 * (factor_.size() + inverse_diagonal_.size() + sigma_dagger_.size() +
                                        theta_.size() + others_.size()));
}

}  // namespace hardy::algorithms
