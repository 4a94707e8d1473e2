// DeviceRadixSort and its segmented form: stable, by the bits [begin_bit, end_bit) of the keys in the order
// that CUB sorts floats by: -inf ... -0 = +0 ... inf, NaN behind by its bits.
#pragma once

#include "device_call.cuh"

namespace cub {

namespace detail {

// A key as an unsigned number of the same order.
template <class K>
auto sortable(K key) {
  using U =
      std::conditional_t<sizeof(K) == 8, std::uint64_t,
                         std::conditional_t<sizeof(K) == 4, std::uint32_t,
                                            std::conditional_t<sizeof(K) == 2, std::uint16_t, std::uint8_t>>>;
  constexpr U kSign = U{1} << (sizeof(K) * 8 - 1);
  U bits;
  std::memcpy(&bits, &key, sizeof bits);
  if constexpr (std::is_floating_point_v<K>) {
    if (bits == kSign) bits = 0;  // -0 sorts as +0
    return static_cast<U>((bits & kSign) != 0 ? ~bits : bits | kSign);
  } else if constexpr (std::is_signed_v<K>) {
    return static_cast<U>(bits ^ kSign);
  } else {
    return bits;
  }
}

template <class K, class N>
std::vector<N> sorted_order(const K* keys, N n, int begin_bit, int end_bit, bool descending) {
  std::vector<N> order(static_cast<std::size_t>(n));
  for (N i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
  const auto digit = [=](N i) {
    const std::uint64_t bits = sortable(keys[i]);
    const std::uint64_t low = end_bit >= 64 ? bits : bits & ((std::uint64_t{1} << end_bit) - 1);
    return low >> begin_bit;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](N a, N b) { return descending ? digit(b) < digit(a) : digit(a) < digit(b); });
  return order;
}

struct NoValues {};

template <class K, class V, class N>
void sort_range(const K* keys, K* keys_out, [[maybe_unused]] const V* values, [[maybe_unused]] V* values_out,
                N n, int begin_bit, int end_bit, bool descending) {
  constexpr const char* kName = "cub::DeviceRadixSort";
  reads(keys, n, kName);
  const std::vector<N> order = sorted_order(keys, n, begin_bit, end_bit, descending);
  const std::vector<K> old_keys(keys, keys + n);
  for (N i = 0; i < n; ++i)
    keys_out[i] = old_keys[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
  writes(keys_out, n);
  if constexpr (!std::is_same_v<V, NoValues>) {
    reads(values, n, kName);
    const std::vector<V> old(values, values + n);
    for (N i = 0; i < n; ++i)
      values_out[i] = old[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
    writes(values_out, n);
  }
}

template <class K, class V, class N>
cudaError_t sort_device(void* storage, std::size_t& bytes, const K* keys, K* keys_out, const V* values,
                        V* values_out, N n, int begin_bit, int end_bit, bool descending,
                        cudaStream_t stream) {
  return device_call("cub::DeviceRadixSort", storage, bytes, stream, [=] {
    sort_range(keys, keys_out, values, values_out, n, begin_bit, end_bit, descending);
  });
}

}  // namespace detail

template <class T>
struct DoubleBuffer {
  T* d_buffers[2];
  int selector = 0;
  DoubleBuffer(T* current, T* alternate) : d_buffers{current, alternate} {}
  T* Current() const { return d_buffers[selector]; }
  T* Alternate() const { return d_buffers[selector ^ 1]; }
};

struct DeviceRadixSort {
  template <class K, class N>
  static cudaError_t SortKeys(void* storage, std::size_t& bytes, const K* in, K* out, N n, int begin_bit = 0,
                              int end_bit = sizeof(K) * 8, cudaStream_t stream = nullptr) {
    return detail::sort_device<K, detail::NoValues>(storage, bytes, in, out, nullptr, nullptr, n, begin_bit,
                                                    end_bit, false, stream);
  }
  template <class K, class N>
  static cudaError_t SortKeysDescending(void* storage, std::size_t& bytes, const K* in, K* out, N n,
                                        int begin_bit = 0, int end_bit = sizeof(K) * 8,
                                        cudaStream_t stream = nullptr) {
    return detail::sort_device<K, detail::NoValues>(storage, bytes, in, out, nullptr, nullptr, n, begin_bit,
                                                    end_bit, true, stream);
  }
  template <class K, class V, class N>
  static cudaError_t SortPairs(void* storage, std::size_t& bytes, const K* in, K* out, const V* values,
                               V* values_out, N n, int begin_bit = 0, int end_bit = sizeof(K) * 8,
                               cudaStream_t stream = nullptr) {
    return detail::sort_device(storage, bytes, in, out, values, values_out, n, begin_bit, end_bit, false,
                               stream);
  }
  template <class K, class V, class N>
  static cudaError_t SortPairsDescending(void* storage, std::size_t& bytes, const K* in, K* out,
                                         const V* values, V* values_out, N n, int begin_bit = 0,
                                         int end_bit = sizeof(K) * 8, cudaStream_t stream = nullptr) {
    return detail::sort_device(storage, bytes, in, out, values, values_out, n, begin_bit, end_bit, true,
                               stream);
  }
  template <class K, class N>
  static cudaError_t SortKeys(void* storage, std::size_t& bytes, DoubleBuffer<K>& keys, N n,
                              int begin_bit = 0, int end_bit = sizeof(K) * 8, cudaStream_t stream = nullptr) {
    const cudaError_t error =
        SortKeys(storage, bytes, keys.Current(), keys.Alternate(), n, begin_bit, end_bit, stream);
    if (storage != nullptr) keys.selector ^= 1;
    return error;
  }
};

struct DeviceSegmentedRadixSort {
  template <class K, class Begin, class End>
  static cudaError_t SortKeys(void* storage, std::size_t& bytes, const K* in, K* out, std::int64_t n,
                              std::int64_t segments, Begin begins, End ends, int begin_bit = 0,
                              int end_bit = sizeof(K) * 8, cudaStream_t stream = nullptr) {
    return sort<K, detail::NoValues>(storage, bytes, in, out, nullptr, nullptr, n, segments, begins, ends,
                                     begin_bit, end_bit, stream);
  }
  template <class K, class V, class Begin, class End>
  static cudaError_t SortPairs(void* storage, std::size_t& bytes, const K* in, K* out, const V* values,
                               V* values_out, std::int64_t n, std::int64_t segments, Begin begins, End ends,
                               int begin_bit = 0, int end_bit = sizeof(K) * 8,
                               cudaStream_t stream = nullptr) {
    return sort(storage, bytes, in, out, values, values_out, n, segments, begins, ends, begin_bit, end_bit,
                stream);
  }

 private:
  template <class K, class V, class Begin, class End>
  static cudaError_t sort(void* storage, std::size_t& bytes, const K* in, K* out, const V* values,
                          V* values_out, std::int64_t, std::int64_t segments, Begin begins, End ends,
                          int begin_bit, int end_bit, cudaStream_t stream) {
    return detail::device_call("cub::DeviceSegmentedRadixSort", storage, bytes, stream, [=] {
      detail::reads(begins, segments, "cub::DeviceSegmentedRadixSort");
      detail::reads(ends, segments, "cub::DeviceSegmentedRadixSort");
      for (std::int64_t s = 0; s < segments; ++s) {
        const auto begin = static_cast<std::int64_t>(begins[s]), end = static_cast<std::int64_t>(ends[s]);
        if (end <= begin) continue;
        const bool pairs = !std::is_same_v<V, detail::NoValues>;
        detail::sort_range(in + begin, out + begin, pairs ? values + begin : values,
                           pairs ? values_out + begin : values_out, end - begin, begin_bit, end_bit, false);
      }
    });
  }
};

}  // namespace cub
