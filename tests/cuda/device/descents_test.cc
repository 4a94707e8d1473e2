// Several batches before one descent, clipped gradients and shared networks: a learner's steps on the device
// against the CPU's.
#include "tests/algorithms/small_learners.h"
#include "tests/cuda/device/training.h"

namespace hardy::test {
namespace {

Trained trained(const Regression::Settings& settings, device::Device* on) {
  Regression r(settings, {3, 4}, on);
  return train(r.learner, 5);
}

TEST(DeviceDescents, StepsOfSeveralPassesAgreeWithTheCpusAndWithOnePass) {
  for (const std::int64_t passes : {1, 3, 16}) {
    SCOPED_TRACE(passes);
    const Regression::Settings settings{.rows = 48, .passes = passes, .whole_numbers = false};
    const Trained there = trained(settings, &device());
    expect_equal(trained(settings, nullptr), there);
    expect_equal(trained({.rows = 48, .whole_numbers = false}, &device()), there);
  }
}

TEST(DeviceDescents, WhereSumsAreExactABatchMayBeSplitInAnyWayToTheLastBit) {
  const auto gradient = [](std::int64_t passes, device::Device* on) {
    Regression r({.passes = passes}, {3, 4}, on);
    ThreadTeam team;
    r.learner.step(team);
    const nn::ParameterStore& store = r.learner.parameters();
    const float* x = store.gradient(r.line.tensors[0]);
    return std::vector<float>(x, x + store.shape(r.line.tensors[0]).elements());
  };
  const std::vector<float> expected = gradient(1, nullptr);
  for (const std::int64_t passes : {1, 2, 8}) EXPECT_EQ(gradient(passes, &device()), expected) << passes;
}

TEST(DeviceDescents, WhatIsNotFiniteInOnePassStopsItsAgentAsOnTheCpu) {
  std::vector<std::string> reasons;
  for (device::Device* on : {static_cast<device::Device*>(nullptr), &device()}) {
    Regression r({.passes = 4}, {3, 4}, on);
    r.learner.write_parameters(
        [&](nn::ParameterStore& store) { store.agent(r.line.tensors[0], 1)[2] = std::nanf(""); });
    ThreadTeam team;
    r.learner.step(team);
    r.learner.reports();
    EXPECT_TRUE(r.learner.active(0));
    EXPECT_FALSE(r.learner.active(1));
    reasons.push_back(r.learner.stop_reason(1));
  }
  EXPECT_EQ(reasons[0], reasons[1]);
}

TEST(DeviceDescents, TheNormOfAllNetworksOfALossIsHeldPerAgent) {
  for (const std::optional<double> clip_norm : {std::optional<double>(1.0), std::optional<double>(0.0)}) {
    const std::vector<float> here = Slope(clip_norm).after_a_step(),
                             there = Slope(clip_norm, 0, &device()).after_a_step();
    for (std::size_t i = 0; i < here.size(); ++i)
      EXPECT_NEAR(there[i], here[i], 4e-7 * std::abs(here[i])) << i;
  }
}

TEST(DeviceDescents, WhatAgentsShareStaysAndServesThemAll) {
  const Regression::Settings settings{.whole_numbers = false, .base = true};
  expect_equal(trained(settings, nullptr), trained(settings, &device()));
}

}  // namespace
}  // namespace hardy::test
