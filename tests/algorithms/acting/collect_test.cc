// The behaviour policies that are shipped, and the datasets that they make.
#include "algorithms/acting/collect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "algorithms/acting/evaluate.h"
#include "tests/engine/base/refusal.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

double score_of(const std::string& task, const std::string& name, int episodes) {
  const Stretch who = behaviour(task, name, 1).at(0);
  return evaluate(who.spec, who.parameters, task, episodes, 42).mean_score();
}

TEST(Snapshots, MediumScoresBetween20And60AndExpertAbove70) {
  for (const char* task : {"hopper", "half_cheetah", "walker2d"}) {
    const double medium = score_of(task, "medium", 4);
    EXPECT_GE(medium, 20) << task;
    EXPECT_LE(medium, 60) << task;
    EXPECT_GT(score_of(task, "expert", 4), 70) << task;
  }
}

TEST(Snapshots, MediumReplayGivesEveryStepAwayAndBeginsAtRandom) {
  for (const std::int64_t steps : {1000, 12345, 200000}) {
    const auto stretches = behaviour("hopper", "medium-replay", steps);
    EXPECT_TRUE(stretches.front().parameters.empty());
    EXPECT_GE(stretches.size(), 5u);
    std::int64_t sum = 0;
    for (const Stretch& s : stretches) {
      EXPECT_GE(s.steps, 0) << s.name;
      sum += s.steps;
    }
    EXPECT_EQ(sum, steps);
  }
}

TEST(Snapshots, ExpertEpisodesReturnMoreThanMediumOnesAndThoseMoreThanRandomOnes) {
  const auto mean_reward = [](const char* name) {
    const datasets::Arrays a = collect("hopper", behaviour("hopper", name, 4000), 1, 2);
    double reward = 0, episodes = 1;
    for (const float r : a.at("rewards").floats()) reward += r;
    const auto *end = a.at("terminals").as<std::uint8_t>(), *cut = a.at("timeouts").as<std::uint8_t>();
    for (int i = 0; i < 4000; ++i) episodes += end[i] || cut[i];
    return reward / episodes;
  };
  const double random = mean_reward("random"), medium = mean_reward("medium"), expert = mean_reward("expert");
  EXPECT_GT(medium, 2 * random);
  EXPECT_GT(expert, 1.5 * medium);
}

TEST(Snapshots, ATaskWithKeysHasItsTasksSnapshotsAndOneWithoutAnySaysWhatThereIs) {
  EXPECT_EQ(behaviour("half_cheetah:noise=0", "medium-replay", 100).size(),
            7u);  // random, and six up to medium
  EXPECT_NE(test::refusal([] { behaviour("ant", "medium", 1); }).find("random"), std::string::npos);
}

// A cart whose motor is stronger than arithmetic.
TEST(BrokenEpisodes, AreCountedByCollectionAndEvaluation) {
  const test::Scratch dir;
  std::ofstream(dir / "strong.xml") << R"(<mujoco><worldbody><body>
      <joint name="x" type="slide" axis="1 0 0"/><geom size="0.1" mass="0.001"/></body></worldbody>
      <actuator><motor joint="x" gear="1e12" ctrllimited="true" ctrlrange="-1 1"/></actuator></mujoco>)";
  const std::string strong = "mjcf:max_steps=5,file=" + (dir / "strong.xml").string();
  const auto count = [](const datasets::Arrays& arrays) {
    const auto found = arrays.find("metadata/broken_episodes");
    return found == arrays.end() ? 0 : *found->second.as<std::int64_t>();
  };
  EXPECT_EQ(count(collect(strong, behaviour(strong, "random", 20), 1, 2)),
            32);  // a wave of one-step episodes
  EXPECT_EQ(count(collect("half_cheetah", behaviour("half_cheetah", "random", 20), 1, 2)), 0);
  const auto env = envs::make_environment(strong, 3);
  std::vector<double> observation(2);
  class Push final : public Policy {
   public:
    void act(std::span<const double>, std::span<const Random>, ActionMemory& actions, std::span<float>,
             ThreadTeam&) override {
      std::ranges::fill(actions.numbers, 1.0f);
    }
    void log_prob(std::span<const double>, const Actions&, std::span<float> log_probs, ThreadTeam&) override {
      std::ranges::fill(log_probs, 0.0f);
    }
  } push;
  const Evaluation e = evaluate(push, *env, 1);
  EXPECT_EQ(e.broken, 3);
  EXPECT_TRUE(e.first_break.ends_with(" in step 1 of an episode of instance 0")) << e.first_break;
  EXPECT_EQ(e.lengths, std::vector<double>(3, 1));
}

}  // namespace
}  // namespace hardy::algorithms
