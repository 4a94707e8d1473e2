// The behaviour policies that are shipped, and the datasets that they make.
#include "algorithms/acting/collect.h"

#include <gtest/gtest.h>

#include "algorithms/acting/evaluate.h"

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

}  // namespace
}  // namespace hardy::algorithms
