// Several emulated devices that exchange memory, and what is caught of programs that use it wrongly.
#include <gtest/gtest.h>
#include <nccl.h>

#include <functional>
#include <memory>
#include <vector>

#include "cuda/emulation/control.h"
#include "cuda/emulation/run/sanitizers.h"
#include "cuda/launch.h"
#include "tests/cuda/emulation/device_array.h"

namespace hardy::emulation::testing {

__global__ void doubled(float* x) { x[threadIdx.x] *= 2; }

class Nccl : public ::testing::Test {
 protected:
  static constexpr int kDevices = 3;
  void SetUp() override {
    options().devices = kDevices;
    for (int d = 0; d < kDevices; ++d) {
      succeed(cudaSetDevice(d));
      streams_.emplace_back();
      succeed(cudaStreamCreateWithFlags(&streams_.back(), cudaStreamNonBlocking));
      std::vector<float> x(kDevices, 0.0f);
      x[static_cast<std::size_t>(d)] = static_cast<float>(d + 1);
      arrays_.push_back(std::make_unique<DeviceArray<float>>(x));
    }
    comms_.resize(kDevices);
    ASSERT_EQ(ncclCommInitAll(comms_.data(), kDevices, nullptr), ncclSuccess);
  }
  void TearDown() override {
    for (ncclComm_t comm : comms_) EXPECT_EQ(ncclCommDestroy(comm), ncclSuccess);
    for (cudaStream_t s : streams_) cudaStreamDestroy(s);
    arrays_.clear();
    cudaSetDevice(0);
    reset_device();
    options() = before_;
  }

  float* array(int d) const { return arrays_[static_cast<std::size_t>(d)]->data(); }
  cudaStream_t stream(int d) const { return streams_[static_cast<std::size_t>(d)]; }
  void twice(int d) {
    cudaSetDevice(d);
    succeed(hardy::cuda::launch(doubled, 1, kDevices, 0, stream(d), array(d)));
  }
  // The array of each, piece d of device d.
  void gather(int devices = kDevices) {
    ASSERT_EQ(ncclGroupStart(), ncclSuccess);
    for (int d = 0; d < devices; ++d)
      ASSERT_EQ(ncclAllGather(array(d) + d, array(d), 1, ncclFloat32, comms_[static_cast<std::size_t>(d)],
                              stream(d)),
                ncclSuccess);
    ASSERT_EQ(ncclGroupEnd(), ncclSuccess);
  }
  std::vector<float> seen_by(int d) {
    cudaSetDevice(d);
    succeed(cudaStreamSynchronize(stream(d)));
    return arrays_[static_cast<std::size_t>(d)]->get();
  }
  std::vector<cudaGraphExec_t> captured(const std::function<void()>& body) {
    for (cudaStream_t s : streams_) succeed(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal));
    body();
    std::vector<cudaGraphExec_t> all(kDevices);
    for (std::size_t d = 0; d < kDevices; ++d) {
      cudaGraph_t graph;
      succeed(cudaStreamEndCapture(streams_[d], &graph));
      succeed(cudaGraphInstantiate(&all[d], graph));
      succeed(cudaGraphDestroy(graph));
    }
    return all;
  }

  Options before_ = options();
  std::vector<cudaStream_t> streams_;
  std::vector<std::unique_ptr<DeviceArray<float>>> arrays_;
  std::vector<ncclComm_t> comms_;
};

TEST_F(Nccl, EachDeviceHasThePiecesOfAllInTheOrderOfTheStreams) {
  for (int d = 0; d < kDevices; ++d) twice(d);
  gather();
  twice(1);
  EXPECT_EQ(seen_by(2), (std::vector<float>{2, 4, 6}));
  EXPECT_EQ(seen_by(1), (std::vector<float>{4, 8, 12}));
  EXPECT_EQ(seen_by(0), (std::vector<float>{2, 4, 6}));
}

TEST_F(Nccl, CapturedStepsOfAllDevicesExchangeAtEveryReplay) {
  for (int d = 0; d < kDevices; ++d) twice(d);  // the kernel is loaded
  const std::vector<cudaGraphExec_t> steps = captured([&] {
    for (int d = 0; d < kDevices; ++d) twice(d);
    gather();
  });
  for (const bool lazy : {true, false}) {
    options().lazy_streams = lazy;
    for (int round = 0; round < 2; ++round)
      for (int d = 0; d < kDevices; ++d)
        succeed(cudaGraphLaunch(steps[static_cast<std::size_t>(d)], stream(d)));
  }
  for (int d = 0; d < kDevices; ++d) EXPECT_EQ(seen_by(d), (std::vector<float>{32, 64, 96})) << d;
  for (cudaGraphExec_t step : steps) cudaGraphExecDestroy(step);
}

TEST_F(Nccl, ADeviceThatDoesNotComeIsReported) {
  gather(2);
  cudaEvent_t event;
  cudaSetDevice(0);
  succeed(cudaEventCreate(&event));
  succeed(cudaEventRecord(event, stream(0)));
  EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
  EXPECT_DEATH(cudaStreamSynchronize(stream(0)), "cudaStreamSynchronize waits for ever");
  EXPECT_DEATH(cudaEventSynchronize(event), "cudaEventSynchronize waits for ever");
  EXPECT_DEATH(cudaDeviceSynchronize(), "cudaDeviceSynchronize waits for ever");
  EXPECT_DEATH(ncclCommDestroy(comms_[0]), "ncclCommDestroy waits for ever");
  cudaEventDestroy(event);
  for (ncclComm_t comm : comms_) EXPECT_EQ(ncclCommAbort(comm), ncclSuccess);
  comms_.clear();
  EXPECT_EQ(seen_by(0), (std::vector<float>{1, 0, 0}));
}

TEST_F(Nccl, ACommunicatorThatACapturedStepHoldsCannotGo) {
  const std::vector<cudaGraphExec_t> steps = captured([&] { gather(); });
  EXPECT_DEATH(ncclCommDestroy(comms_[1]), "a captured graph");
  for (cudaGraphExec_t step : steps) cudaGraphExecDestroy(step);
}

TEST_F(Nccl, AnotherDevicesMemoryAndStreamAreRefused) {
  EXPECT_EQ(ncclAllGather(array(0), array(0), 1, ncclFloat32, comms_[0], stream(1)), ncclInvalidArgument);
  int twice_the_same[] = {1, 1}, not_there[] = {0, kDevices};
  ncclComm_t others[2];
  EXPECT_EQ(ncclCommInitAll(others, 2, twice_the_same), ncclInvalidUsage);
  EXPECT_EQ(ncclCommInitAll(others, 2, not_there), ncclInvalidArgument);
  if (!kSeesKernels) return;  // a sanitizer looks instead
  cudaSetDevice(0);
  const auto kernel_there = [&] {
    static_cast<void>(hardy::cuda::launch(doubled, 1, 1, 0, stream(0), array(2)));
    cudaStreamSynchronize(stream(0));
  };
  EXPECT_DEATH(kernel_there(), "which is device 2's, on device 0");
}

TEST_F(Nccl, MemoryIsADevicesOwn) {
  options().memory = 1 << 20;
  void* all[2];
  for (int d = 0; d < 2; ++d) {
    succeed(cudaSetDevice(d));
    EXPECT_EQ(cudaMalloc(&all[d], 1 << 19), cudaSuccess);
    EXPECT_EQ(cudaMalloc(&all[d], 1 << 20), cudaErrorMemoryAllocation);
  }
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
}

}  // namespace hardy::emulation::testing
