#include "engine/linalg/dense.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/linalg/triangle.h"
#include "engine/ops/gemm.h"

namespace hardy::linalg {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Columns = Eigen::Map<Eigen::MatrixXd>;  // rows of a row-major array as columns
using ConstSquare = Eigen::Map<const Matrix>;

constexpr std::int64_t kScaledRows = 32;    // whose outer products are added at a time: they stay in L1
constexpr std::int64_t kBlock = 128;        // rows that one task whitens
constexpr std::int64_t kAhead = 16;         // rows between what a walk works on and what it asks memory for
constexpr std::int64_t kChunks = 16;        // partial sums of the moments, at most
constexpr std::int64_t kTileColumns = 512;  // of the magnitude term

std::int64_t round_up(std::int64_t x, std::int64_t to) { return (x + to - 1) / to * to; }

// Memory of a thread, for one purpose each.
enum Purpose { kScaled, kPartials, kInverse, kRows, kTile, kPurposes };
double* scratch(Purpose purpose, std::int64_t size) {
  thread_local std::vector<double> memory[kPurposes];
  std::vector<double>& m = memory[purpose];
  if (m.size() < static_cast<std::size_t>(size)) m.resize(static_cast<std::size_t>(size));
  return m.data();
}

// to [width] = factor * row [d], padded with zeros.
void scale_row(const double* row, std::int64_t d, std::int64_t width, double factor, double* to) {
  std::int64_t i = 0;
  for (; i + kLanes <= d; i += kLanes) store<kLanes>(to + i, load<kLanes>(row + i) * all<kLanes>(factor));
  for (; i < width; ++i) to[i] = i < d ? factor * row[i] : 0.0;
}

// The moments of rows [begin, end) are added to first [width] and second [width][width]; rows are scaled by
// the roots of their weights, so that one copy of them serves both sides of a product.
void add_moments(const double* phi, const double* weight, std::int64_t begin, std::int64_t end,
                 std::int64_t d, double* first, double* second) {
  const std::int64_t width = row_width(d);
  double* const scaled = scratch(kScaled, kScaledRows * width);
  for (std::int64_t k = begin; k < end; k += kScaledRows) {
    const std::int64_t rows = std::min(kScaledRows, end - k);
    for (std::int64_t r = 0; r < rows; ++r) {
      const double root = std::sqrt(weight[k + r]);
      double* const row = scaled + r * width;
      scale_row(phi + (k + r) * d, d, width, root, row);
      for (std::int64_t i = 0; i < width; i += kLanes)
        store<kLanes>(first + i,
                      fma<kLanes>(all<kLanes>(root), load<kLanes>(row + i), load<kLanes>(first + i)));
    }
    if (second == nullptr) continue;
    const double* ahead = phi + (k + rows) * d;
    for (std::int64_t i = 0; i < width; i += kLanes)
      for (std::int64_t j = 0; j <= i;) {
        const std::int64_t vectors = std::min<std::int64_t>(kBlocks, (i - j) / kLanes + 1);
        double* const to = second + i * width + j;
        if (vectors == 3)
          add_outer_tile<3>(rows, width, scaled + i, scaled + j, to, width, ahead);
        else if (vectors == 2)
          add_outer_tile<2>(rows, width, scaled + i, scaled + j, to, width, ahead);
        else
          add_outer_tile<1>(rows, width, scaled + i, scaled + j, to, width, ahead);
        j += vectors * kLanes;
        ahead += rows * kLanes;
      }
  }
}

// take(k, rows, valid) for kLanes rows at a time: padded with zeros to whole vectors, the last ones to
// kLanes.
template <class Take>
void for_row_groups(const double* phi, std::int64_t n, std::int64_t d, Take take) {
  const std::int64_t width = row_width(d);
  for (std::int64_t k = 0; k < n; k += kLanes) {
    const std::int64_t valid = std::min<std::int64_t>(kLanes, n - k);
    const double* rows = phi + k * d;
    if (width != d || valid != kLanes) {
      double* const copy = scratch(kRows, kLanes * width);
      std::fill_n(copy, kLanes * width, 0.0);
      for (std::int64_t r = 0; r < valid; ++r) std::copy_n(rows + r * d, d, copy + r * width);
      rows = copy;
    }
    take(k, rows, valid);
  }
}

// to[r] = x[r] for the first rows.
void keep(Wide x, std::int64_t rows, double* to) {
  if (rows == kLanes) return store<kLanes>(to, x);
  for (std::int64_t r = 0; r < rows; ++r) to[r] = x[r];
}

// ||L^{-1} phi||^2 of kLanes rows.
Wide forms_of(const double* packed, const double* rows, std::int64_t width, const double* ahead) {
  Wide sum[kLanes] = {};
  triangle_times_rows(packed, rows, width, ahead,
                      [&]<int Vectors>(std::int64_t, const Wide(&y)[kLanes][Vectors]) {
#pragma GCC unroll 8
                        for (int r = 0; r < kLanes; ++r)
#pragma GCC unroll 3
                          for (int v = 0; v < Vectors; ++v) sum[r] = fma<kLanes>(y[r][v], y[r][v], sum[r]);
                      });
  return sums_of(sum);
}

}  // namespace

