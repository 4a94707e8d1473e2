// Sigma-dagger itself by matrix geometric resampling (engine/linalg/mgr.h): M chains of N trajectories, each
// serving all layers. Row i of a chain's Z depends on no other: a thread takes one through all of a chain.
#pragma once

#include "cuda/adversarial/trajectories.cuh"
#include "engine/linalg/mgr_formulas.h"

namespace hardy::cuda {

template <class Place>
class DeviceResampled {
 public:
  explicit __device__ DeviceResampled(const Place& place) : r(place) {}

  __device__ void update(std::int64_t k) const {
    const DeviceRegret& g = r.g;
    const DeviceTrajectories<Place> trajectories(r);
    const int d = r.d(), H = r.H();
    const std::int64_t all = g.sampled[r.replica], terms = g.terms[r.replica];
    const double gamma = g.gamma[r.replica];
    const auto paths = r.all.at(r.t.paths);
    const auto row = [&](int table, int h, int i) { return r.all.at(table + h * d * d + i); };
    r.team.share(H, d, [&](int h, int i) {
      const auto total = row(r.t.total, h, i);
      for (int j = 0; j < d; ++j) total[j * d] = 0;
    });
    std::int64_t term = 0;  // of its chain
    for (std::int64_t first = 0; first < g.most_sampled; first += algorithms::kDevicePaths) {
      const std::int64_t left = all - first;
      const int count = static_cast<int>(left < 0                          ? 0
                                         : left < algorithms::kDevicePaths ? left
                                                                           : algorithms::kDevicePaths);
      r.team.wait();  // for who still reads paths
      r.team.share(count, [&](int m) {
        DeviceDraws draws(g, g.seeds[r.replica], g.covariance, k,
                          static_cast<std::uint32_t>(first + m) * DeviceDraws::each(g));
        trajectories.walk(draws, [&](int h, int p) { paths[m * H + h] = p; });
      });
      r.team.wait();
      r.team.share(H, d, [&](int h, int i) {
        const auto z = row(r.t.chain, h, i), sum = row(r.t.sum, h, i), total = row(r.t.total, h, i);
        std::int64_t at = term;
        for (int m = 0; m < count; ++m) {
          if (at == 0)
            for (int j = 0; j < d; ++j) z[j * d] = sum[j * d] = i == j;
          const double* const phi = r.features(h, static_cast<int>(paths[m * H + h]));
          linalg::resampling_step(d, d, phi, gamma, linalg::kResamplingScale, z, sum);
          if (++at < terms) continue;
          at = 0;
          linalg::add_resampled(d, d, linalg::kResamplingScale, sum, total);
        }
      });
      term = (term + count) % terms;
    }
    r.team.wait();
    const double scale = 1.0 / static_cast<double>(all / terms);
    const auto total = r.all.at(r.t.total);
    r.team.share(H, d * d, [&](int h, int e) {
      const int i = e / d, j = e % d;
      const auto of_layer = total.at(h * d * d);
      sigma_dagger(h)[e] =
          linalg::resampled_mean<typename Place::Numbers>(of_layer[j * d + i], of_layer[i * d + j], scale);
    });
    r.team.wait();
  }

  // kernel_h = Sd phi(s_h, a_h) of every layer.
  __device__ void solve() const {
    r.team.share(r.H(), r.d(), [&](int h, int i) {
      const double* const phi = r.features(h, static_cast<int>(r.visited()[h]));
      r.kernel(h)[i] = row_product(h, i, [phi](int j) { return phi[j]; });
    });
    r.team.wait();
  }

  __device__ void prepare(int) const {}

  // Sd phi_h(p), to where it is kept.
  __device__ void put_vector(int h, int p, typename Place::Numbers to) const {
    for (int i = 0; i < r.d(); ++i) to[i] = row_product(h, i, [&](int j) { return r.feature(h, p, j); });
  }

  __device__ double form(int h, int p) const {
    double sum = 0;
    for (int i = 0; i < r.d(); ++i)
      sum = std::fma(r.feature(h, p, i), row_product(h, i, [&](int j) { return r.feature(h, p, j); }), sum);
    return sum;
  }

  // phi Sd phi' is a product of phi and what is kept of phi', and may be below zero where they are one.
  static constexpr bool kSquares = false;

 private:
  __device__ typename Place::Numbers sigma_dagger(int h) const {
    return r.all.at(r.t.sigma_dagger + h * r.d() * r.d());
  }
  template <class X>
  __device__ double row_product(int h, int i, X x) const {
    const auto row = sigma_dagger(h).at(i * r.d());
    double sum = 0;
#pragma unroll 4
    for (int j = 0; j < r.d(); ++j) sum = std::fma(row[j], x(j), sum);
    return sum;
  }

  const Place& r;
};

}  // namespace hardy::cuda
