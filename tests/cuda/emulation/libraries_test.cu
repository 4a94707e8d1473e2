// The shims of CUB and cuBLASLt against loops on the host.
#include <cublasLt.h>
#include <gtest/gtest.h>
#include <thrust/execution_policy.h>
#include <thrust/gather.h>
#include <thrust/reduce.h>
#include <thrust/scan.h>
#include <thrust/sequence.h>
#include <thrust/sort.h>
#include <thrust/transform.h>

#include <algorithm>
#include <cub/cub.cuh>
#include <numeric>

#include "cuda/launch.h"
#include "tests/cuda/emulation/device_array.h"

namespace hardy::emulation::testing {
namespace {

std::vector<float> numbers(std::size_t n, unsigned seed) {
  std::vector<float> v(n);
  for (float& x : v) {
    seed = seed * 1664525u + 1013904223u;
    x = static_cast<float>(seed >> 8) / 16777216.0f - 0.5f;
  }
  return v;
}

// CUB's two calls: how much storage, then the work.
template <class Call>
void with_storage(Call call) {
  std::size_t bytes = 0;
  succeed(call(nullptr, bytes));
  const DeviceArray<char> storage(bytes);
  succeed(call(storage.data(), bytes));
  succeed(cudaDeviceSynchronize());
}

template <int kThreads>
__global__ void sums_of_blocks(const float* x, int n, float* out, float* prefix) {
  using Reduce = cub::BlockReduce<float, kThreads>;
  using Scan = cub::BlockScan<float, kThreads>;
  __shared__ typename Reduce::TempStorage reduce;
  __shared__ typename Scan::TempStorage scan;
  const int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  const float mine = i < n ? x[i] : 0.0f;
  const float sum = Reduce(reduce).Sum(mine);
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
  float before = 0.0f;
  Scan(scan).ExclusiveSum(mine, before);
  if (i < n) prefix[i] = before;
}

TEST(EmulatedCub, BlockReduceAndScanAddLeftToRightForSizesThatDoNotFitTheGrid) {
  for (const int n : {1, 31, 33, 255, 257}) {
    const std::vector<float> x = numbers(static_cast<std::size_t>(n), 3);
    const int blocks = (n + 127) / 128;
    const DeviceArray<float> in(x), out(static_cast<std::size_t>(blocks)), prefix(x.size());
    succeed(
        cuda::launch(sums_of_blocks<128>, blocks, 128, 0, nullptr, in.data(), n, out.data(), prefix.data()));
    std::vector<float> sums(static_cast<std::size_t>(blocks), 0.0f), before(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      before[i] = sums[i / 128];
      sums[i / 128] += x[i];
    }
    EXPECT_EQ(out.get(), sums) << n;
    EXPECT_EQ(prefix.get(), before) << n;
  }
}

TEST(EmulatedCub, DeviceReductionsFindSumAndExtremes) {
  const std::vector<float> x = numbers(257, 5);
  const DeviceArray<float> in(x), sum(1), least(1), value(1);
  const DeviceArray<int> index(1);
  with_storage(
      [&](void* s, std::size_t& b) { return cub::DeviceReduce::Sum(s, b, in.data(), sum.data(), 257); });
  with_storage(
      [&](void* s, std::size_t& b) { return cub::DeviceReduce::Min(s, b, in.data(), least.data(), 257); });
  with_storage([&](void* s, std::size_t& b) {
    return cub::DeviceReduce::ArgMax(s, b, in.data(), value.data(), index.data(), 257);
  });
  EXPECT_EQ(sum.get()[0], std::accumulate(x.begin(), x.end(), 0.0f));
  EXPECT_EQ(least.get()[0], *std::ranges::min_element(x));
  EXPECT_EQ(value.get()[0], *std::ranges::max_element(x));
  EXPECT_EQ(index.get()[0], std::ranges::max_element(x) - x.begin());
}

TEST(EmulatedCub, SegmentedReduceGivesTheInitialValueForAnEmptySegment) {
  const DeviceArray<float> in(std::vector<float>{1, 2, 3, 4}), out(3);
  const DeviceArray<int> offsets(std::vector<int>{0, 3, 3, 4});
  with_storage([&](void* s, std::size_t& b) {
    return cub::DeviceSegmentedReduce::Sum(s, b, in.data(), out.data(), 3, offsets.data(),
                                           offsets.data() + 1);
  });
  EXPECT_EQ(out.get(), (std::vector<float>{6, 0, 4}));
}

TEST(EmulatedCub, RadixSortIsStableAndOrdersFloatsAsNumbers) {
  const std::vector<float> keys = {2.0f, -1.0f, 2.0f, -INFINITY, 0.0f, -1.0f, 7.0f};
  const std::vector<int> values = {0, 1, 2, 3, 4, 5, 6};
  const DeviceArray<float> in(keys), out(7);
  const DeviceArray<int> in_values(values), out_values(7);
  with_storage([&](void* s, std::size_t& b) {
    return cub::DeviceRadixSort::SortPairs(s, b, in.data(), out.data(), in_values.data(), out_values.data(),
                                           7);
  });
  EXPECT_EQ(out.get(), (std::vector<float>{-INFINITY, -1, -1, 0, 2, 2, 7}));
  EXPECT_EQ(out_values.get(), (std::vector<int>{3, 1, 5, 4, 0, 2, 6}));
}

TEST(EmulatedThrust, AlgorithmsRunInStreamOrderAndMatchTheStandardLibrarys) {
  cudaStream_t stream = nullptr;
  succeed(cudaStreamCreate(&stream));
  const auto later = thrust::cuda::par_nosync.on(stream);
  const DeviceArray<int> keys(std::vector<int>{5, 1, 4, 1}), values(4), picked(4), doubled(4);
  thrust::sequence(later, values.data(), values.data() + 4, 10);
  thrust::sort_by_key(later, keys.data(), keys.data() + 4, values.data());
  EXPECT_EQ(keys.get(), (std::vector<int>{1, 1, 4, 5}));
  EXPECT_EQ(values.get(), (std::vector<int>{11, 13, 12, 10}));
  const DeviceArray<int> map(std::vector<int>{3, 3, 0, 1});
  thrust::gather(later, map.data(), map.data() + 4, values.data(), picked.data());
  EXPECT_EQ(picked.get(), (std::vector<int>{10, 10, 11, 13}));
  thrust::transform(later, picked.data(), picked.data() + 4, doubled.data(), [](int x) { return 2 * x; });
  EXPECT_EQ(thrust::reduce(later, doubled.data(), doubled.data() + 4, 1), 1 + 2 * 44);
  thrust::inclusive_scan(later, doubled.data(), doubled.data() + 4, doubled.data(), thrust::plus<int>());
  thrust::fill(later, picked.data(), picked.data() + 2, 9);
  EXPECT_EQ(doubled.get(), (std::vector<int>{20, 40, 62, 88}));
  EXPECT_EQ(picked.get(), (std::vector<int>{9, 9, 11, 13}));
  succeed(cudaStreamDestroy(stream));
}

// Column-major reference in double.
struct Matrices {
  int m, n, k;
  std::vector<float> a, b;
  double product(int i, int j, bool ta, bool tb) const {
    double sum = 0;
    for (int p = 0; p < k; ++p)
      sum += static_cast<double>(a[static_cast<std::size_t>(ta ? i * k + p : p * m + i)]) *
             static_cast<double>(b[static_cast<std::size_t>(tb ? p * n + j : j * k + p)]);
    return sum;
  }
};

class EmulatedCublasLt : public ::testing::TestWithParam<std::tuple<bool, bool>> {};

TEST_P(EmulatedCublasLt, ProductsWithBiasAndReluMatchALoopForEveryTransposition) {
  const auto [ta, tb] = GetParam();
  const Matrices x{5, 7, 33, numbers(5 * 33, 1), numbers(33 * 7, 2)};
  const std::vector<float> bias = numbers(5, 3);
  const DeviceArray<float> a(x.a), b(x.b), v(bias), d(35);
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatrixLayout_t la = nullptr, lb = nullptr, ld = nullptr;
  ASSERT_EQ(cublasLtCreate(&handle), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
  const cublasOperation_t op_a = ta ? CUBLAS_OP_T : CUBLAS_OP_N, op_b = tb ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_RELU_BIAS;
  float* bias_pointer = v.data();
  cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSA, &op_a, sizeof op_a);
  cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSB, &op_b, sizeof op_b);
  cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
  cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias_pointer,
                                 sizeof bias_pointer);
  cublasLtMatrixLayoutCreate(&la, CUDA_R_32F, ta ? 33 : 5, ta ? 5 : 33, ta ? 33 : 5);
  cublasLtMatrixLayoutCreate(&lb, CUDA_R_32F, tb ? 7 : 33, tb ? 33 : 7, tb ? 7 : 33);
  cublasLtMatrixLayoutCreate(&ld, CUDA_R_32F, 5, 7, 5);
  const float one = 1.0f, zero = 0.0f;
  ASSERT_EQ(cublasLtMatmul(handle, description, &one, a.data(), la, b.data(), lb, &zero, d.data(), ld,
                           d.data(), ld, nullptr, nullptr, 0, nullptr),
            CUBLAS_STATUS_SUCCESS);
  const std::vector<float> out = d.get();
  for (int j = 0; j < 7; ++j)
    for (int i = 0; i < 5; ++i)
      EXPECT_NEAR(
          out[static_cast<std::size_t>(j * 5 + i)],
          std::max(0.0, x.product(i, j, ta, tb) + static_cast<double>(bias[static_cast<std::size_t>(i)])),
          1e-5);
  // A shape that does not fit is refused, by the query too.
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulPreferenceCreate(&preference);
  cublasLtMatmulHeuristicResult_t result;
  int found = 7;
  EXPECT_EQ(
      cublasLtMatmulAlgoGetHeuristic(handle, description, la, lb, la, la, preference, 1, &result, &found),
      CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(found, 0);
  cublasLtMatmulPreferenceDestroy(preference);
  for (cublasLtMatrixLayout_t layout : {la, lb, ld}) cublasLtMatrixLayoutDestroy(layout);
  cublasLtMatmulDescDestroy(description);
  cublasLtDestroy(handle);
}
INSTANTIATE_TEST_SUITE_P(Transpositions, EmulatedCublasLt,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool()));

}  // namespace
}  // namespace hardy::emulation::testing
