// Linear algebra of small matrices, W problems side by side (lanes.h): d up to some dozens, one formula for a
// single replica and for a group of them. What is shared (features) has no lane; what is a replica's own
// (weights, covariances, costs) has the lane innermost: element (i, j) of problem w at [(i * d + j) * W + w].
// Large single problems have dense.h.
#pragma once

#include <cstdint>
#include <type_traits>

#include "engine/linalg/factor_formulas.h"
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

// Psi: the lower triangles of phi_n phi_n^T, row after row, of all rows: [n][outer_size(d)], padded with
// zeros to whole vectors. With it a weighted sum of outer products is a product of matrices: all replicas'
// Sigma = weight Psi. The products with Psi are taken in the order of weighted_syrk() above, which has the
// same bits.
inline std::int64_t outer_size(std::int64_t d) { return (d * (d + 1) / 2 + kLanes - 1) / kLanes * kLanes; }
inline void outer_products(const double* phi, std::int64_t n, std::int64_t d, double* psi) {
  for (std::int64_t k = 0; k < n; ++k, phi += d, psi += outer_size(d)) {
    double* to = psi;
    for (std::int64_t i = 0; i < d; ++i)
      for (std::int64_t j = 0; j <= i; ++j) *to++ = phi[i] * phi[j];
    while (to < psi + outer_size(d)) *to++ = 0;
  }
}

namespace side_by_side {

// Sums of `Tile` neighbouring products, starting from `sum`: a replica a lane, or (Wide of W = 1) a product a
// lane.
template <int W, int Tile>
inline void add_products(const double* psi, std::int64_t stride, const double* weight, std::int64_t n,
                         Vec<kLanes> (&sum)[Tile]) {
  for (std::int64_t k = 0; k < n; ++k, psi += stride) {
    const Vec<kLanes> x = W == 1 ? all<kLanes>(weight[k]) : load<kLanes>(weight + k * W);
#pragma GCC unroll 24
    for (int t = 0; t < Tile; ++t)
      sum[t] = fma<kLanes>(x, W == 1 ? load<kLanes>(psi + t * kLanes) : all<kLanes>(psi[t]), sum[t]);
  }
}

}  // namespace side_by_side

// weighted_syrk() with Psi at hand.
template <int W>
void weighted_syrk_of(const double* psi, const double* weight, std::int64_t n, std::int64_t d, Vec<W> ridge,
                      double* out) {
  const std::int64_t stride = outer_size(d), size = d * (d + 1) / 2;
  constexpr std::int64_t each = W == 1 ? kLanes : 1;  // products that one sum holds
  std::int64_t i = 0, j = 0;
  const auto after = [&]<int Tile>(std::integral_constant<int, Tile>, std::int64_t first) {
    alignas(64) double start[Tile * kLanes] = {};
    std::int64_t diagonal = i * (i + 3) / 2;  // the first one that is not behind
    for (std::int64_t row = i; diagonal < first + Tile * each; diagonal += ++row + 1)
      store<W>(start + (diagonal - first) * W, ridge);
    Vec<kLanes> sum[Tile];
    for (int t = 0; t < Tile; ++t) sum[t] = load<kLanes>(start + t * kLanes);
    side_by_side::add_products<W, Tile>(psi + first, stride, weight, n, sum);
    for (int t = 0; t < Tile; ++t) store<kLanes>(start + t * kLanes, sum[t]);
    for (std::int64_t t = 0; t < Tile * each && first + t < size; ++t) {
      store<W>(out + (i * d + j) * W, load<W>(start + t * W));
      if (++j > i) ++i, j = 0;
    }
    return first + Tile * each;
  };
  // Never past the row's padding, and past its products by as little as that allows.
  constexpr int kLeast = W == 1 ? 1 : 2;
  std::int64_t e = 0;
  while (W == 1 ? stride - e >= 24 * each : size - e > 16) e = after(std::integral_constant<int, 24>{}, e);
  while (W == 1 ? stride - e >= 8 * each : size - e > 4) e = after(std::integral_constant<int, 8>{}, e);
  while (size - e > 0) e = after(std::integral_constant<int, kLeast>{}, e);
}

