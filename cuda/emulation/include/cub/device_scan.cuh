// DeviceScan; input and output may be the same memory.
#pragma once

#include "device_call.cuh"

namespace cub {

struct DeviceScan {
  template <class In, class Out, class F, class N>
  static cudaError_t InclusiveScan(void* storage, std::size_t& bytes, In in, Out out, F combine, N n,
                                   cudaStream_t stream = nullptr) {
    return detail::device_call("cub::DeviceScan", storage, bytes, stream, [=] {
      detail::reads(in, n, "cub::DeviceScan");
      detail::value_of<Out> running{};
      for (N i = 0; i < n; ++i) out[i] = running = i == 0 ? in[i] : combine(running, in[i]);
      detail::writes(out, n);
    });
  }
  template <class In, class Out, class F, class T, class N>
  static cudaError_t ExclusiveScan(void* storage, std::size_t& bytes, In in, Out out, F combine, T initial,
                                   N n, cudaStream_t stream = nullptr) {
    return detail::device_call("cub::DeviceScan", storage, bytes, stream, [=] {
      detail::reads(in, n, "cub::DeviceScan");
      T running = initial;
      for (N i = 0; i < n; ++i) {
        const T next = combine(running, in[i]);
        out[i] = running;
        running = next;
      }
      detail::writes(out, n);
    });
  }
  template <class In, class Out, class N>
  static cudaError_t InclusiveSum(void* storage, std::size_t& bytes, In in, Out out, N n,
                                  cudaStream_t stream = nullptr) {
    return InclusiveScan(storage, bytes, in, out, std::plus<detail::value_of<In>>(), n, stream);
  }
  template <class In, class Out, class N>
  static cudaError_t ExclusiveSum(void* storage, std::size_t& bytes, In in, Out out, N n,
                                  cudaStream_t stream = nullptr) {
    using T = detail::value_of<In>;
    return ExclusiveScan(storage, bytes, in, out, std::plus<T>(), T{}, n, stream);
  }
};

}  // namespace cub
