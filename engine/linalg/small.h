// Linear algebra of small matrices, W problems side by side (lanes.h): d up to some dozens, one formula for a
// single replica and for a group of them. What is shared (features) has no lane; what is a replica's own
// (weights, covariances, costs) has the lane innermost: element (i, j) of problem w at [(i * d + j) * W + w].
// Large single problems have dense.h.
#pragma once

#include <cstdint>

#include "engine/linalg/lanes.h"

namespace hardy::linalg {

// Lower triangle of  out = ridge I + sum_n weight_n phi_n phi_n^T.  phi [n][d] shared, weight [n][W],
// ridge per lane, out [d][d][W]; the strict upper triangle is left alone.
template <int W>
void weighted_syrk(const double* phi, const double* weight, std::int64_t n, std::int64_t d, Vec<W> ridge,
                   double* out) {
  for (std::int64_t i = 0; i < d; ++i)
    for (std::int64_t j = 0; j <= i; ++j) {
      Vec<W> sum = i == j ? ridge : all<W>(0.0);
      for (std::int64_t k = 0; k < n; ++k)
        sum = fma<W>(load<W>(weight + k * W), all<W>(phi[k * d + i] * phi[k * d + j]), sum);
      store<W>(out + (i * d + j) * W, sum);
    }
}

// m [d][d][W], lower triangles of positive definite matrices, becomes L with m = L L^T. inverse_diagonal
// [d][W] receives 1 / L_ii, so that no solve divides. Where a matrix is not positive definite its L holds
// NaN.
template <int W>
void cholesky(double* m, std::int64_t d, double* inverse_diagonal) {
  for (std::int64_t j = 0; j < d; ++j) {
    double* row = m + j * d * W;
    Vec<W> pivot = load<W>(row + j * W);
    for (std::int64_t k = 0; k < j; ++k) pivot = fma<W>(-load<W>(row + k * W), load<W>(row + k * W), pivot);
    const Vec<W> diagonal = linalg::sqrt<W>(pivot), inverse = all<W>(1.0) / diagonal;
    store<W>(row + j * W, diagonal);
    store<W>(inverse_diagonal + j * W, inverse);
    for (std::int64_t i = j + 1; i < d; ++i) {
      double* below = m + i * d * W;
      Vec<W> sum = load<W>(below + j * W);
      for (std::int64_t k = 0; k < j; ++k) sum = fma<W>(-load<W>(below + k * W), load<W>(row + k * W), sum);
      store<W>(below + j * W, sum * inverse);
    }
  }
}

// y = L^{-1} v in place: v [d][W].
template <int W>
void solve_lower(const double* l, const double* inverse_diagonal, std::int64_t d, double* v) {
  for (std::int64_t i = 0; i < d; ++i) {
    Vec<W> sum = load<W>(v + i * W);
    for (std::int64_t k = 0; k < i; ++k) sum = fma<W>(-load<W>(l + (i * d + k) * W), load<W>(v + k * W), sum);
    store<W>(v + i * W, sum * load<W>(inverse_diagonal + i * W));
  }
}
// x = L^{-T} v in place.
template <int W>
void solve_lower_transposed(const double* l, const double* inverse_diagonal, std::int64_t d, double* v) {
  for (std::int64_t i = d; i-- > 0;) {
    Vec<W> sum = load<W>(v + i * W);
    for (std::int64_t k = i + 1; k < d; ++k)
      sum = fma<W>(-load<W>(l + (k * d + i) * W), load<W>(v + k * W), sum);
    store<W>(v + i * W, sum * load<W>(inverse_diagonal + i * W));
  }
}

// y_n = L^{-1} phi_n for all n: out [n][d][W]. Then y_n . y_m = phi_n^T (L L^T)^{-1} phi_m.
template <int W>
void whiten(const double* l, const double* inverse_diagonal, const double* phi, std::int64_t n,
            std::int64_t d, double* out) {
  for (std::int64_t k = 0; k < n; ++k) {
    double* y = out + k * d * W;
    for (std::int64_t i = 0; i < d; ++i) store<W>(y + i * W, all<W>(phi[k * d + i]));
    solve_lower<W>(l, inverse_diagonal, d, y);
  }
}

// ||L^{-1} phi_n||^2 for all n: out [n][W], never negative. y [d][W] is scratch.
template <int W>
void quadratic_forms(const double* l, const double* inverse_diagonal, const double* phi, std::int64_t n,
                     std::int64_t d, double* y, double* out) {
  for (std::int64_t k = 0; k < n; ++k) {
    whiten<W>(l, inverse_diagonal, phi + k * d, 1, d, y);
    Vec<W> sum = all<W>(0.0);
    for (std::int64_t i = 0; i < d; ++i) sum = fma<W>(load<W>(y + i * W), load<W>(y + i * W), sum);
    store<W>(out + k * W, sum);
  }
}

// The compensator of the magnitude-reduced estimator:  out_n = scale * sum_m weight_m min(y_n . y_m, 0),
// with y [n][d][W] from whiten(), weight [n][W], out [n][W]. Each product serves both of its rows.
template <int W>
void magnitude_term(const double* y, const double* weight, std::int64_t n, std::int64_t d, double scale,
                    double* out) {
  for (std::int64_t k = 0; k < n; ++k) store<W>(out + k * W, all<W>(0.0));
  for (std::int64_t k = 0; k < n; ++k) {
    const Vec<W> own = load<W>(weight + k * W);
    Vec<W> sum = load<W>(out + k * W);  // y_k . y_k >= 0 adds nothing
    for (std::int64_t m = k + 1; m < n; ++m) {
      Vec<W> dot = all<W>(0.0);
      for (std::int64_t i = 0; i < d; ++i)
        dot = fma<W>(load<W>(y + (k * d + i) * W), load<W>(y + (m * d + i) * W), dot);
      const Vec<W> negative = min<W>(dot, all<W>(0.0));
      sum = fma<W>(load<W>(weight + m * W), negative, sum);
      store<W>(out + m * W, fma<W>(own, negative, load<W>(out + m * W)));
    }
    store<W>(out + k * W, sum * all<W>(scale));
  }
}

}  // namespace hardy::linalg
