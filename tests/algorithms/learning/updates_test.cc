// When the updates of a learner run, and what moves with them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "algorithms/learning/learner.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"

namespace hardy::test {
namespace {

using algorithms::Learner;
using algorithms::Network;
using algorithms::ReportValues;
using algorithms::Update;
using graph::Graph;
using graph::Tensor;

// A network's own update: down mean (w - 1)^2 with a learning rate that falls.
void pull_to_one(Learner& learner, Update& u, const Network& w) {
  static_cast<void>(learner);
  Graph& g = u.graph();
  const Tensor loss = ops::mean_per_agent(g, ops::square(g, ops::affine(g, u.parameter(w, 0), 1, -1)));
  u.minimise("pull_" + w.name, loss, {w}, {.learning_rate = nn::Schedule::linear(0.1, 0, 10)});
}

std::vector<float> values_of(Learner& learner, const Network& w) {
  const auto x = learner.parameters().agent(w.tensors[0], 0);
  return {x.begin(), x.end()};
}

TEST(Updates, OneThatRunsEveryThirdStepIsOneThatRunsAThirdAsOften) {
  ThreadTeam team(1);
  Learner alone({1});
  const Network w = alone.vector("w", 5, 3.0f);
  pull_to_one(alone, alone.update("only"), w);
  alone.finish();
  for (int i = 0; i < 4; ++i) alone.step(team);

  Learner both({1});
  const Network often = both.vector("often", 5, 3.0f), seldom = both.vector("seldom", 5, 3.0f);
  pull_to_one(both, both.update("first"), often);
  pull_to_one(both, both.update("second").every(3), seldom);
  both.finish();
  for (int i = 0; i < 2; ++i) both.step(team);
  EXPECT_EQ(values_of(both, seldom), std::vector<float>(5, 3.0f));
  for (int i = 2; i < 12; ++i) both.step(team);
  EXPECT_EQ(values_of(both, seldom), values_of(alone, w));  // its schedule and Adam count its own steps
  EXPECT_NE(values_of(both, often), values_of(both, seldom));
}

TEST(Updates, TargetsFollowWithTheUpdateThatTheyWereGivenTo) {
  ThreadTeam team(1);
  Learner learner({1});
  const Network w = learner.vector("w", 3, 3.0f), other = learner.vector("other", 2, 0.0f);
  const Network target = learner.target_of(w);
  pull_to_one(learner, learner.update("first"), w);
  Update& second = learner.update("second").every(2);
  pull_to_one(learner, second, other);
  second.follow({w}, 0.25);
  learner.finish();
  learner.step(team);
  EXPECT_EQ(values_of(learner, target), std::vector<float>(3, 3.0f));
  learner.step(team);
  for (const float x : values_of(learner, target))
    EXPECT_EQ(x, 0.75f * 3.0f + 0.25f * values_of(learner, w)[0]);
}

TEST(Updates, WhatIsReportedDoesNotDependOnWhenTheLearnerWasRestored) {
  const auto make = [](Learner& learner) {
    const Network often = learner.vector("often", 5, 3.0f), seldom = learner.vector("seldom", 5, 3.0f);
    pull_to_one(learner, learner.update("first"), often);
    pull_to_one(learner, learner.update("second").every(3), seldom);
    learner.finish();
  };
  ThreadTeam team(1);
  Learner whole({1}), again({1});
  make(whole);
  make(again);
  for (int i = 0; i < 4; ++i) whole.step(team);
  again.restore(whole.state());
  again.write_parameters([&](nn::ParameterStore& store) {
    std::ranges::copy(whole.parameters().values(), store.values().begin());
    std::ranges::copy(whole.parameters().first_moments(), store.first_moments().begin());
    std::ranges::copy(whole.parameters().second_moments(), store.second_moments().begin());
  });
  whole.step(team);
  again.step(team);
  EXPECT_EQ(whole.reports(), again.reports());
}

// Reports of values that the step has, of a parameter, which moves, and of a state, which follows.
TEST(Updates, ReportsAreOfTheStepThatRanHoweverOftenTheyAreAskedFor) {
  const auto make = [](Learner& learner) {
    const Network w = learner.vector("w", 5, 3.0f);
    Update& u = learner.update("only");
    Graph& g = u.graph();
    const Tensor error = ops::affine(g, u.parameter(w, 0), 1, -1);
    u.minimise("w", ops::mean_per_agent(g, ops::square(g, error)), {w}, {});
    u.report("size", ops::mean_per_agent(g, ops::exp(g, error)));
    u.report("w", ops::mean_per_agent(g, u.parameter(w, 0)));
    const Tensor count = u.state("count", 1.0f);
    u.set_state("count", ops::affine(g, count, 2));
    u.report("count", ops::affine(g, count, 1));
    learner.finish();
  };
  ThreadTeam team(1);
  Learner often({1, 2}), seldom({1, 2});
  make(often);
  make(seldom);
  float before = 3;
  for (int i = 0; i < 5; ++i) {
    often.step(team);
    seldom.step(team);
    const ReportValues reports = often.reports();
    EXPECT_EQ(reports, often.reports());
    EXPECT_EQ(reports.at("count")[0], 1 << i);
    EXPECT_FLOAT_EQ(static_cast<float>(reports.at("w")[0]), before);
    EXPECT_NEAR(reports.at("size")[0], std::exp(before - 1), 1e-5);
    before = values_of(often, often.program().networks[0])[0];
  }
  EXPECT_EQ(often.reports(), seldom.reports());
  EXPECT_TRUE(std::ranges::equal(often.parameters().values(), seldom.parameters().values()));
}

TEST(Updates, WhatCannotRunIsRefused) {
  Learner none({1});
  const Network w = none.vector("w", 3, 3.0f);
  pull_to_one(none, none.update("only").every(2), w);
  EXPECT_THROW(none.finish(), Error);
  EXPECT_THROW(none.update("never").every(0), Error);

  Learner twice({1});
  const Network v = twice.vector("v", 3, 3.0f);
  twice.target_of(v);
  Update& u = twice.update("only");
  pull_to_one(twice, u, v);
  u.follow({v}, 0.5);  // it descends here: Descent::polyak would serve
  EXPECT_THROW(twice.finish(), Error);
}

}  // namespace
}  // namespace hardy::test
