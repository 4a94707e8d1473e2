#include "envs/linear_mdp/linear_mdp.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/linalg/small.h"

namespace hardy::envs {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using View = Eigen::Map<const Matrix>;

constexpr double kRounding = 1e-9;  // of sums and norms that should be 1

std::string place(const char* array, int h, std::int64_t s, std::int64_t a) {
  return std::string(array) + "[h=" + std::to_string(h) + "][s=" + std::to_string(s) +
         "][a=" + std::to_string(a) + "]";
}

void require_size(const std::string& name, const char* array, std::size_t have, std::int64_t want,
                  const char* shape) {
  if (have != static_cast<std::size_t>(want))
    throw Error(std::string(array) + " holds " + std::to_string(have) + " numbers", name,
                std::string(shape) + " needs " + std::to_string(want));
}

// Each row a law: no entry below 0, the sum 1. first: the row's index among all (s,a) of layer h.
void require_laws(const std::string& name, const char* array, const Matrix& rows, int h, std::int64_t first,
                  int A) {
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    const double sum = rows.row(i).sum(), least = rows.row(i).minCoeff();
    const std::int64_t s = (first + i) / A, a = (first + i) % A;
    if (!(std::abs(sum - 1) <= kRounding))
      throw Error("row " + place(array, h, s, a) + " sums to " + to_text(sum), name, "a law sums to 1");
    if (!(least >= -kRounding))
      throw Error("row " + place(array, h, s, a) + " holds " + to_text(least), name,
                  "probabilities are at least 0");
  }
}

}  // namespace

void LinearMdp::check_shapes() const {
  if (H < 1 || S < 1 || A < 1 || d < 1)
    throw Error("H = " + std::to_string(H) + ", S = " + std::to_string(S) + ", A = " + std::to_string(A) +
                    ", d = " + std::to_string(d),
                name, "each is at least 1");
  require_size(name, "phi", phi.size(), H * pairs() * d, "[H][S][A][d]");
  require_size(name, "start", start.size(), S, "[S]");
  if (!transitions.empty() || H == 1)
    require_size(name, "P", transitions.size(), (H - 1) * pairs() * S, "[H-1][S][A][S]");
  if (!mu.empty()) require_size(name, "mu", mu.size(), std::int64_t{H - 1} * d * S, "[H-1][d][S]");
  if (H > 1 && mu.empty() && transitions.empty())
    throw Error("there are neither transitions P nor mu", name, "give [H-1][S][A][S] or [H-1][d][S]");
}

void LinearMdp::check_features() {
  simplex_ = true;
  for (int h = 0; h < H; ++h)
    for (std::int64_t p = 0; p < pairs(); ++p) {
      const double* x = layer_features(h) + p * d;
      double squares = 0, sum = 0, least = 0;
      for (int i = 0; i < d; ++i) squares += x[i] * x[i], sum += x[i], least = std::min(least, x[i]);
      if (!(squares <= 1 + 2 * kRounding))
        throw Error("||" + place("phi", h, p / A, p % A) + "|| = " + to_text(std::sqrt(squares)), name,
                    "features have a norm of at most 1");
      simplex_ = simplex_ && least >= 0 && std::abs(sum - 1) <= kRounding;
    }
}

void LinearMdp::check_rows() {
  constexpr std::int64_t kBlock = 1024;
  const bool given = !transitions.empty();
  const bool dense = given || std::int64_t{H - 1} * pairs() * S <= kDenseLimit;
  if (dense && !given) transitions.resize(static_cast<std::size_t>((H - 1) * pairs() * S));
  for (int h = 0; h + 1 < H; ++h)
    for (std::int64_t first = 0; first < pairs(); first += kBlock) {
      const std::int64_t rows = std::min(kBlock, pairs() - first);
      double* const P = dense ? transitions.data() + (h * pairs() + first) * S : nullptr;
      if (given) require_laws(name, "P", View(P, rows, S), h, first, A);
      if (mu.empty()) continue;
      const Matrix product = View(layer_features(h) + first * d, rows, d) * View(layer_mu(h), d, S);
      if (!given) {
        require_laws(name, "phi mu", product, h, first, A);
        if (dense) Eigen::Map<Matrix>(P, rows, S) = product;
      } else if (const double apart = (product - View(P, rows, S)).cwiseAbs().maxCoeff();
                 !(apart <= kRounding)) {
        throw Error("P and phi mu differ by " + to_text(apart) + " in layer " + std::to_string(h), name,
                    "give one of them, or the same transitions twice");
      }
    }
}

void LinearMdp::finish() {
  check_shapes();
  check_features();
  require_laws(name, "start", View(start.data(), 1, S), 0, 0, 1);
  if (H > 1) check_rows();
  // Pushing forward is S d with mu (the sums of features are there already), n S without; pulling back
  // n d + S d against n S.
  low_rank_ = !mu.empty() && (transitions.empty() || pairs() * d + 2 * std::int64_t{S} * d < 2 * pairs() * S);
  const std::int64_t outer = linalg::outer_size(d);
  if (H * pairs() * outer <= kOuterLimit) {
    outer_.resize(static_cast<std::size_t>(H * pairs() * outer));
    linalg::outer_products(phi.data(), H * pairs(), d, outer_.data());
  }
  cumulative_ = transitions;
  for (std::size_t row = 0; row < cumulative_.size(); row += static_cast<std::size_t>(S))
    for (std::size_t t = 1; t < static_cast<std::size_t>(S); ++t)
      cumulative_[row + t] += cumulative_[row + t - 1];
}

const double* LinearMdp::cumulative(int h, int s, int a, double* scratch) const {
  const std::int64_t pair = (std::int64_t{h} * S + s) * A + a;
  if (!cumulative_.empty()) return cumulative_.data() + pair * S;
  const double* x = features(h, s, a);
  std::fill(scratch, scratch + S, 0.0);
  for (int i = 0; i < d; ++i) {
    const double* row = layer_mu(h) + std::int64_t{i} * S;
    for (int t = 0; t < S; ++t) scratch[t] += x[i] * row[t];
  }
  for (int t = 1; t < S; ++t) scratch[t] += scratch[t - 1];
  return scratch;
}

std::int64_t LinearMdp::bytes() const {
  return static_cast<std::int64_t>(
      8 * (phi.size() + transitions.size() + cumulative_.size() + outer_.size() + mu.size()));
}

}  // namespace hardy::envs