void weighted_moments(const double* phi, const double* weight, std::int64_t n, std::int64_t d, double ridge,
                      double* first, double* second, ThreadTeam& team) {
  const std::int64_t width = row_width(d), stride = width * (1 + (second == nullptr ? 0 : width));
  const std::int64_t chunk = round_up(std::max<std::int64_t>(1, (n + kChunks - 1) / kChunks), kScaledRows);
  const std::int64_t chunks = std::max<std::int64_t>(1, (n + chunk - 1) / chunk);
  double* const partials = scratch(kPartials, chunks * stride);
  team.run(chunks, [=](std::int64_t c) {
    double* const own = partials + c * stride;
    std::fill_n(own, stride, 0.0);
    add_moments(phi, weight, c * chunk, std::min(n, (c + 1) * chunk), d, own,
                second == nullptr ? nullptr : own + width);
  });
  for (std::int64_t c = 1; c < chunks; ++c)
    for (std::int64_t i = 0; i < stride; ++i) partials[i] += partials[c * stride + i];
  if (first != nullptr) std::copy_n(partials, d, first);
  if (second == nullptr) return;
  for (std::int64_t i = 0; i < d; ++i) {
    std::copy_n(partials + (1 + i) * width, i + 1, second + i * d);
    second[i * (d + 1)] += ridge;
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

std::int64_t row_width(std::int64_t d) { return round_up(d, kLanes); }

std::int64_t inverse_size(std::int64_t d) { return packed_size(row_width(d)); }

void pack_inverse(const double* l, std::int64_t d, double* packed) {
  Eigen::Map<Matrix> inverse(scratch(kInverse, d * d), d, d);
  inverse.setIdentity();
  ConstSquare(l, d, d).triangularView<Eigen::Lower>().solveInPlace(inverse);
  pack_triangle(row_width(d), packed,
                [&](std::int64_t i, std::int64_t j) { return i < d ? inverse(i, j) : 0.0; });
}

void forms_and_products(const double* packed, const double* phi, std::int64_t n, std::int64_t d,
                        const double* x, const double* y, double* forms, double* first, double* second) {
  const std::int64_t width = row_width(d);
  for_row_groups(phi, n, d, [&](std::int64_t k, const double* rows, std::int64_t valid) {
    keep(forms_of(packed, rows, width, phi + (k + kAhead) * d), valid, forms + k);
    if (x == nullptr) return;
    Wide with_x[kLanes] = {}, with_y[kLanes] = {};
    for (std::int64_t i = 0; i < width; i += kLanes) {
      const Wide xi = load<kLanes>(x + i), yi = load<kLanes>(y + i);
#pragma GCC unroll 8
      for (int r = 0; r < kLanes; ++r) {
        const Wide row = load<kLanes>(rows + r * width + i);
        with_x[r] = fma<kLanes>(row, xi, with_x[r]);
        with_y[r] = fma<kLanes>(row, yi, with_y[r]);
      }
    }
    keep(sums_of(with_x), valid, first + k);
    keep(sums_of(with_y), valid, second + k);
  });
}

void whiten(const double* packed, const double* phi, std::int64_t n, std::int64_t d, double* out,
            ThreadTeam& team) {
  const std::int64_t width = row_width(d);
  team.for_range(n, kBlock, [=](std::int64_t begin, std::int64_t end) {
    for_row_groups(
        phi + begin * d, end - begin, d, [=](std::int64_t k, const double* rows, std::int64_t valid) {
          triangle_times_rows(
              packed, rows, width, rows,
              [=]<int Vectors>(std::int64_t first, const Wide(&y)[kLanes][Vectors]) {
                for (std::int64_t r = 0; r < valid; ++r)
                  for (std::int64_t i = first; i < std::min<std::int64_t>(d, first + Vectors * kLanes); ++i)
                    out[(begin + k + r) * d + i] = y[r][(i - first) / kLanes][(i - first) % kLanes];
              });
        });
  });
}

void quadratic_forms(const double* packed, const double* phi, std::int64_t n, std::int64_t d, double* out,
                     ThreadTeam& team) {
  team.for_range(n, kBlock, [=](std::int64_t begin, std::int64_t end) {
    forms_and_products(packed, phi + begin * d, end - begin, d, nullptr, nullptr, out + begin, nullptr,
                       nullptr);
  });
}

void magnitude_term(const double* y, const double* weight, std::int64_t n, std::int64_t d, double scale,
                    double* out, ThreadTeam& team) {
  team.for_range(n, kBlock, [=](std::int64_t begin, std::int64_t end) {
    thread_local ThreadTeam alone(1);  // to make one allocates
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
