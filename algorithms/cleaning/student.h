// Multivariate Student's t about 0: how residuals of one kind are spread, in all outputs together, with a
// heavy tail. With scale matrix Sigma = L L^T, D dimensions and nu degrees of freedom
//   log p(e) = log Gamma((nu + D) / 2) - log Gamma(nu / 2) - D/2 log(nu pi) - log det L
//              - (nu + D)/2 log(1 + |L^{-1} e|^2 / nu).
// Fitted by expectation-maximisation to weighted rows (Lange, Little, Taylor 1989, with the faster scaling of
// Kent, Tyler, Vardi 1994), nu by the largest likelihood on a grid.
#pragma once

#include <Eigen/Core>
#include <array>
#include <span>
#include <vector>

namespace hardy::algorithms {

double sum_of_logs(const Eigen::VectorXd& x);

class Student {
 public:
  explicit Student(Eigen::Index size) : lower_(Eigen::MatrixXd::Identity(size, size)) { normalise(); }

  Eigen::Index size() const { return lower_.rows(); }
  double freedom() const { return nu_; }
  const Eigen::MatrixXd& lower() const { return lower_; }  // L
  // The density where |L^{-1} e|^2 = square and log det of the scale matrix is that of Sigma plus `more`.
  double log_density(double square, double more = 0) const {
    return constant_ - 0.5 * more - 0.5 * (nu_ + static_cast<double>(size())) * std::log1p(square / nu_);
  }

  // What a walk over rows adds up for the next fit. Sums are joined in a fixed order by who makes several.
  struct Sums {
    explicit Sums(Eigen::Index size = 0) : outer(Eigen::MatrixXd::Zero(size, size)) {}
    void add(const Student& now, std::span<const double> e, double square, double weight);
    void add(const Sums& other);
    Eigen::MatrixXd outer;
    double pulls = 0, weight = 0;
    static constexpr std::array kFreedoms{1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 12.0, 25.0, 100.0};
    std::array<double, kFreedoms.size()> logs{};  // sum of weight * log(1 + square / nu)
  };
  void fit(const Sums& sums);                              // nothing where there is no weight
  void set(const Eigen::MatrixXd& scale, double freedom);  // Sigma

 private:
  void normalise();
  Eigen::MatrixXd lower_;
  double nu_ = 4, constant_ = 0;
};

// Errors of values of which some are wrong: the probability that each is, by two Student laws fitted to them
// together, that of wrong values with a scale of `least` at least. Where that is the wider one, never smaller
// for a larger error. Zeros of fewer than 50.
std::vector<double> probably_wrong(const std::vector<double>& errors, double least);

}  // namespace hardy::algorithms
