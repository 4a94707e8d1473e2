// The compensator of the magnitude-reduced estimator: of each pair (s,a) the sum over all (s',a') of
// weight(s',a') min(phi(s,a) Sd phi(s',a'), 0), by a vector of every pair that the estimator of Sd gives.
#pragma once

#include "cuda/adversarial/factors.cuh"

namespace hardy::cuda {

template <class Place, int Width, bool kAlone, class Estimator>
class DeviceMagnitude {
 public:
  __device__ DeviceMagnitude(const Place& place, const Estimator& estimator) : r(place), sigma(estimator) {}

  // take(p, sum) for this thread's share of layer h's pairs.
  template <class Take>
  __device__ void of_layer(int h, Take take) const {
    const int n = r.n(), d = r.d();
    sigma.prepare(h);
    const auto vectors = r.whitened();
    r.team.share(n, [&](int p) { sigma.put_vector(h, p, vectors.at(p * d)); });
    r.team.wait();
    if constexpr (kAlone)
      by_rows_of_work(h, take);
    else
      r.team.share(n, [&](int p) { take(p, sum_of(h, p)); });
    r.team.wait();
  }

 private:
  static constexpr int kRows = algorithms::kDeviceRows, kTogether = 4;

  // What the other pairs' vectors are multiplied by.
  __device__ Vector<Width> own(int h, int p) const {
    const double* const phi = r.features(h, p);
    const auto vectors = r.whitened().at(p * r.d());
    return Vector<Width>(r.d(), [&](int i) { return Estimator::kSquares ? vectors[i] : phi[i]; });
  }
  // A sum of squares adds nothing.
  static __device__ bool left_out(int one, int other) { return Estimator::kSquares && one == other; }

  __device__ double sum_of(int h, int p) const {
    const int n = r.n(), d = r.d();
    const Vector<Width> y = own(h, p);
    const auto vectors = r.whitened(), weight = r.weights().at(h * n);
    double sum = 0;
    for (int m = 0; m < n; ++m) {
      if (left_out(m, p)) continue;
      const auto other = vectors.at(m * d);
      double dot = 0;
#pragma unroll
      for (int i = 0; i < Width; ++i)
        if (i < d) dot = std::fma(y.x[i], other[i], dot);
      sum = std::fma(weight[m], linalg::lesser(dot, 0.0), sum);
    }
    return sum;
  }

  // All threads read the same vectors from shared memory, kRows at a time, each against its own in registers;
  // four products at once, because the sums of one wait for each other.
  template <class Take>
  __device__ void by_rows_of_work(int h, Take take) const {
    const int n = r.n(), d = r.d();
    const auto vectors = r.whitened(), weight = r.weights().at(h * n);
    double* const weights = r.work + kRows * Width;
    for (int first = 0; first < n; first += r.team.size) {
      const int p = first + r.team.rank;
      const bool mine = p < n;
      const Vector<Width> y = own(h, mine ? p : 0);
      double sum = 0;
      for (int begin = 0; begin < n; begin += kRows) {
        r.team.wait();
        r.team.share(kRows * Width, [&](int e) {
          const int m = begin + e / Width, i = e % Width;
          r.work[e] = m < n && i < d ? vectors[m * d + i] : 0.0;
        });
        r.team.share(kRows, [&](int m) { weights[m] = begin + m < n ? weight[begin + m] : 0.0; });
        r.team.wait();
        if (!mine) continue;
        const int count = n - begin < kRows ? n - begin : kRows;
        for (int m = 0; m < count; m += kTogether) {  // vectors behind the last one are zero
          double dot[kTogether] = {};
          const double* const others = r.work + m * Width;
#pragma unroll
          for (int group = 0; group < Width; group += kGroup)
            if (group < d) {
#pragma unroll
              for (int i = group; i < group + kGroup; i += 2)
#pragma unroll
                for (int q = 0; q < kTogether; ++q) {
                  const NumberPair x = pair_at(others + q * Width + i);
                  dot[q] = std::fma(y.x[i], x.first, dot[q]);
                  dot[q] = std::fma(y.x[i + 1], x.second, dot[q]);
                }
            }
#pragma unroll
          for (int q = 0; q < kTogether; ++q) {
            const double more = std::fma(weights[m + q], linalg::lesser(dot[q], 0.0), sum);
            sum = left_out(begin + m + q, p) ? sum : more;
          }
        }
      }
      if (mine) take(p, sum);
    }
  }
  static constexpr int kGroup = Width < 16 ? Width : 16;

  const Place& r;
  const Estimator& sigma;
};

}  // namespace hardy::cuda
