#include "engine/linalg/dense.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/ops/gemm.h"

namespace hardy::linalg {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Columns = Eigen::Map<Eigen::MatrixXd>;  // rows of a row-major array as columns
using ConstColumns = Eigen::Map<const Eigen::MatrixXd>;
using ConstSquare = Eigen::Map<const Matrix>;

constexpr std::int64_t kBlock = 128;        // rows that stay in the cache between two uses
constexpr std::int64_t kChunks = 16;        // partial sums of a covariance, at most
constexpr std::int64_t kTileColumns = 512;  // of the magnitude term

double* scratch(std::int64_t size) {
  thread_local std::vector<double> memory;
  if (memory.size() < static_cast<std::size_t>(size)) memory.resize(static_cast<std::size_t>(size));
  return memory.data();
}

}  // namespace

void weighted_syrk(const double* phi, const double* weight, std::int64_t n, std::int64_t d, double ridge,
                   double* out, ThreadTeam& team) {
  const std::int64_t chunk =
      (std::max<std::int64_t>(1, (n + kChunks - 1) / kChunks) + kBlock - 1) / kBlock * kBlock;
  const std::int64_t chunks = std::max<std::int64_t>(1, (n + chunk - 1) / chunk);
  thread_local std::vector<double> partial_memory;
  partial_memory.resize(static_cast<std::size_t>(chunks * d * d));
  double* partials = partial_memory.data();
  team.run(chunks, [=](std::int64_t c) {
    Eigen::Map<Matrix> sum(partials + c * d * d, d, d);
    sum.setZero();
    Columns scaled(scratch(kBlock * d), d, kBlock);
    for (std::int64_t k = c * chunk; k < std::min(n, (c + 1) * chunk); k += kBlock) {
      const std::int64_t rows = std::min(kBlock, n - k);
      for (std::int64_t r = 0; r < rows; ++r)
        scaled.col(r) = ConstColumns(phi + (k + r) * d, d, 1) * std::sqrt(weight[k + r]);
      sum.selfadjointView<Eigen::Lower>().rankUpdate(scaled.leftCols(rows));
    }
  });
  for (std::int64_t i = 0; i < d; ++i)
    for (std::int64_t j = 0; j <= i; ++j) {
      double sum = i == j ? ridge : 0.0;
      for (std::int64_t c = 0; c < chunks; ++c) sum += partials[(c * d + i) * d + j];
      out[i * d + j] = sum;
    }
}

bool cholesky(double* m, std::int64_t d) {
  Eigen::Map<Matrix> matrix(m, d, d);
  return Eigen::LLT<Eigen::Ref<Matrix>, Eigen::Lower>(matrix).info() == Eigen::Success;
}

void solve_lower(const double* l, std::int64_t d, double* v) {
  Columns x(v, d, 1);
  ConstSquare(l, d, d).triangularView<Eigen::Lower>().solveInPlace(x);
}
void solve_lower_transposed(const double* l, std::int64_t d, double* v) {
  Columns x(v, d, 1);
  ConstSquare(l, d, d).transpose().triangularView<Eigen::Upper>().solveInPlace(x);
}

void whiten(const double* l, const double* phi, std::int64_t n, std::int64_t d, double* out,
            ThreadTeam& team) {
  team.for_range(n, kBlock, [=](std::int64_t begin, std::int64_t end) {
    Columns y(out + begin * d, d, end - begin);
    y = ConstColumns(phi + begin * d, d, end - begin);
    ConstSquare(l, d, d).triangularView<Eigen::Lower>().solveInPlace(y);
  });
}

void quadratic_forms(const double* l, const double* phi, std::int64_t n, std::int64_t d, double* out,
                     ThreadTeam& team) {
  team.for_range(n, kBlock, [=](std::int64_t begin, std::int64_t end) {
    Columns y(scratch(kBlock * d), d, end - begin);
    y = ConstColumns(phi + begin * d, d, end - begin);
    ConstSquare(l, d, d).triangularView<Eigen::Lower>().solveInPlace(y);
    Columns(out + begin, 1, end - begin) = y.colwise().squaredNorm();
  });
}

void magnitude_term(const double* y, const double* weight, std::int64_t n, std::int64_t d, double scale,
                    double* out, ThreadTeam& team) {
  team.for_range(n, kBlock, [=](std::int64_t begin, std::int64_t end) {
    ThreadTeam alone(1);
    double* tile = scratch(kBlock * kTileColumns);
    GemmArgs<double> product;
    product.m = end - begin;
    product.k = d;
    product.a = y + begin * d;
    product.lda = d;
    product.ldb = d;
    product.transpose_b = true;
    product.c = tile;
    product.ldc = kTileColumns;
    std::fill(out + begin, out + end, 0.0);
    for (std::int64_t m = 0; m < n; m += kTileColumns) {
      product.n = std::min(kTileColumns, n - m);
      product.b = y + m * d;
      gemm_batched(product, 1, {}, alone);
      for (std::int64_t r = begin; r < end; ++r) {
        const Eigen::Map<const Eigen::ArrayXd> kernel(tile + (r - begin) * kTileColumns, product.n);
        out[r] += (kernel.min(0.0) * Eigen::Map<const Eigen::ArrayXd>(weight + m, product.n)).sum();
      }
    }
    for (std::int64_t r = begin; r < end; ++r) out[r] *= scale;
  });
}

}  // namespace hardy::linalg
