// DeviceReduce and DeviceSegmentedReduce.
#pragma once

#include "device_call.cuh"

namespace cub {

template <class Key, class Value>
struct KeyValuePair {
  Key key;
  Value value;
};

namespace detail {

struct Smaller {
  template <class T>
  T operator()(const T& a, const T& b) const {
    return b < a ? b : a;
  }
};
struct Larger {
  template <class T>
  T operator()(const T& a, const T& b) const {
    return a < b ? b : a;
  }
};
template <class T>
constexpr T kSmallest = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                             : std::numeric_limits<T>::lowest();
template <class T>
constexpr T kLargest = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                            : std::numeric_limits<T>::max();

template <class T, class In, class N, class F>
T fold(In in, N begin, N end, F combine, T initial) {
  T result = initial;
  for (N i = begin; i < end; ++i) result = combine(result, in[i]);
  return result;
}
// The first index at which `better` finds its extreme.
template <class In, class N, class Better>
N extreme_index(In in, N n, Better better) {
  N best = 0;
  for (N i = 1; i < n; ++i)
    if (better(in[i], in[best])) best = i;
  return best;
}

}  // namespace detail

struct DeviceReduce {
  template <class In, class Out, class N, class F, class T>
  static cudaError_t Reduce(void* storage, std::size_t& bytes, In in, Out out, N n, F combine, T initial,
                            cudaStream_t stream = nullptr) {
    return detail::device_call("cub::DeviceReduce", storage, bytes, stream, [=] {
      detail::reads(in, n, "cub::DeviceReduce");
      *out = detail::fold(in, N{0}, n, combine, initial);
      detail::writes(out, 1);
    });
  }
  template <class In, class Out, class N>
  static cudaError_t Sum(void* storage, std::size_t& bytes, In in, Out out, N n,
                         cudaStream_t stream = nullptr) {
    using T = detail::value_of<Out>;
    return Reduce(storage, bytes, in, out, n, std::plus<T>(), T{}, stream);
  }
  template <class In, class Out, class N>
  static cudaError_t Min(void* storage, std::size_t& bytes, In in, Out out, N n,
                         cudaStream_t stream = nullptr) {
    return Reduce(storage, bytes, in, out, n, detail::Smaller(), detail::kLargest<detail::value_of<In>>,
                  stream);
  }
  template <class In, class Out, class N>
  static cudaError_t Max(void* storage, std::size_t& bytes, In in, Out out, N n,
                         cudaStream_t stream = nullptr) {
    return Reduce(storage, bytes, in, out, n, detail::Larger(), detail::kSmallest<detail::value_of<In>>,
                  stream);
  }
  template <class In, class Value, class Index>
  static cudaError_t ArgMin(void* storage, std::size_t& bytes, In in, Value value, Index index,
                            std::int64_t n, cudaStream_t stream = nullptr) {
    return extreme("cub::DeviceReduce::ArgMin", storage, bytes, in, value, index, n, std::less<>(), stream);
  }
  template <class In, class Value, class Index>
  static cudaError_t ArgMax(void* storage, std::size_t& bytes, In in, Value value, Index index,
                            std::int64_t n, cudaStream_t stream = nullptr) {
    return extreme("cub::DeviceReduce::ArgMax", storage, bytes, in, value, index, n, std::greater<>(),
                   stream);
  }

 private:
  template <class In, class Value, class Index, class Better>
  static cudaError_t extreme(const char* name, void* storage, std::size_t& bytes, In in, Value value,
                             Index index, std::int64_t n, Better better, cudaStream_t stream) {
    return detail::device_call(name, storage, bytes, stream, [=] {
      detail::reads(in, n, name);
      const std::int64_t best = detail::extreme_index(in, n, better);
      *value = in[best];
      *index = static_cast<detail::value_of<Index>>(best);
      detail::writes(value, 1);
      detail::writes(index, 1);
    });
  }
};

// Segment s is [begins[s], ends[s]) of the input; an empty one gives the initial value.
struct DeviceSegmentedReduce {
  template <class In, class Out, class Begin, class End, class F, class T>
  static cudaError_t Reduce(void* storage, std::size_t& bytes, In in, Out out, std::int64_t segments,
                            Begin begins, End ends, F combine, T initial, cudaStream_t stream = nullptr) {
    constexpr const char* kName = "cub::DeviceSegmentedReduce";
    return detail::device_call(kName, storage, bytes, stream, [=] {
      detail::reads(begins, segments, kName);
      detail::reads(ends, segments, kName);
      for (std::int64_t s = 0; s < segments; ++s) {
        const auto begin = static_cast<std::int64_t>(begins[s]), end = static_cast<std::int64_t>(ends[s]);
        if (end > begin) detail::reads(in + begin, end - begin, kName);
        out[s] = detail::fold(in, begin, end, combine, initial);
      }
      detail::writes(out, segments);
    });
  }
  template <class In, class Out, class Begin, class End>
  static cudaError_t Sum(void* storage, std::size_t& bytes, In in, Out out, std::int64_t segments,
                         Begin begins, End ends, cudaStream_t stream = nullptr) {
    using T = detail::value_of<Out>;
    return Reduce(storage, bytes, in, out, segments, begins, ends, std::plus<T>(), T{}, stream);
  }
  template <class In, class Out, class Begin, class End>
  static cudaError_t Min(void* storage, std::size_t& bytes, In in, Out out, std::int64_t segments,
                         Begin begins, End ends, cudaStream_t stream = nullptr) {
    return Reduce(storage, bytes, in, out, segments, begins, ends, detail::Smaller(),
                  detail::kLargest<detail::value_of<In>>, stream);
  }
  template <class In, class Out, class Begin, class End>
  static cudaError_t Max(void* storage, std::size_t& bytes, In in, Out out, std::int64_t segments,
                         Begin begins, End ends, cudaStream_t stream = nullptr) {
    return Reduce(storage, bytes, in, out, segments, begins, ends, detail::Larger(),
                  detail::kSmallest<detail::value_of<In>>, stream);
  }
};

}  // namespace cub
