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
  float* next = tile + threadIdx.x + 1;
  *next = x[threadIdx.x];
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
#elif defined(HARDY_EMULATION_TSAN)
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

TEST_F(EmulationBugs, OutOfBoundsInDeviceMemoryIsNamed) {
  if (kThread) GTEST_SKIP() << "ThreadSanitizer does not look for bounds";
  EXPECT_DEATH(
      run(past_the_end, 1, 32, 0, x_.data(), 64),
      kPlain ? "out-of-bounds write of 4 bytes at .*bugs_test.cu:[0-9]+: device memory, 0 bytes past the "
               "end of an allocation of 256 bytes(\n.*)*past_the_end.*thread \\(31,0,0\\)"
             : "in kernel .*past_the_end.*thread \\(31,0,0\\)(.*\n)*.*use-after-poison");
}

TEST_F(EmulationBugs, OutOfBoundsInStaticSharedMemoryIsNamed) {
  if (kThread) GTEST_SKIP() << "ThreadSanitizer does not look for bounds";
  EXPECT_DEATH(run(past_static_shared, 1, 32, 0, x_.data()),
               kPlain
                   ? "out-of-bounds write of 4 bytes.*0 bytes past the end of shared variable 'tile' of 128 "
                     "bytes(\n.*)*past_static_shared.*thread \\(31,0,0\\)"
                   : "in kernel .*past_static_shared.*thread "
                     "\\(31,0,0\\)(.*\n)*.*global-buffer-overflow");
}

TEST_F(EmulationBugs, OutOfBoundsInDynamicSharedMemoryIsNamed) {
  if (kThread) GTEST_SKIP() << "ThreadSanitizer does not look for bounds";
  EXPECT_DEATH(run(past_dynamic_shared, 1, 32, 128, x_.data()),
               kPlain
                   ? "out-of-bounds write of 4 bytes.*at byte 128 of the block's 128 bytes of dynamic shared "
                     "memory(\n.*)*past_dynamic_shared.*thread \\(31,0,0\\)"
                   : "in kernel .*past_dynamic_shared.*thread \\(31,0,0\\)(.*\n)*.*heap-buffer-overflow");
}

TEST_F(EmulationBugs, DivergentBarrierIsNamedInEveryBuild) {
  EXPECT_DEATH(
      run(divergent_barrier, 1, 64, 0, x_.data()),
      "divergent barrier: this thread is in __syncthreads at .*bugs_test.cu:[0-9]+, others of its block at "
      ".*bugs_test.cu:[0-9]+\n.*divergent_barrier.*block \\(0,0,0\\), thread \\(");
}

TEST_F(EmulationBugs, BarrierAgainstShuffleIsNamedInEveryBuild) {
  EXPECT_DEATH(run(barrier_against_shuffle, 1, 32, 0, x_.data()),
               "divergent barrier: of 32 threads(.*\n)*  16 wait in __syncthreads at .*bugs_test.cu(.*\n)*  "
               "16 wait in "
               "a warp collective|divergent barrier: of 32 threads(.*\n)*  16 wait in a warp collective");
}

TEST_F(EmulationBugs, ShuffleFromAnExitedLaneIsNamedInEveryBuild) {
  EXPECT_DEATH(run(shuffle_from_exited, 1, 32, 0, x_.data(), 20),
               "a shuffle reads lane 20, which has exited.*\n.*shuffle_from_exited.*thread \\(19,0,0\\)");
}

TEST_F(EmulationBugs, LaneOutsideItsMaskIsNamedInEveryBuild) {
  EXPECT_DEATH(run(lane_outside_its_mask, 1, 32, 0, x_.data()),
               "is not in the mask 0x0000ffff that it gives\n.*lane_outside_its_mask");
}

TEST_F(EmulationBugs, UninitialisedReadOfDeviceMemoryIsNamed) {
  if (!kPlain)
    GTEST_SKIP() << "under the sanitizers fresh memory reads as NaN, which shows in the results only";
  const DeviceArray<float> fresh(64);
  EXPECT_DEATH(
      run(reads_unwritten, 1, 64, 0, static_cast<const float*>(fresh.data()), x_.data()),
      "uninitialised read of 4 bytes at .*bugs_test.cu:[0-9]+: device memory, byte [0-9]+ of an allocation "
      "of 256 bytes\n.*reads_unwritten.*thread \\(");
}

