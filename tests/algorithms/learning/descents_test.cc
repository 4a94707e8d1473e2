// Several batches before one descent, clipped gradients, and what does not descend.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/algorithms/oracle.h"
#include "tests/algorithms/small_learners.h"

namespace hardy::test {
namespace {

std::vector<float> tensors(const nn::ParameterStore& store, const float* (nn::ParameterStore::*at)(int) const,
                           const algorithms::Network& network) {
  std::vector<float> all;
  for (const int t : network.tensors)
    all.insert(all.end(), (store.*at)(t), (store.*at)(t) + store.shape(t).elements());
  return all;
}

struct Fitted {
  std::vector<float> gradients, values;
  algorithms::ReportValues reports;
  float mean_error;
  explicit Fitted(const Regression::Settings& settings, int steps = 1, int threads = 1) {
    Regression r(settings, {3, 4});
    ThreadTeam team(threads);
    for (int i = 0; i < steps; ++i) r.learner.step(team);
    gradients = tensors(r.learner.parameters(), &nn::ParameterStore::gradient, r.line);
    values = tensors(r.learner.parameters(), &nn::ParameterStore::value, r.line);
    reports = r.learner.reports();
    mean_error = r.learner.state().values.at("mean_error")[1];
  }
};

TEST(Accumulation, WhereSumsAreExactABatchMayBeSplitInAnyWayToTheLastBit) {
  const nn::GroupSettings sgd{.rule = nn::GroupSettings::Rule::kSgd};
  const Fitted whole({.rule = sgd});
  for (const std::int64_t passes : {2, 4, 8, 16})
    for (const int threads : {1, 2}) {
      const Fitted split({.passes = passes, .rule = sgd}, 1, threads);
      EXPECT_EQ(split.gradients, whole.gradients) << passes;
      EXPECT_EQ(split.values, whole.values) << passes;
      EXPECT_EQ(split.reports, whole.reports) << passes;
      EXPECT_EQ(split.mean_error, whole.mean_error) << passes;
    }
  EXPECT_NE(whole.gradients,
            Fitted({.rows = 8, .rule = sgd}).gradients);  // the half of the rows: another one
}

// Both lie within (rows + passes) 2^-24 of the mean magnitude of the rows' terms 2 e x, worked out here, from
// the mean of these terms.
TEST(Accumulation, OtherwiseTheGradientIsWithinTheStatedBound) {
  const auto first = [](std::int64_t passes) {
    return Fitted({.rows = 48, .passes = passes, .whole_numbers = false}, 1).gradients;
  };
  Regression r({.rows = 48, .whole_numbers = false}, {3, 4});
  const nn::ParameterStore& start = r.learner.parameters();
  const std::vector<float> xs = drawn_rows(r.x, Regression::kInputs, 48, 3, 0),
                           ys = drawn_rows(r.y, 1, 48, 3, 0);
  std::vector<double> mean(Regression::kInputs), magnitude(Regression::kInputs);
  for (std::size_t row = 0; row < 48; ++row) {
    const std::span<const float> w = start.agent(r.line.tensors[0], 0);
    double error = start.agent(r.line.tensors[1], 0)[0] - static_cast<double>(ys[row]);
    for (std::size_t k = 0; k < w.size(); ++k) error += static_cast<double>(xs[row * w.size() + k]) * w[k];
    for (std::size_t k = 0; k < w.size(); ++k) {
      const double term = 2 * error * xs[row * w.size() + k];
      mean[k] += term / 48;
      magnitude[k] += std::abs(term) / 48;
    }
  }
  const std::vector<float> whole = first(1);
  for (const std::int64_t passes : {1, 2, 3, 4, 6, 48}) {
    const std::vector<float> split = first(passes);
    for (std::size_t k = 0; k < mean.size(); ++k) {
      const double bound = static_cast<double>(48 + passes) * std::ldexp(1.0, -24) * magnitude[k];
      EXPECT_NEAR(split[k], mean[k], bound) << passes;
      EXPECT_NEAR(split[k], whole[k], 2 * bound) << passes;
    }
  }
}

TEST(Accumulation, WhatIsNotFiniteInOnePassStopsItsAgentAndIsNamed) {
  Regression r({.passes = 4}, {3, 4});
  r.learner.write_parameters(
      [&](nn::ParameterStore& store) { store.agent(r.line.tensors[0], 1)[2] = std::nanf(""); });
  ThreadTeam team(1);
  r.learner.step(team);
  EXPECT_TRUE(r.learner.active(0));
  EXPECT_FALSE(r.learner.active(1));
  EXPECT_NE(r.learner.stop_reason(1).find("line/w0"), std::string::npos) << r.learner.stop_reason(1);
  const Fitted without({.passes = 4}, 1);
  const auto first = r.learner.parameters().agent(r.line.tensors[0], 0);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), without.values.begin()));
}

TEST(Accumulation, PassesAreChosenBeforeTheGraphIsBegun) {
  algorithms::Learner learner({1}, nullptr, {.passes = 3});
  algorithms::Update& u = learner.update("u");
  EXPECT_EQ(u.passes(), 3);
  EXPECT_EQ(u.accumulate(2).passes(), 2);
  EXPECT_THROW(u.accumulate(0), Error);
  u.normal({1, 2}, RandomStream::kNoise);
  EXPECT_THROW(u.accumulate(4), Error);
}

