#include "engine/linalg/log_determinant.h"

#include <algorithm>
#include <cmath>

#include "engine/linalg/small.h"

namespace hardy::linalg {
namespace {

constexpr int kMostExchanges = 20000;
constexpr double kSpan = 1e-9;  // what is left of a vector below this share of its length is rounding

double dot(const double* a, const double* b, int n) {
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// How much weight goes from one action to another: the least of -ln q(t) + slope t over t in [0, most], where
// det M changes by q(t) = 1 + t (to - from) - t^2 (to from - between^2).
double best_exchange(double to, double from, double between, double slope, double most) {
  const double K = std::max(0.0, to * from - between * between), rise = to - from;
  const double c0 = rise - slope, b = 2 * K + slope * rise;
  const double root = b + std::sqrt(std::max(0.0, b * b - 4 * slope * K * c0));
  return root > 0 ? std::min(2 * c0 / root, most) : most;
}

}  // namespace

LogDeterminant::LogDeterminant(const double* phi, int actions, int d) : n_(actions) {
  // An orthonormal basis of the span, by Gram and Schmidt's method, twice for each vector.
  std::vector<double> basis, v(static_cast<std::size_t>(d + 1));
  const auto lifted = [&](int a) {
    std::copy_n(phi + std::int64_t{a} * d, d, v.begin());
    v[static_cast<std::size_t>(d)] = 1;
  };
  for (int a = 0; a < actions; ++a) {
    lifted(a);
    const double length = std::sqrt(dot(v.data(), v.data(), d + 1));
    for (int pass = 0; pass < 2; ++pass)
      for (int i = 0; i < r_; ++i) {
        const double* const e = basis.data() + std::int64_t{i} * (d + 1);
        const double along = dot(v.data(), e, d + 1);
        for (int j = 0; j <= d; ++j) v[static_cast<std::size_t>(j)] -= along * e[j];
      }
    const double rest = std::sqrt(dot(v.data(), v.data(), d + 1));
    if (rest <= kSpan * length) continue;
    for (double& x : v) x /= rest;
    basis.insert(basis.end(), v.begin(), v.end());
    ++r_;
  }
  const auto r = static_cast<std::size_t>(r_), n = static_cast<std::size_t>(n_);
  x_.resize(n * r);
  for (int a = 0; a < actions; ++a) {
    lifted(a);
    for (int i = 0; i < r_; ++i)
      x_[static_cast<std::size_t>(std::int64_t{a} * r_ + i)] =
          dot(v.data(), basis.data() + std::int64_t{i} * (d + 1), d + 1);
  }
  m_.resize(r * r), inverse_.resize(r), y_.resize(n * r), norms_.resize(n);
  const std::vector<double> even(n, 1.0 / n_);
  factor(even.data());
  x_ = y_;  // of which the even mixture is the identity
}

void LogDeterminant::factor(const double* p) {
  std::fill(m_.begin(), m_.end(), 0.0);
  for (int a = 0; a < n_; ++a)
    for (int i = 0; i < r_; ++i)
      for (int j = 0; j <= i; ++j)
        m_[static_cast<std::size_t>(std::int64_t{i} * r_ + j)] +=
            p[a] * x_[static_cast<std::size_t>(std::int64_t{a} * r_ + i)] *
            x_[static_cast<std::size_t>(std::int64_t{a} * r_ + j)];
  cholesky<1>(m_.data(), r_, inverse_.data());
  whiten<1>(m_.data(), inverse_.data(), x_.data(), n_, r_, y_.data());
  for (int a = 0; a < n_; ++a) {
    const double* const y = y_.data() + std::int64_t{a} * r_;
    norms_[static_cast<std::size_t>(a)] = dot(y, y, r_);
  }
}

double LogDeterminant::solve(double eta, const double* cost, double* p) {
  const auto [least, largest] = std::minmax_element(cost, cost + n_);
  const double base = *least, enough = 1e-9 * (1 + eta * (*largest - base));
  double gap = 0;
  for (int step = 0; step < kMostExchanges; ++step) {
    factor(p);
    int to = 0, from = -1;
    double mean = 0;
    const auto g = [&](int a) { return norms_[static_cast<std::size_t>(a)] - eta * (cost[a] - base); };
    for (int a = 0; a < n_; ++a) {
      mean += p[a] * g(a);
      if (g(a) > g(to)) to = a;
      if (p[a] > 0 && (from < 0 || g(a) < g(from))) from = a;
    }
    gap = g(to) - mean;
    if (!(gap > enough) || to == from) break;
    const double t =
        best_exchange(norms_[static_cast<std::size_t>(to)], norms_[static_cast<std::size_t>(from)],
                      dot(y_.data() + std::int64_t{to} * r_, y_.data() + std::int64_t{from} * r_, r_),
                      eta * (cost[to] - cost[from]), p[from]);
    p[to] += t;
    p[from] = t < p[from] ? p[from] - t : 0.0;
    ++exchanges_;
  }
  double sum = 0;
  for (int a = 0; a < n_; ++a) sum += p[a];
  for (int a = 0; a < n_; ++a) p[a] /= sum;
  return gap;
}

}  // namespace hardy::linalg