// Of the problems below `count` may come one behind the other, and several go through together, because each
// of their steps waits for the last one's root, quotient or product.

namespace side_by_side {

// N problems behind one another, of W lanes each, as numbers and views of factor_formulas.h.
template <int W, int N>
struct Several {
  using Number = Several;
  Vec<W> x[N];
  static Several fma(Several a, Several b, Several c) {
    Several sum;
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) sum.x[n] = linalg::fma<W>(a.x[n], b.x[n], c.x[n]);
    return sum;
  }
  Several operator-() const {
    Several negative;
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) negative.x[n] = -x[n];
    return negative;
  }
  Several operator*(Several other) const {
    Several product;
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) product.x[n] = x[n] * other.x[n];
    return product;
  }
};
template <int W, int N, class Size>
struct Vectors {
  double* from;
  Size d;  // numbers of each problem
  Several<W, N> operator[](std::int64_t i) const {
    Several<W, N> y;
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) y.x[n] = load<W>(from + (n * d + i) * W);
    return y;
  }
  void put(std::int64_t i, Several<W, N> y) const {
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) store<W>(from + (n * d + i) * W, y.x[n]);
  }
};
template <int W, int N, class Size>
struct Matrices {
  double* from;
  Size d;
  Several<W, N> operator()(std::int64_t i, std::int64_t j) const {
    Several<W, N> y;
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) y.x[n] = load<W>(from + ((n * d + i) * d + j) * W);
    return y;
  }
  void put(std::int64_t i, std::int64_t j, Several<W, N> y) const {
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) store<W>(from + ((n * d + i) * d + j) * W, y.x[n]);
  }
};

}  // namespace side_by_side

// m [count][d][d][W], lower triangles of positive definite matrices, becomes L with m = L L^T.
// inverse_diagonal [count][d][W] receives 1 / L_ii, so that no solve divides. Where a matrix is not positive
// definite its L holds NaN.
template <int W, class Size>
void cholesky(double* matrices, Size d, double* inverse_diagonals, std::int64_t count = 1) {
  in_fours(count, [=]<int N>(std::int64_t first, std::integral_constant<int, N>) {
    using X = side_by_side::Several<W, N>;
    const side_by_side::Matrices<W, N, Size> m{matrices + first * d * d * W, d};
    const side_by_side::Vectors<W, N, Size> inverse_diagonal{inverse_diagonals + first * d * W, d};
    for (std::int64_t j = 0; j < d; ++j) {
      X diagonal = left_of_products<X>(m, j, j), inverse;
      for (int n = 0; n < N; ++n) {
        diagonal.x[n] = linalg::sqrt<W>(diagonal.x[n]);
        inverse.x[n] = all<W>(1.0) / diagonal.x[n];
      }
      m.put(j, j, diagonal);
      inverse_diagonal.put(j, inverse);
      for (std::int64_t i = j + 1; i < d; ++i) m.put(i, j, left_of_products<X>(m, i, j) * inverse);
    }
  });
}

