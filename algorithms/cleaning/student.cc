#include "algorithms/cleaning/student.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numbers>

namespace hardy::algorithms {
namespace {

// log Gamma((nu + D) / 2) - log Gamma(nu / 2) - D/2 log(nu pi)
double normaliser(double nu, double d) {
  return std::lgamma(0.5 * (nu + d)) - std::lgamma(0.5 * nu) - 0.5 * d * std::log(nu * std::numbers::pi);
}

constexpr double kRidge = 1e-8;  // outputs that are predicted exactly

// Two laws of one dimension, that of `wrong` with more freedoms: its tail is the lighter one, so that from
// some error on `right` would be likelier again. The square of the error e at which the odds are greatest;
// infinity where they rise for ever. From 0 = d/dq [(n + 1) log(1 + q / (n a^2)) - (m + 1) log(1 + q / (m
// b^2))], q = e^2, with freedoms n, m and scales a, b of right and wrong.
double farthest(const Student& right, const Student& wrong) {
  const double n = right.freedom(), m = wrong.freedom();
  if (m <= n) return INFINITY;
  const double a = right.lower()(0, 0), b = wrong.lower()(0, 0);
  const double square = ((n + 1) * m * b * b - (m + 1) * n * a * a) / (m - n);
  return square > 0 ? square : INFINITY;  // never greatest beyond 0: wrong is the narrower law
}

}  // namespace

double sum_of_logs(const Eigen::VectorXd& x) {  // the scalar one: GCC warns of Eigen's AVX-512 form
  double sum = 0;
  for (const double v : x) sum += std::log(v);
  return sum;
}

void Student::Sums::add(const Student& now, std::span<const double> e, double square, double w) {
  const auto d = static_cast<double>(e.size());
  const double pull = w * (now.nu_ + d) / (now.nu_ + square);
  for (std::size_t i = 0; i < e.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j)
      outer(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) += pull * e[i] * e[j];
  pulls += pull;
  weight += w;
  for (std::size_t k = 0; k < kFreedoms.size(); ++k) logs[k] += w * std::log1p(square / kFreedoms[k]);
}

void Student::Sums::add(const Sums& other) {
  outer += other.outer;
  pulls += other.pulls;
  weight += other.weight;
  for (std::size_t k = 0; k < logs.size(); ++k) logs[k] += other.logs[k];
}

void Student::fit(const Sums& sums) {
  if (!(sums.weight > 2.0 * static_cast<double>(size()))) return;
  const auto d = static_cast<double>(size());
  double best = -INFINITY, nu = nu_;
  for (std::size_t k = 0; k < sums.logs.size(); ++k) {
    const double f = Sums::kFreedoms[k];
    const double likelihood = sums.weight * normaliser(f, d) - 0.5 * (f + d) * sums.logs[k];
    if (likelihood > best) best = likelihood, nu = f;
  }
  Eigen::MatrixXd scale = sums.outer.selfadjointView<Eigen::Lower>();
  set(scale / sums.pulls, nu);
}

void Student::set(const Eigen::MatrixXd& scale, double freedom) {
  const double mean = scale.trace() / static_cast<double>(size());
  const Eigen::LLT<Eigen::MatrixXd> llt(scale +
                                        (kRidge + 1e-9 * mean) * Eigen::MatrixXd::Identity(size(), size()));
  if (llt.info() != Eigen::Success) return;
  lower_ = llt.matrixL();
  nu_ = freedom;
  normalise();
}

void Student::normalise() {
  constant_ = normaliser(nu_, static_cast<double>(size())) - sum_of_logs(lower_.diagonal());
}

std::vector<double> probably_wrong(const std::vector<double>& e, double least) {
  std::vector<double> wrong(e.size());
  if (e.size() < 50) return wrong;
  std::vector<double> size(e.size());
  std::ranges::transform(e, size.begin(), [](double x) { return std::abs(x); });
  std::ranges::sort(size);
  const double middle = size[size.size() / 3], wide = size[size.size() * 9 / 10];
  Student right(1), off(1);
  right.set(Eigen::MatrixXd::Constant(1, 1, std::max(1e-12, middle * middle)), 4);
  off.set(Eigen::MatrixXd::Constant(1, 1, std::max(least * least, wide * wide)), 4);
  double share = 0.3;
  for (int iteration = 0; iteration < 40; ++iteration) {
    Student::Sums of_right(1), of_off(1);
    const double far = std::sqrt(farthest(right, off));
    for (std::size_t i = 0; i < e.size(); ++i) {
      const double a = e[i] / right.lower()(0, 0), b = e[i] / off.lower()(0, 0);
      const double judged = std::min(std::abs(e[i]), far);  // what is further out is no likelier right
      const double x = judged / right.lower()(0, 0), y = judged / off.lower()(0, 0);
      const double odds =
          std::log(share) + off.log_density(y * y) - std::log1p(-share) - right.log_density(x * x);
      wrong[i] = 1 / (1 + std::exp(-odds));
      of_right.add(right, {&e[i], 1}, a * a, 1 - wrong[i]);
      of_off.add(off, {&e[i], 1}, b * b, wrong[i]);
    }
    share = std::clamp(of_off.weight / static_cast<double>(e.size()), 1e-6, 0.9);
    right.fit(of_right);
    off.fit(of_off);
    if (off.lower()(0, 0) < least) off.set(Eigen::MatrixXd::Constant(1, 1, least * least), off.freedom());
  }
  return wrong;
}

}  // namespace hardy::algorithms
