// One deliberate bug to a kernel: each is caught and named with kernel, block and thread. Which build
// catches which is in the table of docs/cuda_emulation.md; `plain` is the checked build without sanitizer.
#include <gtest/gtest.h>

#include "cuda/emulation/control.h"
#include "cuda/launch.h"
#include "tests/cuda/emulation/device_array.h"

namespace hardy::emulation::testing {

// Not in an unnamed namespace: reports name kernels as the linker does.
__global__ void bug_free(float* x, int n) {
  __shared__ float tile[64];
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  if (static_cast<int>(threadIdx.x) < n) x[threadIdx.x] = tile[63 - threadIdx.x] + 1.0f;
}
__global__ void race_in_shared(float* x) {
  __shared__ float tile[64];
  tile[threadIdx.x] = 0.0f;
  __syncthreads();
  tile[threadIdx.x] = static_cast<float>(threadIdx.x);
  x[threadIdx.x] = tile[63 - threadIdx.x];  // no __syncthreads before it
}
__global__ void race_in_dynamic_shared(float* x) {
  HARDY_DYNAMIC_SHARED(float, tile);
  tile[threadIdx.x] = 0.0f;
  __syncthreads();
  tile[threadIdx.x] = static_cast<float>(threadIdx.x);
  x[threadIdx.x] = tile[63 - threadIdx.x];
}
__global__ void race_in_warp(float* x) {
  __shared__ float tile[32];
  tile[threadIdx.x] = static_cast<float>(threadIdx.x);
  __syncwarp();
  if (threadIdx.x < 16) tile[threadIdx.x] += tile[threadIdx.x + 16];
  if (threadIdx.x < 8) x[threadIdx.x] = tile[threadIdx.x] + tile[threadIdx.x + 8];  // no __syncwarp before it
}
__global__ void race_in_device_memory(float* x) { x[threadIdx.x / 2] = 1.0f; }
__global__ void race_between_blocks(float* x) {
  if (threadIdx.x == 0) x[0] += 1.0f;
}
__global__ void past_the_end(float* x, int n) { x[static_cast<int>(threadIdx.x) + n - 31] = 1.0f; }
__global__ void past_static_shared(float* x) {
  __shared__ float tile[32];
  tile[threadIdx.x + 1] = x[threadIdx.x];
  __syncthreads();
  if (threadIdx.x > 0) x[threadIdx.x] = tile[threadIdx.x];
}
__global__ void past_dynamic_shared(float* x) {
  HARDY_DYNAMIC_SHARED(float, tile);
  tile[threadIdx.x + 1] = x[threadIdx.x];
}
__global__ void divergent_barrier(float* x) {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
  x[threadIdx.x] = 0.0f;
}
__global__ void barrier_against_shuffle(float* x) {
  if (threadIdx.x < 16)
    x[threadIdx.x] = __shfl_sync(0xffffffffu, 1.0f, 0);
  else
    __syncthreads();
}
__global__ void shuffle_from_exited(float* x, int n) {
  if (static_cast<int>(threadIdx.x) >= n) return;
  x[threadIdx.x] = __shfl_down_sync(0xffffffffu, x[threadIdx.x], 1);
}
__global__ void lane_outside_its_mask(float* x) {
  x[threadIdx.x] = __shfl_sync(0x0000ffffu, x[threadIdx.x], 0);
}
__global__ void reads_unwritten(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }
__global__ void reads_unwritten_shared(float* x) {
  __shared__ float tile[64];
  if (threadIdx.x < 63) tile[threadIdx.x] = 1.0f;
  __syncthreads();
  x[threadIdx.x] = tile[threadIdx.x];
}
__global__ void fill(float* x, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) x[i] = 1.0f;
}

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPlain = false, kAddress = true, kThread = false;
#elif defined(__SANITIZE_THREAD__) && defined(HARDY_TEST_TSAN)
constexpr bool kPlain = false, kAddress = false, kThread = true;
#else
constexpr bool kPlain = true, kAddress = false, kThread = false;
#endif

class EmulationBugs : public ::testing::Test {
 protected:
  EmulationBugs() {
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
    succeed(cudaMemset(x_.data(), 0, 64 * sizeof(float)));
  }
  template <class K, class... A>
  static void run(K kernel, int blocks, int threads, std::size_t dynamic_bytes, A... arguments) {
    cuda::launch(kernel, blocks, threads, dynamic_bytes, nullptr, arguments...);
    cudaDeviceSynchronize();
  }
  DeviceArray<float> x_{64};
};

TEST_F(EmulationBugs, ControlWithoutABugPasses) {
  run(bug_free, 1, 64, 0, x_.data(), 64);
  EXPECT_EQ(x_.get(), std::vector<float>(64, 1.0f));
}

TEST_F(EmulationBugs, RaceInSharedMemoryIsNamed) {
  if (kAddress) GTEST_SKIP() << "AddressSanitizer does not look for races";
  EXPECT_DEATH(
      run(race_in_shared, 1, 64, 0, x_.data()),
      kPlain ? "race on shared variable 'tile'.*bugs_test.cu.*(\n.*)*race_in_shared\\(float\\*\\), block "
               "\\(0,0,0\\), thread \\("
             : "data race");
}

TEST_F(EmulationBugs, RaceInDynamicSharedMemoryIsNamed) {
  if (kAddress) GTEST_SKIP() << "AddressSanitizer does not look for races";
  EXPECT_DEATH(run(race_in_dynamic_shared, 1, 64, 256, x_.data()),
               kPlain ? "race on dynamic shared memory.*(\n.*)*race_in_dynamic_shared" : "data race");
}

TEST_F(EmulationBugs, RaceInsideAWarpIsNamed) {
  if (kAddress) GTEST_SKIP() << "AddressSanitizer does not look for races";
  EXPECT_DEATH(run(race_in_warp, 1, 32, 0, x_.data()),
               kPlain ? "race on shared variable 'tile'.*(\n.*)*race_in_warp" : "data race");
}

TEST_F(EmulationBugs, RaceInDeviceMemoryIsNamed) {
  if (kAddress) GTEST_SKIP() << "AddressSanitizer does not look for races";
  EXPECT_DEATH(run(race_in_device_memory, 1, 64, 0, x_.data()),
               kPlain ? "race on device memory.*(\n.*)*race_in_device_memory" : "data race");
}

TEST_F(EmulationBugs, RaceBetweenBlocksIsNamed) {
  if (!kPlain) GTEST_SKIP() << "the sanitizers see blocks one after the other";
  EXPECT_DEATH(run(race_between_blocks, 4, 32, 0, x_.data()),
               "race on device memory.*block \\(.*\n.*race_between_blocks");
}

}  // namespace
}  // namespace hardy::emulation::testing
