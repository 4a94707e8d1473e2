// The sparse tasks: what counts as their success, and that their worlds are what their headers say.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <map>
#include <set>

#include "envs/control/key_door.h"
#include "envs/control/point_maze.h"
#include "tests/engine/base/refusal.h"
#include "tests/envs/rollout.h"

namespace hardy::envs {
namespace {

TEST(PendulumSparse, PaysOnceTheRodHasStoodForTenSteps) {
  const auto env = make_environment("pendulum_sparse", 1);
  EnvironmentBatch batch(*env);
  ThreadTeam team(1);
  batch.reset(0, 1);
  env->load_state(0, std::array{0.0, 0.0, 0.0, 0.0, 0.0, 0.0});  // balanced
  batch.actions.numbers[0] = 0;
  for (int t = 1; t <= 10; ++t) {
    batch.step(team);
    EXPECT_EQ(batch.rewards[0], t == 10 ? 1 : 0) << t;
    EXPECT_EQ(batch.terminated[0], t == 10) << t;
  }
  // Nine steps up, then one too fast: it begins to count anew.
  env->load_state(0, std::array{0.0, 1.3, 9.0, 0.0, 0.0, 0.0});
  batch.step(team);
  EXPECT_EQ(batch.rewards[0], 0);
  std::vector<double> state(env->state_size());
  env->save_state(0, state);
  EXPECT_EQ(state[2], 0);
}

// A push towards the next free cell on a shortest way to the goal, found by breadth-first search.
template <class Maze>
std::array<double, 2> next_cell(const double* x) {
  const auto cell = [](double at) { return static_cast<int>(std::floor(at)); };
  const std::pair from{cell(x[0]), cell(x[1])}, goal{cell(x[4]), cell(x[5])};
  if (from == goal) return {x[4], x[5]};
  std::map<std::pair<int, int>, std::pair<int, int>> towards{{goal, goal}};
  std::deque<std::pair<int, int>> open{goal};
  for (; !open.empty(); open.pop_front())
    for (const auto& [dx, dy] : {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) {
      const std::pair to{open.front().first + dx, open.front().second + dy};
      if (!Maze::wall(to.first, to.second) && towards.emplace(to, open.front()).second) open.push_back(to);
    }
  const auto next = towards.at(from);
  return {next.first + 0.5, next.second + 0.5};
}

template <class Maze>
void expect_solvable(const std::string& name) {
  const auto env = make_environment(name, 1);
  EnvironmentBatch batch(*env);
  ThreadTeam team(1);
  std::set<std::pair<int, int>> starts;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    batch.reset(0, seed);
    const auto& x = batch.observations;
    starts.insert({static_cast<int>(x[0]), static_cast<int>(x[1])});
    bool done = false;
    while (!done) {
      const auto to = next_cell<Maze>(x.data());
      for (std::size_t k = 0; k < 2; ++k)
        batch.actions.numbers[k] = static_cast<float>(std::clamp(2 * (to[k] - x[k]) - x[2 + k], -1.0, 1.0));
      batch.step(team);
      ASSERT_FALSE(Maze::wall(static_cast<int>(x[0]), static_cast<int>(x[1])));
      done = batch.terminated[0] || batch.truncated[0];
      EXPECT_EQ(batch.rewards[0], batch.terminated[0]);
    }
    EXPECT_TRUE(batch.terminated[0]) << name << " " << seed;
    EXPECT_LE(std::hypot(x[0] - x[4], x[1] - x[5]), 0.45);
  }
  EXPECT_GT(starts.size(), Maze::free_cells() / 2);
}

TEST(PointMaze, EveryMapIsSolvedByWhoKnowsTheWay) {
  expect_solvable<PointUmaze>("point_maze");
  expect_solvable<PointMediumMaze>("point_maze:map=medium");
  expect_solvable<PointLargeMaze>("point_maze:map=large");
}

TEST(PointMaze, MovesFreelyAndIsStoppedByWalls) {
  const auto env = make_environment("point_maze", 1);
  EnvironmentBatch batch(*env);
  ThreadTeam team(1);
  const auto from = [&](std::array<double, 6> x, float push_x, float push_y) {
    std::array<double, 9> state{};
    std::ranges::copy(x, state.begin());
    env->load_state(0, state);
    batch.actions.numbers = {push_x, push_y};
    batch.step(team);
  };
  from({1.5, 1.5, 0.2, 0, 3.5, 3.5}, 1, 0);
  EXPECT_NEAR(batch.observations[2], 0.2 + (10 - 0.2) * 0.05, 1e-14);
  EXPECT_NEAR(batch.observations[0], 1.5 + 0.05 * batch.observations[2], 1e-14);
  EXPECT_EQ(batch.observations[1], 1.5);
  from({1.2, 1.5, -5, 1, 3.5, 3.5}, -1, 0);  // into the left rim, whose face is at 1
  EXPECT_DOUBLE_EQ(batch.observations[0], 1.1);
  EXPECT_EQ(batch.observations[2], 0);
  EXPECT_GT(batch.observations[1], 1.5);    // along it, it moves on
  from({1.5, 1.85, 0, 5, 3.5, 3.5}, 0, 1);  // into the wall below the upper corridor
  EXPECT_DOUBLE_EQ(batch.observations[1], 1.9);
  // With both sides at walls it slides on: a corner that it stands in holds one axis, not the other.
  from({1.1, 1.9, 0, 0, 3.5, 3.5}, 1, 0);
  EXPECT_GT(batch.observations[0], 1.1);
}

TEST(KeyDoor, TheDoorOpensToTheKeyAlone) {
  const auto env = make_environment("key_door:size=4", 1);
  EnvironmentBatch batch(*env);
  ThreadTeam team(1);
  // Walker at (0, 0), key at (0, 1), door at (1, 0), goal at (3, 0).
  env->load_state(0, std::array{0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0});
  const auto go = [&](std::int32_t choice) {
    batch.actions.choices[0] = choice;
    batch.step(team);
    return std::array{batch.observations[0], batch.observations[1], batch.observations[2]};
  };
  EXPECT_EQ(go(3), (std::array{0.0, 0.0, 0.0}));  // the door
  EXPECT_EQ(go(0), (std::array{0.0, 0.0, 0.0}));  // the rim
  EXPECT_EQ(go(1), (std::array{0.0, 1.0, 1.0}));  // the key
  EXPECT_EQ(go(3), (std::array{0.0, 1.0, 1.0}));  // the wall
  EXPECT_EQ(go(0), (std::array{0.0, 0.0, 1.0}));
  EXPECT_EQ(go(3), (std::array{1.0, 0.0, 1.0}));
  EXPECT_EQ(go(3), (std::array{2.0, 0.0, 1.0}));
  EXPECT_EQ(batch.rewards[0], 0);
  EXPECT_EQ(go(3), (std::array{3.0, 0.0, 1.0}));
  EXPECT_EQ(batch.rewards[0], 1);
  EXPECT_TRUE(batch.terminated[0]);
}

TEST(KeyDoor, StartsAreWhereTheirKeySays) {
  int right = 0, with_key = 0;
  for (const char* starts : {"begin", "anywhere"}) {
    const std::string name = std::string("key_door:size=5,starts=") + starts;
    const auto env = make_environment(name, 1);
    EnvironmentBatch batch(*env);
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      batch.reset(0, seed);
      const auto& x = batch.observations;
      for (std::size_t k = 0; k < 9; ++k) ASSERT_TRUE(k == 2 || (x[k] >= 0 && x[k] < 5)) << name << seed << k;
      ASSERT_GT(x[5], 0);
      ASSERT_GT(x[7], x[5]);
      ASSERT_NE(x[0], x[5]);
      ASSERT_FALSE(x[0] == x[7] && x[1] == x[8]);
      if (std::string(starts) == "begin") {
        ASSERT_LT(x[0], x[5]);
      } else {
        right += x[0] > x[5];
        with_key += x[2] == 1 && x[0] < x[5];
        ASSERT_TRUE(x[0] < x[5] || x[2] == 1);
      }
    }
  }
  EXPECT_GT(right, 50);
  EXPECT_GT(with_key, 30);
}

TEST(SparseTasks, RefuseWordsThatTheyDoNotKnow) {
  EXPECT_NE(
      test::refusal([] { make_environment("point_maze:map=meduim", 1); }).find("did you mean 'medium'?"),
      std::string::npos);
  EXPECT_NE(test::refusal([] { make_environment("key_door:size=3", 1); }).find("size=3"), std::string::npos);
}

}  // namespace
}  // namespace hardy::envs
