// Sigma = gamma I + sum weight phi phi^T of every layer by its Cholesky factor: made, solved with, and the
// norms that the bonus is made of. Below the diagonal in `factor`, 1 / L_ii in `inverse`.
#pragma once

#include <type_traits>

#include "cuda/adversarial/place.cuh"
#include "engine/linalg/factor_formulas.h"

namespace hardy::cuda {

// Two numbers that come from shared memory at once.
struct alignas(16) NumberPair {
  double first, second;
};
inline __device__ NumberPair pair_at(const double* from) {
  return *reinterpret_cast<const NumberPair*>(from);
}

// A vector of `Width` numbers that a thread keeps, zeros behind the first d.
template <int Width>
struct Vector {
  double x[Width];
  template <class Element>
  __device__ Vector(int d, Element element) {
#pragma unroll
    for (int i = 0; i < Width; ++i) x[i] = i < d ? element(i) : 0.0;
  }
};

template <class Place, int Width, bool kAlone>
class DeviceFactors {
 public:
  explicit __device__ DeviceFactors(const Place& place) : r(place) {}

  __device__ void update() const {
    add_up();
    r.team.wait();
    factorise();
  }

  // kernel_h = Sd phi(s_h, a_h) of every layer.
  __device__ void solve() const {
    r.team.share(r.H(), [&](int h) {
      const int d = r.d();
      const Lower layer{r.factor(h)};
      const auto v = r.kernel(h), diagonal = r.inverse(h);
      const double* const phi = r.features(h, static_cast<int>(r.visited()[h]));
      for (int i = 0; i < d; ++i) v[i] = phi[i];
#pragma unroll(Place::kOuter)
      for (int i = 0; i < d; ++i) v[i] = linalg::forward_element<Numbers>(layer, v, i) * diagonal[i];
#pragma unroll(Place::kOuter)
      for (int i = d - 1; i >= 0; --i) v[i] = linalg::backward_element<Numbers>(layer, v, i, d) * diagonal[i];
    });
    r.team.wait();
  }

  // A layer's factor to where all threads read it from next; they may not be at another one.
  __device__ void prepare(int h) const {
    if constexpr (kAlone) {
      const int d = r.d();
      const auto layer = r.factor(h), diagonal = r.inverse(h);
      r.team.share(Width * Width, [&](int e) {  // by columns, so that two of a column come at once
        const int j = e / Width, i = e % Width;
        r.work[e] = i > j && i < d ? layer[i * (i + 1) / 2 + j] : 0.0;
      });
      r.team.share(d, [&](int j) { r.work[Width * Width + j] = diagonal[j]; });
      r.team.wait();
    }
  }

  // L_h^{-1} phi_h(p) of a prepared layer. What a column of L holds is taken from all elements below it at
  // once, in the order of columns: each element's sum is in its order, and they do not wait for each other.
  __device__ Vector<Width> whitened(int h, int p) const {
    const int d = r.d();
    Vector<Width> y(d, [&](int i) { return r.feature(h, p, i); });
    if constexpr (kAlone) {
#pragma unroll
      for (int j = 0; j < Width; ++j)
        if (j < d) {
          y.x[j] *= r.work[Width * Width + j];
          const double* const column = r.work + j * Width;
#pragma unroll
          for (int i = (j + 1) / 2 * 2; i < Width; i += 2) {
            const NumberPair l = pair_at(column + i);
            if (i > j) y.x[i] = std::fma(-l.first, y.x[j], y.x[i]);
            y.x[i + 1] = std::fma(-l.second, y.x[j], y.x[i + 1]);
          }
        }
    } else {
      const auto layer = r.factor(h), diagonal = r.inverse(h);
#pragma unroll
      for (int j = 0; j < Width; ++j)
        if (j < d) {
          y.x[j] *= diagonal[j];
#pragma unroll
          for (int i = j + 1; i < Width; ++i)
            if (i < d) y.x[i] = std::fma(-layer[i * (i + 1) / 2 + j], y.x[j], y.x[i]);
        }
    }
    return y;
  }

  // n(s,a) = ||L^{-1} phi||^2 of a pair.
  __device__ double form(int h, int p) const {
    const Vector<Width> y = whitened(h, p);
    double sum = 0;
#pragma unroll
    for (int i = 0; i < Width; ++i)
      if (i < r.d()) sum = std::fma(y.x[i], y.x[i], sum);
    return sum;
  }

