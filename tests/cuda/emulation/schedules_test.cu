// Kernels against a reference on the host, with equal bits under every order of threads and blocks.
#include <gtest/gtest.h>

#include <numeric>

#include "cuda/emulation/control.h"
#include "cuda/launch.h"
#include "tests/cuda/emulation/device_array.h"

namespace hardy::emulation::testing {
namespace {

constexpr int kThreads = 128;

// Sum by shuffles in each warp, then over the warps' sums; one value a block.
__global__ void reduce_by_shuffles(const float* x, int n, float* out) {
  __shared__ float of_warp[kThreads / 32];
  float v = 0.0f;
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < n;
       i += static_cast<int>(gridDim.x * blockDim.x))
    v += x[i];
  for (unsigned d = 16; d > 0; d /= 2) v += __shfl_down_sync(0xffffffffu, v, d);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = v;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  v = threadIdx.x < kThreads / 32 ? of_warp[threadIdx.x] : 0.0f;
  for (unsigned d = 16; d > 0; d /= 2) v += __shfl_down_sync(0xffffffffu, v, d);
  if (threadIdx.x == 0) out[blockIdx.x] = v;
}

// Inclusive scan of one block, by doubling in shared memory.
__global__ void scan_block(const int* x, int* out) {
  HARDY_DYNAMIC_SHARED(int, a);
  const unsigned t = threadIdx.x;
  a[t] = x[t];
  __syncthreads();
  for (unsigned d = 1; d < blockDim.x; d *= 2) {
    const int other = t >= d ? a[t - d] : 0;
    __syncthreads();
    a[t] += other;
    __syncthreads();
  }
  out[t] = a[t];
}

__global__ void histogram(const int* bin, int n, int* counts) {
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < n;
       i += static_cast<int>(gridDim.x * blockDim.x))
    atomicAdd(&counts[bin[i]], 1);
}

__global__ void votes_and_counts(const int* x, int limit, unsigned* ballots, int* counts) {
  const int t = static_cast<int>(threadIdx.x);
  const bool above = x[t] > limit;
  const unsigned ballot = __ballot_sync(0xffffffffu, above);
  if (t % 32 == 0) ballots[t / 32] = ballot;
  const int count = __syncthreads_count(above);
  const int any = __syncthreads_or(above), all = __syncthreads_and(above);
  if (t == 0) {
    counts[0] = count;
    counts[1] = any;
    counts[2] = all;
  }
}

// The last block to finish adds up what all have written.
__global__ void sum_by_the_last_block(const int* x, int n, int* partial, unsigned* finished, int* total) {
  __shared__ int sum;
  __shared__ bool last;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) atomicAdd(&sum, x[i]);
  __syncthreads();
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
    __threadfence();
    last = atomicInc(finished, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (!last || threadIdx.x != 0) return;
  int all = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) all += partial[b];
  *total = all;
}

__global__ void doubled(float* y) { y[0] *= 2; }
__global__ void axpy(float a, const float* x, float* y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) y[i] = fmaf(a, x[i], y[i]);
}

template <class Body>
void under_every_schedule(Body body) {
  const Options before = options();
  for (const Schedule schedule : {Schedule::kForward, Schedule::kReverse, Schedule::kRandom})
    for (unsigned seed = 1; seed <= (schedule == Schedule::kRandom ? 4u : 1u); ++seed) {
      options().schedule = schedule;
      options().seed = seed;
      SCOPED_TRACE("schedule " + std::to_string(static_cast<int>(schedule)) + ", seed " +
                   std::to_string(seed));
      body();
    }
  options() = before;
}

std::vector<float> fractions(std::size_t n) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = 1.0f / static_cast<float>(3 * i + 1);
  return v;
}

