#include "engine/nn/initialise.h"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>

namespace hardy::nn {
namespace {

void fill_uniform(std::span<float> tensor, double bound, const Random& draws) {
  for (std::size_t i = 0; i < tensor.size(); ++i)
    tensor[i] = static_cast<float>((2 * draws.uniform64(i) - 1) * bound);
}

// Q of the QR factorisation of a Gaussian matrix, signs fixed by R's diagonal (Saxe et al. 2014).
void fill_orthogonal(std::span<float> tensor, std::int64_t rows, std::int64_t columns, double gain,
                     const Random& draws) {
  const std::int64_t tall = std::max(rows, columns), wide = std::min(rows, columns);
  Eigen::MatrixXd gaussian(tall, wide);
  for (std::int64_t i = 0; i < tall * wide; ++i)
    gaussian(i / wide, i % wide) = draws.normal(static_cast<std::uint64_t>(i));
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(gaussian);
  Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(tall, wide);
  for (std::int64_t j = 0; j < wide; ++j)
    if (qr.matrixQR()(j, j) < 0) q.col(j) = -q.col(j);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      tensor[static_cast<std::size_t>(i * columns + j)] =
          static_cast<float>(gain * (rows >= columns ? q(i, j) : q(j, i)));
}

}  // namespace

void initialise(std::span<float> tensor, std::int64_t fan_in, std::int64_t fan_out, const Initialiser& how,
                const Random& draws) {
  using Kind = Initialiser::Kind;
  switch (how.kind) {
    case Kind::kFanIn:
      return fill_uniform(tensor, how.value / std::sqrt(static_cast<double>(fan_in)), draws);
    case Kind::kFanOut:
      return fill_uniform(tensor, how.value / std::sqrt(static_cast<double>(fan_out)), draws);
    case Kind::kUniform:
      return fill_uniform(tensor, how.value, draws);
    case Kind::kConstant:
      std::ranges::fill(tensor, static_cast<float>(how.value));
      return;
    case Kind::kOrthogonal:
      if (static_cast<std::int64_t>(tensor.size()) == fan_in * fan_out)
        fill_orthogonal(tensor, fan_in, fan_out, how.value, draws);
      else
        std::ranges::fill(tensor, 0.0f);  // biases begin at zero beside an orthogonal weight
  }
}

}  // namespace hardy::nn
