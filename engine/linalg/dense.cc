#include "engine/linalg/dense.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <vector>

#include "engine/ops/gemm.h"
#include "engine/ops/gemm_kernel.h"

namespace hardy::linalg {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Columns = Eigen::Map<Eigen::MatrixXd>;  // rows of a row-major array as columns
using ConstSquare = Eigen::Map<const Matrix>;
using detail::kPanel, detail::kTileRows, detail::kTileVectors, detail::tile_of;

constexpr std::int64_t kBlock = 120;        // rows that stay in the cache between two uses, ten tiles
constexpr std::int64_t kChunks = 16;        // partial sums of a covariance, at most
constexpr std::int64_t kTileColumns = 512;  // of the magnitude term
constexpr std::int64_t kWidth = kPanel<double>;

std::int64_t round_up(std::int64_t x, std::int64_t to) { return (x + to - 1) / to * to; }

// Memory of a thread, for one purpose each.
enum Purpose { kScaled, kPartials, kPacked, kTile, kPurposes };
double* scratch(Purpose purpose, std::int64_t size) {
  thread_local std::vector<double> memory[kPurposes];
  std::vector<double>& m = memory[purpose];
  if (m.size() < static_cast<std::size_t>(size)) m.resize(static_cast<std::size_t>(size));
  return m.data();
}

detail::TileEnd<double> tile_end(double* c, std::int64_t ldc, bool add) {
  return {c, ldc, add, nullptr, false, nullptr, 0};
}

// L^{-1} in panels of kWidth rows, transposed: panel j begins at panel_at(j) and holds, for each column k up
// to its last row, the panel's elements (row, k) side by side. With it a row's L^{-1} phi is a product, which
// runs at the rate of products; Eigen's substitution was measured at a quarter of that.
std::int64_t panel_at(std::int64_t j) { return kWidth * kWidth * j * (j + 1) / 2; }
const double* pack_inverse(const double* l, std::int64_t d) {
  const std::int64_t panels = round_up(d, kWidth) / kWidth;
  double* packed = scratch(kPacked, panel_at(panels) + d * d);
  Eigen::Map<Matrix> inverse(packed + panel_at(panels), d, d);
  inverse.setIdentity();
  ConstSquare(l, d, d).triangularView<Eigen::Lower>().solveInPlace(inverse);
  for (std::int64_t j = 0; j < panels; ++j)
    for (std::int64_t k = 0; k < std::min(d, (j + 1) * kWidth); ++k)
      for (std::int64_t c = 0; c < kWidth; ++c) {
        const std::int64_t row = j * kWidth + c;
        packed[panel_at(j) + k * kWidth + c] = row < d && k <= row ? inverse(row, k) : 0.0;
      }
  return packed;
}

// y = L^{-1} phi for rows [begin, end), kTileRows at a time: take(first, rows, panel, tile [rows][kWidth]).
template <class Take>
void whitened_tiles(const double* packed, const double* phi, std::int64_t begin, std::int64_t end,
                    std::int64_t d, Take take) {
  alignas(64) double tile[kTileRows * kWidth];
  for (std::int64_t k = begin; k < end; k += kTileRows) {
    const std::int64_t rows = std::min<std::int64_t>(kTileRows, end - k);
    for (std::int64_t j = 0; j * kWidth < d; ++j) {
      tile_of<double, kTileRows, kTileVectors>(rows, std::min(d, (j + 1) * kWidth), phi + k * d, d, 1,
                                               packed + panel_at(j), kWidth, tile_end(tile, kWidth, false));
      take(k, rows, j, tile);
    }
  }
}

// The lower triangle of sum_k weight_k phi_k phi_k^T over rows [begin, end), into sum [d][width], whose
// columns are padded to whole panels.
void add_outer_products(const double* phi, const double* weight, std::int64_t begin, std::int64_t end,
                        std::int64_t d, std::int64_t width, double* sum) {
  double* scaled = scratch(kScaled, kBlock * width);
  for (std::int64_t k = begin; k < end; k += kBlock) {
    const std::int64_t rows = std::min(kBlock, end - k);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = 0; i < d; ++i) scaled[r * width + i] = weight[k + r] * phi[(k + r) * d + i];
      for (std::int64_t i = d; i < width; ++i) scaled[r * width + i] = 0.0;
    }
    for (std::int64_t j = 0; j < d; j += kWidth)
      for (std::int64_t i = j; i < d; i += kTileRows)
        tile_of<double, kTileRows, kTileVectors>(std::min<std::int64_t>(kTileRows, d - i), rows,
                                                 phi + k * d + i, 1, d, scaled + j, width,
                                                 tile_end(sum + i * width + j, width, true));
  }
}

}  // namespace

void weighted_syrk(const double* phi, const double* weight, std::int64_t n, std::int64_t d, double ridge,
                   double* out, ThreadTeam& team) {
  const std::int64_t chunk = round_up(std::max<std::int64_t>(1, (n + kChunks - 1) / kChunks), kBlock);
  const std::int64_t chunks = std::max<std::int64_t>(1, (n + chunk - 1) / chunk), width = round_up(d, kWidth);
  double* partials = scratch(kPartials, chunks * d * width);
  team.run(chunks, [=](std::int64_t c) {
    double* sum = partials + c * d * width;
    std::fill_n(sum, d * width, 0.0);
    add_outer_products(phi, weight, c * chunk, std::min(n, (c + 1) * chunk), d, width, sum);
  });
  for (std::int64_t i = 0; i < d; ++i)
    for (std::int64_t j = 0; j <= i; ++j) {
      double sum = i == j ? ridge : 0.0;
      for (std::int64_t c = 0; c < chunks; ++c) sum += partials[(c * d + i) * width + j];
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
  const double* packed = pack_inverse(l, d);
  team.for_range(n, kBlock, [=](std::int64_t begin, std::int64_t end) {
    whitened_tiles(
        packed, phi, begin, end, d, [=](std::int64_t k, std::int64_t rows, std::int64_t j, const double* y) {
          for (std::int64_t r = 0; r < rows; ++r)
            std::copy_n(y + r * kWidth, std::min(kWidth, d - j * kWidth), out + (k + r) * d + j * kWidth);
        });
  });
}

void quadratic_forms(const double* l, const double* phi, std::int64_t n, std::int64_t d, double* out,
                     ThreadTeam& team) {
  const double* packed = pack_inverse(l, d);
  team.for_range(n, kBlock, [=](std::int64_t begin, std::int64_t end) {
    using V = detail::VectorOf<double>::type;
    constexpr std::int64_t lanes = detail::VectorOf<double>::kLanes;
    whitened_tiles(packed, phi, begin, end, d,
                   [=](std::int64_t k, std::int64_t rows, std::int64_t j, const double* y) {
                     for (std::int64_t r = 0; r < rows; ++r) {
                       V sum{};
                       for (std::int64_t c = 0; c < kWidth; c += lanes) {
                         const V x = detail::load(y + r * kWidth + c);
                         sum = detail::fused<double>(x, x, sum);
                       }
                       out[k + r] = (j == 0 ? 0.0 : out[k + r]) + detail::sum_of<double>(sum);
                     }
                   });
  });
}

void magnitude_term(const double* y, const double* weight, std::int64_t n, std::int64_t d, double scale,
                    double* out, ThreadTeam& team) {
  team.for_range(n, kBlock, [=](std::int64_t begin, std::int64_t end) {
    ThreadTeam alone(1);
    double* tile = scratch(kTile, kBlock * kTileColumns);
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
