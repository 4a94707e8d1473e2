#include "algorithms/experiments/prepared_data.h"

#include <gtest/gtest.h>

#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

namespace fs = std::filesystem;
using test::Scratch;

TEST(PreparedPlace, AFolderOfOtherThingsIsRefusedAndLeftAsItWas) {
  const Scratch dir;
  fs::create_directories(dir / "run");
  test::put(dir / "run/run.json", "{}");
  test::put(dir / "file", "x");
  EXPECT_NE(test::error_of([&] { PreparedPlace(dir / "run", {}); }).find("run.json"), std::string::npos);
  EXPECT_NE(test::error_of([&] { PreparedPlace(dir / "file", {}); }).find("is no folder"), std::string::npos);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir / "run"), fs::directory_iterator()), 1);
}

TEST(PreparedPlace, WhatIsKeptIsFoundByTheSameDescriptionAlone) {
  const Scratch dir;
  PreparedData data;
  data.transitions.rows = 2, data.transitions.observation_size = 1, data.transitions.action_size = 1;
  for (auto* column : {&data.transitions.observations, &data.transitions.actions, &data.transitions.rewards,
                       &data.transitions.next_observations, &data.transitions.terminals})
    *column = {0.25F, -1};
  data.transitions.episode_end = {0, 1};
  data.notes = {"a note"};
  for (int again = 0; again < 2; ++again) {
    PreparedPlace place(dir / "kept", {{"seed", 1}});
    const auto found = place.found();
    ASSERT_EQ(found.has_value(), again == 1);
    if (!found) {
      place.keep(data);
      continue;
    }
    EXPECT_EQ(found->transitions.rewards, data.transitions.rewards);
    EXPECT_EQ(found->transitions.episode_end, data.transitions.episode_end);
    EXPECT_EQ(found->notes, data.notes);
  }
  EXPECT_FALSE(PreparedPlace(dir / "kept", {{"seed", 2}}).found());
}

}  // namespace
}  // namespace hardy::algorithms
