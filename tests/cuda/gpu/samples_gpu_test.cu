// The sample kernels on a real GPU, against loops on the host. Compiled and linked wherever nvcc is.
#include <gtest/gtest.h>

#include "tests/cuda/ptx/sample_runs.cuh"

namespace hardy::samples {
namespace {

class OnGpu : public ::testing::TestWithParam<Sample> {
 protected:
  void SetUp() override {
    int devices = 0;
    const cudaError_t error = cudaGetDeviceCount(&devices);
    if (error != cudaSuccess || devices == 0)
      GTEST_SKIP() << "no GPU to run on (" << cudaGetErrorString(error) << ")";
  }
};

TEST_P(OnGpu, SampleAgreesWithALoopOnTheHost) {
  const Outputs expected = GetParam().expected(), found = GetParam().run(), again = GetParam().run();
  ASSERT_EQ(found.size(), expected.size());
  EXPECT_EQ(found, again) << "two runs have different bits";
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], GetParam().tolerance) << i;
}
INSTANTIATE_TEST_SUITE_P(Samples, OnGpu, ::testing::ValuesIn(kSamples),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace hardy::samples
