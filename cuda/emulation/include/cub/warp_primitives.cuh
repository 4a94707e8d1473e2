// WarpReduce and WarpScan over groups of kLanes lanes. The first lane of a group has the reduction.
#pragma once

#include "block_primitives.cuh"

namespace cub {

namespace detail {
template <int kLanes>
unsigned group_mask() {
  return (kLanes == 32 ? ~0u : (1u << kLanes % 32) - 1) << (hardy::emulation::lane() / kLanes * kLanes);
}
}  // namespace detail

template <class T, int kLanes = 32>
class WarpReduce {
 public:
  struct TempStorage {};
  explicit WarpReduce(TempStorage&) {}

  template <class F>
  T Reduce(T mine, F combine, detail::Site site = detail::Site::here()) {
    return Reduce(mine, combine, kLanes, site);
  }
  template <class F>
  T Reduce(T mine, F combine, int valid, detail::Site site = detail::Site::here()) {
    const unsigned mask = detail::group_mask<kLanes>();
    const int rank = static_cast<int>(hardy::emulation::lane()) % kLanes;
    for (unsigned step = 1; step < kLanes; step *= 2) {
      const T other = __shfl_down_sync(mask, mine, step, kLanes, site);
      if (rank + static_cast<int>(step) < valid) mine = combine(mine, other);
    }
    return rank == 0 ? mine : detail::undefined_value<T>();
  }
  T Sum(T mine, detail::Site site = detail::Site::here()) { return Reduce(mine, std::plus<T>(), site); }
  T Sum(T mine, int valid, detail::Site site = detail::Site::here()) {
    return Reduce(mine, std::plus<T>(), valid, site);
  }
};

template <class T, int kLanes = 32>
class WarpScan {
 public:
  struct TempStorage {};
  explicit WarpScan(TempStorage&) {}

  template <class F>
  void InclusiveScan(T mine, T& out, F combine, detail::Site site = detail::Site::here()) {
    const unsigned mask = detail::group_mask<kLanes>();
    const int rank = static_cast<int>(hardy::emulation::lane()) % kLanes;
    for (unsigned step = 1; step < kLanes; step *= 2) {
      const T other = __shfl_up_sync(mask, mine, step, kLanes, site);
      if (rank >= static_cast<int>(step)) mine = combine(other, mine);
    }
    out = mine;
  }
  void InclusiveSum(T mine, T& out, detail::Site site = detail::Site::here()) {
    InclusiveScan(mine, out, std::plus<T>(), site);
  }
  void ExclusiveSum(T mine, T& out, detail::Site site = detail::Site::here()) {
    T inclusive;
    InclusiveScan(mine, inclusive, std::plus<T>(), site);
    const T before = __shfl_up_sync(detail::group_mask<kLanes>(), inclusive, 1, kLanes, site);
    out = hardy::emulation::lane() % kLanes == 0 ? T{} : before;
  }
};

}  // namespace cub