// y = L^{-1} v in place: v [count][d][W].
template <int W, class Size>
void solve_lower(const double* factors, const double* inverse_diagonals, Size d, double* vectors,
                 std::int64_t count = 1) {
  in_fours(count, [=]<int N>(std::int64_t first, std::integral_constant<int, N>) {
    const side_by_side::Matrices<W, N, Size> l{const_cast<double*>(factors) + first * d * d * W, d};
    const side_by_side::Vectors<W, N, Size> inverse{const_cast<double*>(inverse_diagonals) + first * d * W,
                                                    d},
        v{vectors + first * d * W, d};
    for (std::int64_t i = 0; i < d; ++i)
      v.put(i, forward_element<side_by_side::Several<W, N>>(l, v, i) * inverse[i]);
  });
}
// x = L^{-T} v in place.
template <int W, class Size>
void solve_lower_transposed(const double* factors, const double* inverse_diagonals, Size d, double* vectors,
                            std::int64_t count = 1) {
  in_fours(count, [=]<int N>(std::int64_t first, std::integral_constant<int, N>) {
    const side_by_side::Matrices<W, N, Size> l{const_cast<double*>(factors) + first * d * d * W, d};
    const side_by_side::Vectors<W, N, Size> inverse{const_cast<double*>(inverse_diagonals) + first * d * W,
                                                    d},
        v{vectors + first * d * W, d};
    for (std::int64_t i = d; i-- > 0;)
      v.put(i, backward_element<side_by_side::Several<W, N>>(l, v, i, std::int64_t{d}) * inverse[i]);
  });
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

// ||L^{-1} phi_n||^2 for all n: out [n][W], never negative. y [forms_scratch<W>(d)] is scratch. Several rows
// go through the substitution together, because a row's steps wait for each other: kFormRows of them, or
// where there is one replica a lane's worth.
inline constexpr int kFormRows = 4;
template <int W>
std::int64_t forms_scratch(std::int64_t d) {
  return d * kLanes * (W == 1 ? 1 : kFormRows);
}

namespace side_by_side {

// Rows of vectors v: lower(i, j) = L_ij, inverse(i) = 1 / L_ii, feature(r, i) = v_r's element i.
template <int Rows, class Size, class Lower, class Inverse, class Feature>
inline void forms_of(Size d, Lower lower, Inverse inverse, Feature feature, double* y,
                     Vec<kLanes> (&form)[Rows]) {
  for (std::int64_t i = 0; i < d; ++i) {
    Vec<kLanes> sum[Rows];
    for (int r = 0; r < Rows; ++r) sum[r] = feature(r, i);
    for (std::int64_t j = 0; j < i; ++j) {
      const Vec<kLanes> l = -lower(i, j);
#pragma GCC unroll 4
      for (int r = 0; r < Rows; ++r)
        sum[r] = fma<kLanes>(l, load<kLanes>(y + (j * Rows + r) * kLanes), sum[r]);
    }
    for (int r = 0; r < Rows; ++r) {
      const Vec<kLanes> x = sum[r] * inverse(i);
      store<kLanes>(y + (i * Rows + r) * kLanes, x);
      form[r] = fma<kLanes>(x, x, form[r]);
    }
  }
}

}  // namespace side_by_side

template <int W, class Size>
void quadratic_forms(const double* l, const double* inverse_diagonal, const double* phi, std::int64_t n,
                     Size d, double* y, double* out) {
  if constexpr (W == 1) {
    for (std::int64_t k = 0; k < n; k += kLanes) {
      const std::int64_t rows = n - k < kLanes ? n - k : kLanes;
      Vec<kLanes> form[1] = {};
      side_by_side::forms_of<1>(
          d, [=](std::int64_t i, std::int64_t j) { return all<kLanes>(l[i * d + j]); },
          [=](std::int64_t i) { return all<kLanes>(inverse_diagonal[i]); },
          [=](int, std::int64_t i) {
            Vec<kLanes> v{};
            for (std::int64_t r = 0; r < rows; ++r) v[r] = phi[(k + r) * d + i];
            return v;
          },
          y, form);
      for (std::int64_t r = 0; r < rows; ++r) out[k + r] = form[0][r];
    }
  } else {
    const auto rows = [=]<int Rows>(std::integral_constant<int, Rows>, std::int64_t k) {
      Vec<W> form[Rows] = {};
      side_by_side::forms_of<Rows>(
          d, [=](std::int64_t i, std::int64_t j) { return load<W>(l + (i * d + j) * W); },
          [=](std::int64_t i) { return load<W>(inverse_diagonal + i * W); },
          [=](int r, std::int64_t i) { return all<W>(phi[(k + r) * d + i]); }, y, form);
      for (int r = 0; r < Rows; ++r) store<W>(out + (k + r) * W, form[r]);
    };
    std::int64_t k = 0;
    for (; k + kFormRows <= n; k += kFormRows) rows(std::integral_constant<int, kFormRows>{}, k);
    for (; k < n; ++k) rows(std::integral_constant<int, 1>{}, k);
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