  // L_h^{-1} phi_h(p), to where it is kept.
  __device__ void put_vector(int h, int p, typename Place::Numbers to) const {
    const Vector<Width> y = whitened(h, p);
#pragma unroll
    for (int i = 0; i < Width; ++i)
      if (i < r.d()) to[i] = y.x[i];
  }

  // phi Sd phi' is a product of what is kept of both, so that phi Sd phi is a sum of squares.
  static constexpr bool kSquares = true;

 private:
  // As numbers and a matrix of linalg/factor_formulas.h: a triangle by rows.
  struct Numbers {
    using Number = double;
    static constexpr int kUnroll = Place::kUnroll;
    static __device__ double fma(double a, double b, double c) { return std::fma(a, b, c); }
  };
  struct Lower {
    typename Place::Numbers from;
    __device__ double operator()(int i, int j) const { return from[i * (i + 1) / 2 + j]; }
    __device__ void put(int i, int j, double x) const { from[i * (i + 1) / 2 + j] = x; }
  };

  // A thread's square of elements, whose edge is so many.
  static constexpr int kEdge = !kAlone ? 1 : Width >= 32 ? 4 : 2;

  // Rows and columns of a square are `stride` apart, so that neighbouring threads read neighbouring features;
  // a product of two features is that of the element below the diagonal, whichever comes first.
  __device__ void add_up() const {
    const int d = r.d(), n = r.n(), stride = (d + kEdge - 1) / kEdge;
    const double ridge = r.g.gamma[r.replica];
    const auto weights = r.weights();
    r.team.share(r.H(), stride * (stride + 1) / 2, [&](int h, int square) {
      int row = 0;
      while ((row + 1) * (row + 2) / 2 <= square) ++row;
      const int column = square - row * (row + 1) / 2;
      int i[kEdge], j[kEdge];
#pragma unroll
      for (int e = 0; e < kEdge; ++e) {
        i[e] = row + e * stride < d ? row + e * stride : d - 1;
        j[e] = column + e * stride < d ? column + e * stride : d - 1;
      }
      double sum[kEdge][kEdge];
#pragma unroll
      for (int a = 0; a < kEdge; ++a)
#pragma unroll
        for (int b = 0; b < kEdge; ++b) sum[a][b] = i[a] == j[b] ? ridge : 0.0;
      const auto weight = weights.at(h * n);
      const double* phi = r.features(h, 0);
      double x[kEdge], y[kEdge];
      const auto read = [&] {
#pragma unroll
        for (int e = 0; e < kEdge; ++e) x[e] = phi[i[e]], y[e] = phi[j[e]];
      };
      read();
#pragma unroll 2
      for (int p = 0; p < n; ++p) {
        const double share = weight[p];
        double now_x[kEdge], now_y[kEdge];
#pragma unroll
        for (int e = 0; e < kEdge; ++e) now_x[e] = x[e], now_y[e] = y[e];
        if (p + 1 < n) phi += d;
        read();  // the next pair's, on their way while this one's are used
#pragma unroll
        for (int a = 0; a < kEdge; ++a)
#pragma unroll
          for (int b = 0; b < kEdge; ++b) sum[a][b] = std::fma(share, rounded(now_x[a], now_y[b]), sum[a][b]);
      }
      const auto layer = r.factor(h);
#pragma unroll
      for (int a = 0; a < kEdge; ++a)
#pragma unroll
        for (int b = 0; b < kEdge; ++b) {
          const int one = row + a * stride, other = column + b * stride;
          const int low = one > other ? one : other, high = one > other ? other : one;
          const bool twice = row == column && a < b;
          if (low < d && !twice) layer[low * (low + 1) / 2 + high] = sum[a][b];
        }
    });
  }

  __device__ void factorise() const {
    const int d = r.d();
#pragma unroll(Place::kOuter)
    for (int j = 0; j < d; ++j) {
      r.team.share(r.H(), [&](int h) {
        r.inverse(h)[j] = 1.0 / std::sqrt(linalg::left_of_products<Numbers>(Lower{r.factor(h)}, j, j));
      });
      r.team.wait();
      r.team.share(r.H(), d - 1 - j, [&](int h, int below) {
        const int i = j + 1 + below;
        const Lower layer{r.factor(h)};
        layer.put(i, j, linalg::left_of_products<Numbers>(layer, i, j) * r.inverse(h)[j]);
      });
      r.team.wait();
    }
  }

  const Place& r;
};

}  // namespace hardy::cuda
