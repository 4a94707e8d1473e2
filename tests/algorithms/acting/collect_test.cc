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

double score_of(const std::string& name) {
  const Stretch who = behaviour("hopper", name, 1).at(0);
  return evaluate(who.spec, who.parameters, "hopper", 10, 42).mean_score();
}

TEST(Snapshots, MediumScoresBetween20And70OverTenEpisodes) {
  const double score = score_of("medium");
  EXPECT_GE(score, 20);
  EXPECT_LE(score, 70);
}

TEST(Snapshots, ExpertScoresAbove80OverTenEpisodes) { EXPECT_GT(score_of("expert"), 80); }

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

// Its training was stopped early: what there is scores what index.json says, and nothing is called an expert.
TEST(Snapshots, HalfCheetahsMediumScoresWhatItsIndexSaysAndItHasNoExpert) {
  const Stretch who = behaviour("half_cheetah", "medium", 1).at(0);
  EXPECT_NEAR(evaluate(who.spec, who.parameters, "half_cheetah", 4, 42).mean_score(), 27.0, 3);
  for (const char* name : {"expert", "medium-expert"})
    EXPECT_NE(test::refusal([&] {
                behaviour("half_cheetah", name, 1);
              }).find("use random, medium or medium-replay"),
              std::string::npos);
  EXPECT_EQ(behaviour("half_cheetah:noise=0", "medium-replay", 100).size(), 5u);
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
  EXPECT_EQ(e.lengths, std::vector<double>(3, 1));
}

}  // namespace
}  // namespace hardy::algorithms
