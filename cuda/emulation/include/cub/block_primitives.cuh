// BlockReduce, BlockScan and BlockRadixSort. Every thread of the block calls them; using a TempStorage again
// needs a __syncthreads in between, and its lack is reported as a race, as it is one with CUB.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <type_traits>
#include <vector>

namespace cub {

enum BlockReduceAlgorithm {
  BLOCK_REDUCE_RAKING_COMMUTATIVE_ONLY,
  BLOCK_REDUCE_RAKING,
  BLOCK_REDUCE_WARP_REDUCTIONS
};
enum BlockScanAlgorithm { BLOCK_SCAN_RAKING, BLOCK_SCAN_RAKING_MEMOIZE, BLOCK_SCAN_WARP_SCANS };

namespace detail {

using hardy::emulation::Site;

// CUB leaves it undefined: a value that shows when it is used.
template <class T>
T undefined_value() {
  T value{};
  if constexpr (std::is_trivially_copyable_v<T>) std::memset(static_cast<void*>(&value), 0xff, sizeof value);
  return value;
}

// One value of each thread, seen by all.
template <class T, int kThreads>
struct Exchange {
  T value[kThreads];

  void put(const T& mine, Site site) {
    if (static_cast<int>(blockDim.x * blockDim.y * blockDim.z) != kThreads)
      hardy::emulation::report_block_size(kThreads, site);
    value[hardy::emulation::thread_rank()] = mine;
    __syncthreads(site);
  }
};

}  // namespace detail

template <class T, int kX, BlockReduceAlgorithm = BLOCK_REDUCE_WARP_REDUCTIONS, int kY = 1, int kZ = 1>
class BlockReduce {
 public:
  using TempStorage = detail::Exchange<T, kX * kY * kZ>;
  explicit BlockReduce(TempStorage& storage) : storage_(storage) {}

  // The result is thread 0's alone.
  template <class F>
  T Reduce(T mine, F combine, int valid, detail::Site site = detail::Site::here()) {
    storage_.put(mine, site);
    if (hardy::emulation::thread_rank() != 0) return detail::undefined_value<T>();
    T result = storage_.value[0];
    for (int i = 1; i < valid; ++i) result = combine(result, storage_.value[i]);
    return result;
  }
  template <class F>
  T Reduce(T mine, F combine, detail::Site site = detail::Site::here()) {
    return Reduce(mine, combine, kX * kY * kZ, site);
  }
  template <int kItems, class F>
  T Reduce(T (&mine)[kItems], F combine, detail::Site site = detail::Site::here()) {
    T own = mine[0];
    for (int i = 1; i < kItems; ++i) own = combine(own, mine[i]);
    return Reduce(own, combine, site);
  }
  T Sum(T mine, detail::Site site = detail::Site::here()) { return Reduce(mine, std::plus<T>(), site); }
  T Sum(T mine, int valid, detail::Site site = detail::Site::here()) {
    return Reduce(mine, std::plus<T>(), valid, site);
  }
  template <int kItems>
  T Sum(T (&mine)[kItems], detail::Site site = detail::Site::here()) {
    return Reduce(mine, std::plus<T>(), site);
  }

 private:
  TempStorage& storage_;
};

template <class T, int kX, BlockScanAlgorithm = BLOCK_SCAN_RAKING, int kY = 1, int kZ = 1>
class BlockScan {
 public:
  using TempStorage = detail::Exchange<T, kX * kY * kZ>;
  explicit BlockScan(TempStorage& storage) : storage_(storage) {}

