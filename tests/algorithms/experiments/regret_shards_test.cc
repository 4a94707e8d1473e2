#include "algorithms/experiments/regret_shards.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hardy::algorithms {
namespace {

RegretShard shard(double k, std::vector<double> regret, double uniform) {
  RegretShard s;
  s.study.env = "e";
  s.study.uniform = {uniform};
  s.method.method = "m";
  s.method.table = {{k}, {std::move(regret)}};
  s.method.settings.resize(1);
  s.method.settings[0].steps.eta = 1 / k;
  s.method.extremes = {{-k, k}};
  s.method.figures = {{{"known", k}}};
  s.method.covariance = {"exact"};
  s.method.curve_episodes = {1, 2};
  s.method.curve = {s.method.table.regret[0][0], 2 * s.method.table.regret[0][0]};
  s.method.seconds = 1;
  return s;
}

TEST(RegretShards, OfOneKAreItsReplicasAndOfSeveralKItsCurve) {
  std::vector<std::string> notes;
  const RegretLine line{"a",
                        {shard(100, {10, 12}, 90), shard(400, {20, 25, 27}, 300), shard(100, {16, 14}, 90),
                         shard(1600, {40, 44}, 1000)}};
  const EnvironmentResults all = together("study", {line}, notes, 7, 50);
  ASSERT_EQ(all.methods.size(), 1u);
  const MethodResults& m = all.methods[0];
  EXPECT_TRUE(notes.empty());
  EXPECT_EQ(m.table.episodes, (std::vector<double>{100, 400, 1600}));
  EXPECT_EQ(m.table.regret, (std::vector<std::vector<double>>{{10, 12, 16, 14}, {20, 25, 27}, {40, 44}}));
  EXPECT_EQ(all.uniform, (std::vector<double>{90, 300, 1000}));
  EXPECT_EQ(m.settings[2].steps.eta, 1 / 1600.0);
  EXPECT_EQ(m.figures[0].at("known"), 100);
  EXPECT_EQ(m.curve, (std::vector<double>{40, 80}));
  EXPECT_EQ(m.seconds, 4);
  const Growth expected = growth_of(m.table, 7, 50, all.uniform);
  EXPECT_EQ(m.growth.all.value, expected.all.value);
  EXPECT_EQ(m.growth.all.low, expected.all.low);
  EXPECT_NEAR(m.growth.local[1], std::log(42.0 / 24) / std::log(4.0), 1e-12);
}

TEST(RegretShards, WhatNotAllLinesHaveIsLeftOutAndSaid) {
  std::vector<std::string> notes;
  const RegretLine a{"a", {shard(100, {10}, 90), shard(400, {20}, 300)}}, b{"b", {shard(100, {11}, 90)}},
      c{"c", {}};
  const EnvironmentResults all = together("study", {a, b, c}, notes);
  ASSERT_EQ(all.methods.size(), 2u);
  for (const MethodResults& m : all.methods) EXPECT_EQ(m.table.episodes, (std::vector<double>{100}));
  EXPECT_EQ(notes, (std::vector<std::string>{"study: nothing is done of c",
                                             "study: K = 400 is left out, which not all have done"}));
  EXPECT_TRUE(together("x", {c}, notes).methods.empty());
}

}  // namespace
}  // namespace hardy::algorithms
