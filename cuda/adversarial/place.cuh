// What every step of a replica reads: the game, the replica's tables, its team, and what the block has
// besides.
#pragma once

#include "algorithms/adversarial/formulas.h"
#include "cuda/adversarial/team.cuh"

namespace hardy::cuda {

using algorithms::DeviceRegret;
using algorithms::DeviceTables;

// Width: d where the compiler knows it (2, 3), else the least of a few sizes that d fits in, so that a thread
// keeps a vector in registers; what is behind d is zero.
// kAlone: a block plays one replica; its tables may lie in device memory, and it has `work`, shared memory of
// algorithms::device_work(Width) numbers for what all of its threads read. Else replicas stand side by side
// in it, the threads of a warp are those replicas' and read the same numbers of the instance.
template <int Width, bool kAlone>
struct Place {
  using Numbers = Table<kAlone>;
  static constexpr bool kExact = Width <= 3;
  static constexpr int kAhead = !kAlone ? 1 : Width <= 16 ? 16 : 32;  // of chain()
  static constexpr int kUnroll = kAlone ? 8 : kExact ? 4 : 2;         // of loops that wait for memory
  static constexpr int kOuter = kExact ? Width : 1;                   // and of those around them

  const DeviceRegret& g;
  const DeviceTables& t;
  const Team team;
  const Numbers all;
  double* const work;
  const std::int64_t replica;

  __device__ int H() const { return g.H; }
  __device__ int S() const { return g.S; }
  __device__ int A() const { return g.A; }
  __device__ int d() const { return kExact ? Width : g.d; }
  __device__ int n() const { return g.S * g.A; }
  __device__ int triangle() const { return d() * (d() + 1) / 2; }

  __device__ Numbers C() const { return all.at(t.C); }
  __device__ Numbers pi() const { return all.at(t.pi); }
  __device__ Numbers q() const { return all.at(t.q); }
  __device__ Numbers Qhat() const { return all.at(t.Qhat); }
  __device__ Numbers B() const { return all.at(t.B); }
  __device__ Numbers factor(int h) const { return all.at(t.factor + h * triangle()); }
  __device__ Numbers inverse(int h) const { return all.at(t.inverse + h * d()); }
  __device__ Numbers u() const { return all.at(t.u); }
  __device__ Numbers kernel(int h) const { return all.at(t.kernel + h * d()); }
  __device__ Numbers rho() const { return all.at(t.rho); }
  __device__ Numbers mean() const { return all.at(t.mean); }
  __device__ Numbers product() const { return all.at(t.product); }
  __device__ Numbers to_go() const { return all.at(t.to_go); }
  __device__ Numbers visited() const { return all.at(t.visited); }
  __device__ Numbers whitened() const { return all.at(t.whitened); }
  __device__ Numbers shares() const { return all.at(t.shares); }

  // phi_h(p) [d].
  __device__ const double* features(int h, int p) const {
    return g.phi + (static_cast<std::int64_t>(h) * n() + p) * d();
  }
  // Its element i, where neighbouring threads take neighbouring pairs.
  __device__ double feature(int h, int p, int i) const {
    return kAlone ? g.columns[(static_cast<std::int64_t>(h) * d() + i) * n() + p] : features(h, p)[i];
  }
  // What the estimate of Sigma and of the compensator averages over.
  __device__ Numbers weights() const { return g.sampled ? shares() : q(); }
};

}  // namespace hardy::cuda
