// Thrust, as much of it as backends use on device memory: algorithms with
// thrust::cuda::par(_nosync).on(stream), over raw pointers and device_ptr, as host loops in stream order. par
// waits for its work, par_nosync does not (and can be captured in a graph where nothing is returned).
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cub/device_call.cuh>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrust {

using std::greater;
using std::less;
using std::minus;
using std::multiplies;
using std::plus;

template <class T>
using device_ptr = T*;
template <class T>
T* device_pointer_cast(T* p) {
  return p;
}
template <class T>
T* raw_pointer_cast(T* p) {
  return p;
}

namespace detail {

struct Policy {
  bool waits;
  cudaStream_t stream = nullptr;
  Policy on(cudaStream_t s) const { return {waits, s}; }
};

inline void succeed(cudaError_t error) {  // Thrust throws
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}
template <class Work>
void queue(const Policy& policy, const char* name, Work work) {
  succeed(hardy::emulation::enqueue_library_call(policy.stream, name, work));
  if (policy.waits) succeed(cudaStreamSynchronize(policy.stream));
}

template <class T>
void reads(const T* p, std::ptrdiff_t n, const char* name) {
  cub::detail::reads(p, n, name);
}

}  // namespace detail

namespace cuda {
inline constexpr detail::Policy par{true}, par_nosync{false};
}  // namespace cuda
inline constexpr detail::Policy device{true};

template <class T>
void fill(const detail::Policy& policy, T* first, T* last, const std::type_identity_t<T>& value) {
  detail::queue(policy, "thrust::fill", [=] {
    std::fill(first, last, value);
    cub::detail::writes(first, last - first);
  });
}
template <class T>
void sequence(const detail::Policy& policy, T* first, T* last, std::type_identity_t<T> from = T(0)) {
  detail::queue(policy, "thrust::sequence", [=] {
    std::iota(first, last, from);
    cub::detail::writes(first, last - first);
  });
}
template <class T>
T* copy(const detail::Policy& policy, const T* first, const T* last, T* out) {
  detail::queue(policy, "thrust::copy", [=] {
    detail::reads(first, last - first, "thrust::copy");
    std::copy(first, last, out);
    cub::detail::writes(out, last - first);
  });
  return out + (last - first);
}
// out[i] = in[map[i]]
template <class I, class T>
T* gather(const detail::Policy& policy, const I* map, const I* map_end, const T* in, T* out) {
  detail::queue(policy, "thrust::gather", [=] {
    detail::reads(map, map_end - map, "thrust::gather");
    for (std::ptrdiff_t i = 0; i < map_end - map; ++i) {
      detail::reads(in + map[i], 1, "thrust::gather");
      out[i] = in[map[i]];
    }
    cub::detail::writes(out, map_end - map);
  });
  return out + (map_end - map);
}
template <class T, class U, class F>
U* transform(const detail::Policy& policy, const T* first, const T* last, U* out, F f) {
  detail::queue(policy, "thrust::transform", [=] {
    detail::reads(first, last - first, "thrust::transform");
    std::transform(first, last, out, f);
    cub::detail::writes(out, last - first);
  });
  return out + (last - first);
}
template <class T, class Less = std::less<T>>
void stable_sort(const detail::Policy& policy, T* first, T* last, Less before = {}) {
  detail::queue(policy, "thrust::stable_sort", [=] {
    detail::reads(first, last - first, "thrust::stable_sort");
    std::stable_sort(first, last, before);
  });
}
template <class T, class Less = std::less<T>>
void sort(const detail::Policy& policy, T* first, T* last, Less before = {}) {
  stable_sort(policy, first, last, before);
}
template <class K, class V, class Less = std::less<K>>
void stable_sort_by_key(const detail::Policy& policy, K* keys, K* keys_end, V* values, Less before = {}) {
  detail::queue(policy, "thrust::stable_sort_by_key", [=] {
    detail::reads(keys, keys_end - keys, "thrust::stable_sort_by_key");
    detail::reads(values, keys_end - keys, "thrust::stable_sort_by_key");
    std::vector<std::pair<K, V>> both;
    for (std::ptrdiff_t i = 0; i < keys_end - keys; ++i) both.emplace_back(keys[i], values[i]);
    std::stable_sort(both.begin(), both.end(),
                     [before](const auto& a, const auto& b) { return before(a.first, b.first); });
    for (std::size_t i = 0; i < both.size(); ++i) {
      keys[i] = both[i].first;
      values[i] = both[i].second;
    }
  });
}
template <class K, class V, class Less = std::less<K>>
void sort_by_key(const detail::Policy& policy, K* keys, K* keys_end, V* values, Less before = {}) {
  stable_sort_by_key(policy, keys, keys_end, values, before);
}
template <class T, class F>
T* inclusive_scan(const detail::Policy& policy, const T* first, const T* last, T* out, F combine) {
  detail::queue(policy, "thrust::inclusive_scan", [=] {
    detail::reads(first, last - first, "thrust::inclusive_scan");
    std::partial_sum(first, last, out, combine);
    cub::detail::writes(out, last - first);
  });
  return out + (last - first);
}
// Returns its result to the host, and so waits under any policy.
template <class T, class U = T, class F = std::plus<U>>
U reduce(const detail::Policy& policy, const T* first, const T* last, U initial = U(0), F combine = {}) {
  U result = initial;
  detail::queue({true, policy.stream}, "thrust::reduce", [=, &result] {
    detail::reads(first, last - first, "thrust::reduce");
    result = std::accumulate(first, last, initial, combine);
  });
  return result;
}

}  // namespace thrust
