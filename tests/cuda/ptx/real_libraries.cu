#include <thrust/copy.h>
#include <thrust/device_vector.h>
#include <thrust/reduce.h>

#include <cub/cub.cuh>

#include "tests/cuda/ptx/real_libraries.h"

namespace hardy::samples {
namespace {

__constant__ float constant_factor;

__global__ void scale(float* x, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) x[i] *= constant_factor;
}

template <class T>
std::vector<T> host(const thrust::device_vector<T>& v) {
  std::vector<T> out(v.size());
  thrust::copy(v.begin(), v.end(), out.begin());
  return out;
}

// CUB's two calls: how much storage, then the work.
template <class Call>
void with_storage(Call call) {
  std::size_t bytes = 0;
  call(nullptr, bytes);
  thrust::device_vector<unsigned char> storage(bytes);
  call(thrust::raw_pointer_cast(storage.data()), bytes);
  cudaDeviceSynchronize();
}

}  // namespace

std::vector<int> inclusive_scan_by_cub(const std::vector<int>& x) {
  const thrust::device_vector<int> in(x.begin(), x.end());
  thrust::device_vector<int> out(x.size());
  with_storage([&](void* storage, std::size_t& bytes) {
    cub::DeviceScan::InclusiveSum(storage, bytes, in.begin(), out.begin(), static_cast<int>(x.size()));
  });
  return host(out);
}

std::vector<unsigned> sort_by_cub(const std::vector<unsigned>& keys) {
  const thrust::device_vector<unsigned> in(keys.begin(), keys.end());
  thrust::device_vector<unsigned> out(keys.size());
  with_storage([&](void* storage, std::size_t& bytes) {
    cub::DeviceRadixSort::SortKeys(storage, bytes, thrust::raw_pointer_cast(in.data()),
                                   thrust::raw_pointer_cast(out.data()), static_cast<int>(keys.size()));
  });
  return host(out);
}

long long sum_by_cub(const std::vector<int>& x) {
  const thrust::device_vector<int> in(x.begin(), x.end());
  thrust::device_vector<long long> out(1);
  with_storage([&](void* storage, std::size_t& bytes) {
    cub::DeviceReduce::Reduce(storage, bytes, in.begin(), out.begin(), static_cast<int>(x.size()),
                              cuda::std::plus<>{}, 0LL);
  });
  return out[0];
}

std::vector<int> reduce_by_key_by_thrust(const std::vector<int>& keys, const std::vector<int>& values) {
  const thrust::device_vector<int> k(keys.begin(), keys.end()), v(values.begin(), values.end());
  thrust::device_vector<int> keys_out(keys.size()), sums(keys.size());
  const auto ends = thrust::reduce_by_key(k.begin(), k.end(), v.begin(), keys_out.begin(), sums.begin());
  sums.resize(static_cast<std::size_t>(ends.second - sums.begin()));
  return host(sums);
}

std::vector<float> scaled_by_constant(const std::vector<float>& x, float factor) {
  thrust::device_vector<float> v(x.begin(), x.end());
  cudaMemcpyToSymbol(constant_factor, &factor, sizeof factor);
  const int n = static_cast<int>(x.size());
  scale<<<(n + 127) / 128, 128>>>(thrust::raw_pointer_cast(v.data()), n);
  return host(v);
}

}  // namespace hardy::samples