TEST_F(EmulationBugs, UninitialisedReadOfSharedMemoryIsNamed) {
  if (!kPlain)
    GTEST_SKIP() << "under the sanitizers fresh memory reads as NaN, which shows in the results only";
  EXPECT_DEATH(run(reads_unwritten_shared, 1, 64, 0, x_.data()),
               "uninitialised read of 4 bytes.*shared variable 'tile'\n.*reads_unwritten_shared.*thread "
               "\\(63,0,0\\)");
}

TEST_F(EmulationBugs, FreshDeviceMemoryReadsAsNanOnTheHost) {
  const DeviceArray<float> fresh(3);
  for (const float v : fresh.get()) EXPECT_NE(v, v);
}

TEST_F(EmulationBugs, HostDereferenceOfDeviceMemoryIsNamedInEveryBuild) {
  cudaDeviceSynchronize();
  EXPECT_DEATH(
      std::printf("%f\n", static_cast<double>(*static_cast<volatile float*>(x_.data()))),
      "host code touches device memory at .*: byte 0 of an allocation of 256 bytes|use-after-poison");
}

TEST_F(EmulationBugs, UseAfterFreeIsNamed) {
  if (kThread) GTEST_SKIP() << "ThreadSanitizer does not look for it";
  float* freed = nullptr;
  succeed(cudaMalloc(&freed, 256));
  succeed(cudaFree(freed));
  EXPECT_DEATH(
      run(fill, 1, 64, 0, freed, 64),
      kPlain ? "use after free: write of 4 bytes at .*bugs_test.cu.*an allocation of 256 bytes that was "
               "freed\n.*fill.*thread \\("
             : "in kernel .*fill(.*\n)*.*use-after-poison");
}

TEST_F(EmulationBugs, PointerToHostMemoryIsNamedAtTheLaunch) {
  float host[64] = {};
  EXPECT_DEATH(run(fill, 1, 64, 0, host, 64), "argument 0 of kernel .*fill.* is a pointer to host memory");
}

TEST_F(EmulationBugs, ForgottenSynchronisationShowsBecauseStreamsAreLate) {
  cudaStream_t stream = nullptr;
  succeed(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  float* pinned = nullptr;
  succeed(cudaMallocHost(&pinned, 256));
  pinned[5] = -3.0f;
  succeed(cuda::launch(fill, 1, 64, 0, stream, x_.data(), 64));
  succeed(cudaMemcpyAsync(pinned, x_.data(), 256, cudaMemcpyDeviceToHost, stream));
  EXPECT_EQ(pinned[5], -3.0f);  // the copy has not been waited for
  succeed(cudaStreamSynchronize(stream));
  EXPECT_EQ(pinned[5], 1.0f);
  succeed(cudaFreeHost(pinned));
  succeed(cudaStreamDestroy(stream));
}

TEST_F(EmulationBugs, CopiesBeyondAnAllocationAndOversizeLaunchesAreRefused) {
  float host[65] = {};
  EXPECT_EQ(cudaMemcpy(host, x_.data(), 260, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::launch(fill, 1, 2048, 0, nullptr, x_.data(), 64), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cuda::launch(fill, 1, 32, 64 * 1024, nullptr, x_.data(), 64), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(EmulationBugs, ACaughtBugIsAFailedLaunchWhereTheOptionsSaySo) {
  if (kThread || kAddress) GTEST_SKIP() << "abandoned stacks are for the plain build";
  options().abort_on_error = false;
  run(past_the_end, 1, 32, 0, x_.data(), 64);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cuda::launch(fill, 1, 64, 0, nullptr, x_.data(), 64), cudaErrorLaunchFailure)
      << "sticky, as on a GPU";
  options().abort_on_error = true;
  reset_device();
  const DeviceArray<float> again(64);
  run(fill, 1, 64, 0, again.data(), 64);
  EXPECT_EQ(again.get(), std::vector<float>(64, 1.0f));
}

}  // namespace
}  // namespace hardy::emulation::testing