// The kernel's own order of additions, on the host.
float reduced(const std::vector<float>& x) {
  std::vector<float> lane(kThreads, 0.0f);
  for (std::size_t i = 0; i < x.size(); ++i) lane[i % kThreads] += x[i];
  const auto tree = [](float* v) {
    for (int d = 16; d > 0; d /= 2)
      for (int i = 0; i < d; ++i) v[i] += v[i + d];
    return v[0];
  };
  float warps[32] = {};
  for (int w = 0; w < kThreads / 32; ++w) warps[w] = tree(&lane[static_cast<std::size_t>(w) * 32]);
  return tree(warps);
}

TEST(EmulationSchedules, ReductionByShufflesHasTheBitsOfTheSameTreeOnTheHost) {
  for (const int n : {1, 31, 33, 255, 257}) {
    const std::vector<float> x = fractions(static_cast<std::size_t>(n));
    const DeviceArray<float> in(x), out(1);
    under_every_schedule([&] {
      succeed(cuda::launch(reduce_by_shuffles, 1, kThreads, 0, nullptr, in.data(), n, out.data()));
      EXPECT_EQ(out.get()[0], reduced(x)) << n;
    });
  }
}

TEST(EmulationSchedules, ScanInDynamicSharedMemoryIsThePartialSum) {
  for (const unsigned n : {1u, 31u, 33u, 255u, 257u}) {
    std::vector<int> x(n), expected(n);
    std::iota(x.begin(), x.end(), -7);
    std::partial_sum(x.begin(), x.end(), expected.begin());
    const DeviceArray<int> in(x), out(n);
    under_every_schedule([&] {
      succeed(cuda::launch(scan_block, 1, n, n * sizeof(int), nullptr, in.data(), out.data()));
      EXPECT_EQ(out.get(), expected) << n;
    });
  }
}

TEST(EmulationSchedules, AtomicsLoseNoUpdate) {
  std::vector<int> bins(1000), expected(7, 0);
  for (std::size_t i = 0; i < bins.size(); ++i)
    ++expected[static_cast<std::size_t>(bins[i] = static_cast<int>(i * i % 7))];
  const DeviceArray<int> in(bins), counts(7);
  under_every_schedule([&] {
    succeed(cudaMemset(counts.data(), 0, 7 * sizeof(int)));
    succeed(cuda::launch(histogram, 3, kThreads, 0, nullptr, in.data(), 1000, counts.data()));
    EXPECT_EQ(counts.get(), expected);
  });
}

TEST(EmulationSchedules, BallotsAndBarrierReductionsSeeEveryThread) {
  std::vector<int> x(64);
  for (std::size_t i = 0; i < 64; ++i) x[i] = static_cast<int>(i * 37 % 64);
  unsigned expected[2] = {};
  int count = 0;
  for (std::size_t i = 0; i < 64; ++i)
    if (x[i] > 40) {
      expected[i / 32] |= 1u << i % 32;
      ++count;
    }
  const DeviceArray<int> in(x), counts(3);
  const DeviceArray<unsigned> ballots(2);
  under_every_schedule([&] {
    succeed(cuda::launch(votes_and_counts, 1, 64, 0, nullptr, in.data(), 40, ballots.data(), counts.data()));
    EXPECT_EQ(ballots.get(), (std::vector<unsigned>{expected[0], expected[1]}));
    EXPECT_EQ(counts.get(), (std::vector<int>{count, 1, 0}));
  });
}

TEST(EmulationSchedules, LastBlockSeesWhatTheOthersReleasedWithFenceAndAtomic) {
  std::vector<int> x(300);
  std::iota(x.begin(), x.end(), 1);
  const DeviceArray<int> in(x), partial(5), total(1);
  const DeviceArray<unsigned> finished(std::vector<unsigned>{0});
  under_every_schedule([&] {
    succeed(cuda::launch(sum_by_the_last_block, 5, 64, 0, nullptr, in.data(), 300, partial.data(),
                         finished.data(), total.data()));
    EXPECT_EQ(total.get()[0], 300 * 301 / 2);
  });
}