// The same draws as one pass over all rows would take, of every op that draws.
TEST(Accumulation, PassesGoOnDrawingWhereTheOneBeforeStopped) {
  const auto drawn = [](std::int64_t passes) {
    algorithms::Learner learner({9});
    const algorithms::Network w = learner.vector("w", 1, 1.0f);
    algorithms::Update& u = learner.update("u").accumulate(passes);
    graph::Graph& g = u.graph();
    const graph::Tensor noise = u.normal({1, 12 / passes, 2}, RandomStream::kNoise);
    u.minimise("u",
               ops::mean_per_agent(g, ops::multiply(g, noise, ops::reshape(g, u.parameter(w, 0), {1, 1, 1}))),
               {w}, {});
    learner.finish();
    ThreadTeam team(1);
    for (int i = 0; i < 3; ++i) learner.step(team);
    return learner.parameters().gradient(w.tensors[0])[0];
  };
  double mean = 0;
  for (const float z : drawn_normals(24, RandomStream::kNoise, 9, 2)) mean += z / 24.0;
  for (const std::int64_t passes : {1, 2, 3, 12}) EXPECT_NEAR(drawn(passes), mean, 3e-6) << passes;
}

// 1 / (5 + 10^-6) of the gradients 3 and 4 of the first agent; the second's norm 0.5 is left.
TEST(Clipping, HoldsTheNormOverAllNetworksOfALossPerAgent) {
  const float factor = static_cast<float>(1 / (5 + 1e-6));
  const std::vector<float> clipped{-3 * factor, -4 * factor, -3 * 0.1f, -4 * 0.1f},
      free{-3, -4, -3 * 0.1f, -4 * 0.1f};
  EXPECT_EQ(Slope(1.0).after_a_step(), clipped);
  EXPECT_EQ(Slope(std::nullopt, 1.0).after_a_step(), clipped);  // what the learner was given for all losses
  EXPECT_EQ(Slope(0.0, 1.0).after_a_step(), free);              // unless the loss says otherwise
  EXPECT_EQ(Slope(std::nullopt).after_a_step(), free);
  EXPECT_EQ(Slope(6.0).after_a_step(), free);
}

TEST(Roles, WhatIsSharedOrFrozenStaysAndOnlyWhatIsTrainableDescends) {
  Regression r({.base = true}, {3, 4});
  const auto base = tensors(r.learner.parameters(), &nn::ParameterStore::value, r.base),
             line = tensors(r.learner.parameters(), &nn::ParameterStore::value, r.line);
  ThreadTeam team(2);
  for (int i = 0; i < 3; ++i) r.learner.step(team);
  EXPECT_EQ(tensors(r.learner.parameters(), &nn::ParameterStore::value, r.base), base);
  EXPECT_NE(tensors(r.learner.parameters(), &nn::ParameterStore::value, r.line), line);
  EXPECT_EQ(r.learner.parameters().shape(r.base.tensors[0])[0], 1);

  algorithms::Learner learner({1});
  const nn::ArchitecturePtr numbers = nn::vector(2, 1.0f);
  const algorithms::Network frozen = learner.network("frozen", numbers, nn::Role::kFrozen),
                            shared = learner.network("shared", numbers, nn::Role::kShared);
  algorithms::Update& u = learner.update("u");
  const graph::Tensor loss = ops::mean_per_agent(u.graph(), u.parameter(frozen, 0));
  EXPECT_THROW(u.minimise("u", loss, {frozen}, {}), Error);
  EXPECT_THROW(learner.target_of(shared), Error);
  EXPECT_THROW(learner.network("target", numbers, nn::Role::kTarget), Error);
  EXPECT_THROW(u.apply(frozen, loss), Error);  // a vector is no function
}

TEST(Roles, AnAgentOnASharedNetworkLearnsWhatItWouldLearnAlone) {
  const auto after = [](std::vector<std::uint64_t> seeds, std::int64_t agent) {
    Regression r({.whole_numbers = false, .base = true}, std::move(seeds));
    ThreadTeam team(2);
    for (int i = 0; i < 5; ++i) r.learner.step(team);
    const auto w = r.learner.parameters().agent(r.line.tensors[0], agent);
    return std::vector<float>(w.begin(), w.end());
  };
  EXPECT_EQ(after({4}, 0), after({3, 4, 5}, 1));
}

TEST(Learner, NothingIsBuiltAfterItsFinish) {
  Regression r({}, {1});
  EXPECT_THROW(r.learner.vector("late", 1, 0), Error);
  EXPECT_THROW(r.learner.update("late"), Error);
  EXPECT_THROW(r.learner.target_of(r.line), Error);
  EXPECT_THROW(r.learner.finish(), Error);
  const algorithms::Learner unfinished({1});
  EXPECT_THROW(static_cast<void>(unfinished.parameters()), Error);
}

}  // namespace
}  // namespace hardy::test
