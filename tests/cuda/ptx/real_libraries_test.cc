// A program of nvcc's, with NVIDIA's own CUB and Thrust in it, executed over the emulation.
#include "tests/cuda/ptx/real_libraries.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "cuda/emulation/control.h"

namespace hardy::emulation::testing {
namespace {

class RealLibrariesAsPtx : public ::testing::TestWithParam<std::size_t> {
 protected:
  RealLibrariesAsPtx() {
    // The look-back of CUB's scans waits for blocks of lower numbers, which must have run.
    options().schedule = Schedule::kForward;
    instructions_ = statistics().ptx_instructions;
  }
  ~RealLibrariesAsPtx() override {
    EXPECT_GT(statistics().ptx_instructions, instructions_) << "no PTX ran";
    options() = before_;
  }
  std::size_t n() const { return GetParam(); }
  std::vector<int> numbers() const {
    std::vector<int> x(n());
    for (std::size_t i = 0; i < n(); ++i) x[i] = static_cast<int>(i * 7919 % 1009) - 500;
    return x;
  }

 private:
  Options before_ = options();
  std::uint64_t instructions_;
};

TEST_P(RealLibrariesAsPtx, CubsScanIsThePartialSum) {
  std::vector<int> expected(n());
  const std::vector<int> x = numbers();
  std::partial_sum(x.begin(), x.end(), expected.begin());
  EXPECT_EQ(samples::inclusive_scan_by_cub(x), expected);
}

TEST_P(RealLibrariesAsPtx, CubsRadixSortSorts) {
  std::vector<unsigned> keys(n());
  for (std::size_t i = 0; i < n(); ++i) keys[i] = static_cast<unsigned>(i) * 2654435761u;
  std::vector<unsigned> expected = keys;
  std::ranges::sort(expected);
  EXPECT_EQ(samples::sort_by_cub(keys), expected);
}

TEST_P(RealLibrariesAsPtx, CubsReduceIsTheSum) {
  const std::vector<int> x = numbers();
  EXPECT_EQ(samples::sum_by_cub(x), std::accumulate(x.begin(), x.end(), 0LL));
}

TEST_P(RealLibrariesAsPtx, ThrustsReduceByKeySumsRuns) {
  std::vector<int> keys(n());
  for (std::size_t i = 0; i < n(); ++i) keys[i] = static_cast<int>(i / 7);
  std::vector<int> expected((n() + 6) / 7, 0);
  const std::vector<int> values = numbers();
  for (std::size_t i = 0; i < n(); ++i) expected[i / 7] += values[i];
  EXPECT_EQ(samples::reduce_by_key_by_thrust(keys, values), expected);
}

TEST_P(RealLibrariesAsPtx, ConstantMemoryReachesKernels) {
  const std::vector<float> x(n(), 3.0f);
  EXPECT_EQ(samples::scaled_by_constant(x, 2.5f), std::vector<float>(n(), 7.5f));
}

INSTANTIATE_TEST_SUITE_P(Sizes, RealLibrariesAsPtx, ::testing::Values(1, 257, 3000, 20000));

}  // namespace
}  // namespace hardy::emulation::testing