TEST(EmulationStreams, EventsOrderStreamsAndGraphsRepeatWhatWasCaptured) {
  const int n = 100;
  const DeviceArray<float> x(std::vector<float>(n, 1.0f)), y(std::vector<float>(n, 0.0f));
  cudaStream_t first = nullptr, second = nullptr;
  succeed(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking));
  succeed(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking));
  cudaEvent_t forked = nullptr, joined = nullptr;
  succeed(cudaEventCreate(&forked));
  succeed(cudaEventCreate(&joined));
  cudaFuncAttributes attributes;
  succeed(cudaFuncGetAttributes(&attributes, axpy));  // a capture does not load it
  succeed(cudaStreamBeginCapture(first, cudaStreamCaptureModeGlobal));
  succeed(cuda::launch(axpy, 1, kThreads, 0, first, 0.5f, x.data(), y.data(), n));
  succeed(cudaEventRecord(forked, first));
  succeed(cudaStreamWaitEvent(second, forked));
  succeed(cuda::launch(axpy, 1, kThreads, 0, second, 2.0f, x.data(), y.data(), n));
  succeed(cudaEventRecord(joined, second));
  succeed(cudaStreamWaitEvent(first, joined));
  cudaGraph_t graph = nullptr;
  succeed(cudaStreamEndCapture(first, &graph));
  EXPECT_EQ(y.get(), std::vector<float>(n, 0.0f)) << "capturing runs nothing";
  std::size_t nodes = 0;
  succeed(cudaGraphGetNodes(graph, nullptr, &nodes));
  EXPECT_EQ(nodes, 2u);
  cudaGraphExec_t step = nullptr;
  succeed(cudaGraphInstantiate(&step, graph));
  const Statistics before = statistics();
  for (int i = 0; i < 4; ++i) succeed(cudaGraphLaunch(step, first));
  succeed(cudaStreamSynchronize(first));
  EXPECT_EQ(statistics().graph_launches - before.graph_launches, 4u);
  EXPECT_EQ(statistics().kernel_launches - before.kernel_launches, 8u);
  EXPECT_EQ(statistics().allocations, before.allocations);
  EXPECT_EQ(statistics().host_copies, before.host_copies);
  EXPECT_EQ(y.get(), std::vector<float>(n, 10.0f));
  succeed(cudaGraphExecDestroy(step));
  succeed(cudaGraphDestroy(graph));
  for (cudaEvent_t event : {forked, joined}) succeed(cudaEventDestroy(event));
  for (cudaStream_t stream : {first, second}) succeed(cudaStreamDestroy(stream));
}

// Two kernels of a graph that both add to y = 1, the second to what the first leaves unless it runs before
// it.
float graph_of_two(bool ordered, Schedule schedule) {
  const DeviceArray<float> x(std::vector<float>{1.0f}), y(std::vector<float>{1.0f});
  cudaStream_t first = nullptr, second = nullptr;
  succeed(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking));
  succeed(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking));
  cudaEvent_t event = nullptr;
  succeed(cudaEventCreate(&event));
  cudaFuncAttributes attributes;
  succeed(cudaFuncGetAttributes(&attributes, axpy));
  succeed(cudaFuncGetAttributes(&attributes, doubled));
  succeed(cudaStreamBeginCapture(first, cudaStreamCaptureModeGlobal));
  if (!ordered) succeed(cudaEventRecord(event, first));
  succeed(cuda::launch(axpy, 1, 1, 0, first, 1.0f, x.data(), y.data(), 1));
  if (ordered) succeed(cudaEventRecord(event, first));
  succeed(cudaStreamWaitEvent(second, event));
  succeed(cuda::launch(doubled, 1, 1, 0, second, y.data()));
  succeed(cudaEventRecord(event, second));
  succeed(cudaStreamWaitEvent(first, event));
  cudaGraph_t graph = nullptr;
  succeed(cudaStreamEndCapture(first, &graph));
  cudaGraphExec_t step = nullptr;
  succeed(cudaGraphInstantiate(&step, graph));
  const Options before = options();
  options().schedule = schedule;
  succeed(cudaGraphLaunch(step, first));
  succeed(cudaStreamSynchronize(first));
  options() = before;
  EXPECT_EQ(statistics().longest_path, ordered ? 2u : 1u);
  succeed(cudaGraphExecDestroy(step));
  succeed(cudaGraphDestroy(graph));
  succeed(cudaEventDestroy(event));
  for (cudaStream_t stream : {first, second}) succeed(cudaStreamDestroy(stream));
  return y.get()[0];
}
TEST(EmulationStreams, AGraphRunsInAnyOrderThatItsEdgesAllow) {
  EXPECT_EQ(graph_of_two(true, Schedule::kForward), 4.0f);
  EXPECT_EQ(graph_of_two(true, Schedule::kReverse), 4.0f);
  EXPECT_EQ(graph_of_two(false, Schedule::kForward), 4.0f);
  EXPECT_EQ(graph_of_two(false, Schedule::kReverse), 3.0f);
}