  template <class F>
  void InclusiveScan(T mine, T& out, F combine, detail::Site site = detail::Site::here()) {
    T total;
    InclusiveScan(mine, out, combine, total, site);
  }
  template <class F>
  void InclusiveScan(T mine, T& out, F combine, T& total, detail::Site site = detail::Site::here()) {
    storage_.put(mine, site);
    const int rank = static_cast<int>(hardy::emulation::thread_rank());
    total = storage_.value[0];
    for (int i = 0; i < kX * kY * kZ; ++i) {
      if (i > 0) total = combine(total, storage_.value[i]);
      if (i == rank) out = total;
    }
  }
  template <class F>
  void ExclusiveScan(T mine, T& out, T initial, F combine, T& total,
                     detail::Site site = detail::Site::here()) {
    storage_.put(mine, site);
    const int rank = static_cast<int>(hardy::emulation::thread_rank());
    T running = initial;
    total = storage_.value[0];
    for (int i = 0; i < kX * kY * kZ; ++i) {
      if (i == rank) out = running;
      running = combine(running, storage_.value[i]);
      if (i > 0) total = combine(total, storage_.value[i]);
    }
  }
  template <class F>
  void ExclusiveScan(T mine, T& out, T initial, F combine, detail::Site site = detail::Site::here()) {
    T total;
    ExclusiveScan(mine, out, initial, combine, total, site);
  }
  void InclusiveSum(T mine, T& out, detail::Site site = detail::Site::here()) {
    InclusiveScan(mine, out, std::plus<T>(), site);
  }
  void InclusiveSum(T mine, T& out, T& total, detail::Site site = detail::Site::here()) {
    InclusiveScan(mine, out, std::plus<T>(), total, site);
  }
  void ExclusiveSum(T mine, T& out, detail::Site site = detail::Site::here()) {
    ExclusiveScan(mine, out, T{}, std::plus<T>(), site);
  }
  void ExclusiveSum(T mine, T& out, T& total, detail::Site site = detail::Site::here()) {
    ExclusiveScan(mine, out, T{}, std::plus<T>(), total, site);
  }

 private:
  TempStorage& storage_;
};

struct NullType {};

// Stable; keys (and values) in blocked order: thread t holds items t * kItems ... t * kItems + kItems - 1.
template <class Key, int kX, int kItems, class Value = NullType>
class BlockRadixSort {
  struct Item {
    Key key;
    Value value;
  };

 public:
  using TempStorage = detail::Exchange<std::array<Item, static_cast<std::size_t>(kItems)>, kX>;
  explicit BlockRadixSort(TempStorage& storage) : storage_(storage) {}

  void Sort(Key (&keys)[kItems], detail::Site site = detail::Site::here()) {
    Value none[kItems];
    sort(keys, none, std::less<Key>(), site);
  }
  void Sort(Key (&keys)[kItems], Value (&values)[kItems], detail::Site site = detail::Site::here()) {
    sort(keys, values, std::less<Key>(), site);
  }
  void SortDescending(Key (&keys)[kItems], detail::Site site = detail::Site::here()) {
    Value none[kItems];
    sort(keys, none, std::greater<Key>(), site);
  }
  void SortDescending(Key (&keys)[kItems], Value (&values)[kItems],
                      detail::Site site = detail::Site::here()) {
    sort(keys, values, std::greater<Key>(), site);
  }

 private:
  template <class Less>
  void sort(Key (&keys)[kItems], Value (&values)[kItems], Less less, detail::Site site) {
    std::array<Item, static_cast<std::size_t>(kItems)> mine;
    for (int i = 0; i < kItems; ++i) mine[static_cast<std::size_t>(i)] = {keys[i], values[i]};
    storage_.put(mine, site);
    std::vector<Item> all;
    for (const auto& items : storage_.value) all.insert(all.end(), items.begin(), items.end());
    std::stable_sort(all.begin(), all.end(),
                     [less](const Item& a, const Item& b) { return less(a.key, b.key); });
    const std::size_t first = hardy::emulation::thread_rank() * static_cast<std::size_t>(kItems);
    for (int i = 0; i < kItems; ++i) {
      keys[i] = all[first + static_cast<std::size_t>(i)].key;
      values[i] = all[first + static_cast<std::size_t>(i)].value;
    }
  }

  TempStorage& storage_;
};

}  // namespace cub
