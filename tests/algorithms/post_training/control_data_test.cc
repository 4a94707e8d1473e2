#include "algorithms/post_training/control_data.h"

#include <gtest/gtest.h>

#include "algorithms/acting/collect.h"
#include "engine/base/error.h"
#include "tests/algorithms/post_training/control_starts.h"

namespace hardy::test {
namespace {

using algorithms::ControlData;

TEST(ControlData, StartsAreThoseOfTheEpisodesThatACollectionOfTheSameSeedRecords) {
  for (const char* name : {"pendulum_sparse", "cart_pole"}) {
    ControlData data = algorithms::control_starts(name, 1, 5, 40);
    const datasets::Arrays arrays =
        algorithms::collect(name, {{"random", {}, {}, 0, 40, "random"}}, 5, 2);  // more than a wave
    datasets::MemoryReader file(arrays, "made.hdf5");
    algorithms::add_demonstrations(data, file);
    EXPECT_EQ(data.episodes, 40);
    EXPECT_EQ(data.elsewhere, 0);
    EXPECT_EQ(data.surplus, 0);
    std::int64_t rows = 0;
    for (const algorithms::ControlStart& s : data.starts) {
      ASSERT_GT(s.demonstration.steps, 0);
      EXPECT_TRUE(
          std::equal(s.observation.begin(), s.observation.end(), s.demonstration.observations.begin()));
      rows += s.demonstration.steps;
    }
    EXPECT_EQ(rows, arrays.at("rewards").elements());
    ControlData others = algorithms::control_starts(name, 1, 6, 40);
    EXPECT_THROW(algorithms::add_demonstrations(others, file), Error);
  }
}

TEST(ControlData, OfSeveralDemonstrationsOfAStartTakesTheFirstThatSucceeded) {
  ControlData data = algorithms::control_starts(Lock::kName, 1, 7, 2);
  std::vector<std::uint64_t> seeds = seeds_of(data);
  seeds.insert(seeds.begin(), {seeds[1], 12345});
  int episode = 0;
  Recording r = recorded(Lock::kName, seeds, [&](const std::vector<double>& now, int t) {
    episode += t == 0;
    return episode == 1 ? 1.0f : right_digit(now, t);
  });
  auto file = r.reader(Lock::kObservation, 1);
  algorithms::add_demonstrations(data, file);
  EXPECT_EQ(data.episodes, 4);
  EXPECT_EQ(data.elsewhere, 1);
  EXPECT_EQ(data.surplus, 1);
  EXPECT_EQ(data.failed, 1);
  EXPECT_TRUE(data.starts[1].demonstration.succeeded);
  EXPECT_EQ(data.starts[1].demonstration.choices, (std::vector<std::int32_t>{2, 0, 3, 3, 1, 2, 0, 1}));
}

TEST(ControlData, RefusesWhatIsNotOfItsEnvironment) {
  const auto refuses = [](auto&& work, const std::string& part) {
    try {
      work();
      ADD_FAILURE() << part;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  refuses([] { algorithms::control_starts(RestlessLock::kName, 1, 0, 3); }, "begin differently");
  const ControlData lock = algorithms::control_starts(Lock::kName, 1, 7, 3);
  const auto add = [&](const ControlData& to, Recording& r, std::int64_t obs) {
    ControlData data = to;
    auto file = r.reader(obs, 1);
    algorithms::add_demonstrations(data, file);
  };
  Recording r = recorded(Lock::kName, seeds_of(lock), right_digit), broken = r;
  refuses([&] { add(algorithms::control_starts("cart_pole", 1, 0, 3), r, Lock::kObservation); },
          "has 9 observations and 1 actions");
  broken.choices[8] = 4;
  refuses([&] { add(lock, broken, Lock::kObservation); }, "is none of 4 choices, from 0 on");
  broken = r;
  broken.choices.clear();
  broken.actions.assign(r.choices.size(), 0.5f);
  refuses([&] { add(lock, broken, Lock::kObservation); }, "its actions are numbers");
  broken = r;
  broken.observations[9 * 8] = NAN;
  refuses([&] { add(lock, broken, Lock::kObservation); }, "/observations, row 8");
  broken = r;
  broken.timeouts.assign(r.timeouts.size(), 0);
  refuses([&] { add(lock, broken, Lock::kObservation); }, "an episode of 24 steps");
  Recording none;
  none.observations = {}, none.choices = {};
  refuses([&] { add(algorithms::control_starts("pendulum_sparse", 1, 0, 3), none, 3); }, "made.hdf5");
}

}  // namespace
}  // namespace hardy::test