TEST(EmulationStreams, ABranchThatIsNotJoinedSpoilsTheCapture) {
  const DeviceArray<float> x(std::vector<float>(8, 1.0f)), y(std::vector<float>(8, 1.0f));
  cudaStream_t first = nullptr, second = nullptr;
  succeed(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking));
  succeed(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking));
  cudaEvent_t event = nullptr;
  succeed(cudaEventCreate(&event));
  cudaFuncAttributes attributes;
  succeed(cudaFuncGetAttributes(&attributes, axpy));
  succeed(cudaStreamBeginCapture(first, cudaStreamCaptureModeGlobal));
  succeed(cudaEventRecord(event, first));
  succeed(cudaStreamWaitEvent(second, event));
  succeed(cuda::launch(axpy, 1, 32, 0, second, 1.0f, x.data(), y.data(), 8));
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(first, &graph), cudaErrorStreamCaptureUnjoined);
  cudaGetLastError();
  succeed(cudaEventDestroy(event));
  for (cudaStream_t stream : {first, second}) succeed(cudaStreamDestroy(stream));
}

TEST(EmulationStreams, SynchronisingOrAllocatingInsideACaptureSpoilsIt) {
  cudaStream_t stream = nullptr;
  succeed(cudaStreamCreate(&stream));
  succeed(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorStreamCaptureUnsupported);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 64), cudaErrorStreamCaptureUnsupported);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
  succeed(cudaStreamDestroy(stream));
  cudaGetLastError();
}

TEST(EmulationStreams, AKernelsFirstUseInsideACaptureSpoilsIt) {
  const DeviceArray<float> x(std::vector<float>(8, 1.0f)), y(std::vector<float>(8, 1.0f));
  cudaStream_t stream = nullptr;
  succeed(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  cudaGraph_t graph = nullptr;
  unload_kernels();
  succeed(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  EXPECT_EQ(cuda::launch(axpy, 1, 32, 0, stream, 1.0f, x.data(), y.data(), 8),
            cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
  cudaGetLastError();
  cudaFuncAttributes attributes;
  succeed(cudaFuncGetAttributes(&attributes, axpy));  // loads it
  succeed(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  succeed(cuda::launch(axpy, 1, 32, 0, stream, 1.0f, x.data(), y.data(), 8));
  succeed(cudaStreamEndCapture(stream, &graph));
  succeed(cudaGraphDestroy(graph));
  succeed(cudaStreamDestroy(stream));
}

TEST(EmulationStreams, ACopyOutOfPageableMemoryMayLandAfterTheCall) {
  const std::vector<float> ones(8, 1.0f), twos(8, 2.0f);
  const DeviceArray<float> x(ones), y(ones);
  cudaStream_t stream = nullptr;
  succeed(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  const auto copied = [&] {  // x, as a stream that does not wait for the default one sees it
    succeed(cudaMemcpyAsync(y.data(), x.data(), 32, cudaMemcpyDeviceToDevice, stream));
    succeed(cudaStreamSynchronize(stream));
    return y.get();
  };
  succeed(cudaMemcpy(x.data(), twos.data(), 32, cudaMemcpyHostToDevice));
  EXPECT_EQ(copied(), ones) << "it landed before the default stream was waited for";
  succeed(cudaMemcpy(x.data(), twos.data(), 32, cudaMemcpyHostToDevice));
  succeed(cudaStreamSynchronize(nullptr));
  EXPECT_EQ(copied(), twos);
  float* pinned = nullptr;
  succeed(cudaMallocHost(&pinned, 32));
  std::fill_n(pinned, 8, 3.0f);
  succeed(cudaMemcpy(x.data(), pinned, 32, cudaMemcpyHostToDevice));
  EXPECT_EQ(copied(), std::vector<float>(8, 3.0f)) << "out of pinned memory it is done";
  succeed(cudaFreeHost(pinned));
  succeed(cudaStreamDestroy(stream));
}

TEST(EmulationDevice, WorkAndWaitingAreOfTheDeviceThatWasChosen) {
  const Options before = options();
  options().devices = 2;
  float* pinned = nullptr;
  succeed(cudaMallocHost(&pinned, 32));
  std::fill_n(pinned, 8, 5.0f);
  succeed(cudaSetDevice(1));
  const DeviceArray<float> x(std::vector<float>(8, 1.0f)), y(std::vector<float>(8, 1.0f));
  cudaStream_t stream = nullptr;
  succeed(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  succeed(cudaMemcpyAsync(pinned, x.data(), 32, cudaMemcpyDeviceToHost, stream));
  succeed(cudaSetDevice(0));
  succeed(cudaDeviceSynchronize());
  EXPECT_EQ(pinned[0], 5.0f) << "the other device's stream was waited for";
  EXPECT_EQ(cuda::launch(axpy, 1, 32, 0, stream, 1.0f, x.data(), y.data(), 8),
            cudaErrorInvalidResourceHandle);
  cudaEvent_t event = nullptr;
  succeed(cudaEventCreate(&event));
  EXPECT_EQ(cudaEventRecord(event, stream), cudaErrorInvalidResourceHandle);
  succeed(cudaEventDestroy(event));
  cudaGetLastError();
  succeed(cudaSetDevice(1));
  succeed(cudaDeviceSynchronize());
  EXPECT_EQ(pinned[0], 1.0f);
  succeed(cuda::launch(axpy, 1, 32, 0, stream, 1.0f, x.data(), y.data(), 8));
  succeed(cudaStreamDestroy(stream));
  succeed(cudaSetDevice(0));
  succeed(cudaFreeHost(pinned));
  options() = before;
}

TEST(EmulationDevice, PretendsToLackDevicesMemoryOrAFreshDriver) {
  const Options before = options();
  int count = -1;
  options().devices = 0;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  options().devices = 2;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
  options().driver = 12040;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
  options() = before;
  options().memory = 1 << 20;
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 2 << 20), cudaErrorMemoryAllocation);
  options() = before;
  cudaGetLastError();
}

TEST(EmulationDevice, AnInjectedFailureOfALaunchIsSticky) {
  const DeviceArray<float> x(std::vector<float>(8, 1.0f)), y(std::vector<float>(8, 1.0f));
  fail_kernel_launch(1);
  succeed(cuda::launch(axpy, 1, 32, 0, nullptr, 1.0f, x.data(), y.data(), 8));
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  cuda::launch(axpy, 1, 32, 0, nullptr, 1.0f, x.data(), y.data(), 8);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  reset_device();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

}  // namespace
}  // namespace hardy::emulation::testing
