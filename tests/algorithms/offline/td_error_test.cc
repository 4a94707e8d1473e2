// The trimmed TD error: its mean and interval by hand, and a critic whose errors are known.
#include "algorithms/offline/td_error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "algorithms/learning/checkpoint.h"
#include "engine/base/error.h"
#include "engine/base/random.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

TEST(TrimmedMean, LeavesTheLargestShareOut) {
  std::vector<float> x;
  for (int i = 10; i > 0; --i) x.push_back(static_cast<float>(i));
  x[3] = 1e30f;  // was 7
  const std::vector<std::uint8_t> ends(10, 1);
  EXPECT_DOUBLE_EQ(trimmed_mean(x, ends, 0.9, 0, 1).mean, (55.0 - 7) / 9);
  EXPECT_DOUBLE_EQ(trimmed_mean(x, ends, 0.5, 0, 1).mean, 3);
  EXPECT_DOUBLE_EQ(trimmed_mean(x, ends, 0.01, 0, 1).mean, 1);  // one row at least
  EXPECT_GT(trimmed_mean(x, ends, 1, 0, 1).mean, 1e28);
}

// Untrimmed, of 400 equal episodes: the interval is that of a mean of 400 independent draws of 0 and 1.
TEST(TrimmedMean, HasTheIntervalOfItsEpisodesNotOfItsRows) {
  std::vector<float> x;
  std::vector<std::uint8_t> ends;
  for (int episode = 0; episode < 400; ++episode)
    for (int row = 0; row < 25; ++row) {
      x.push_back(static_cast<float>(episode % 2));
      ends.push_back(row == 24);
    }
  const TrimmedMean m = trimmed_mean(x, ends, 1, 2000, 1);
  EXPECT_DOUBLE_EQ(m.mean, 0.5);
  EXPECT_NEAR(m.high - m.low, 2 * 1.96 * 0.5 / std::sqrt(400.0), 0.01);
  EXPECT_NEAR(m.high + m.low, 1, 0.02);
  const TrimmedMean one_episode = trimmed_mean(x, std::vector<std::uint8_t>(x.size(), 0), 1, 50, 1);
  EXPECT_DOUBLE_EQ(one_episode.low, one_episode.high);
}

// Q_1 = s + a, Q_2 = 3 (s + a), the policy's action 0: delta = r + gamma (1 - d) 2 s' - 2 (s + a), where the
// critic sees observations normalised by 1 and 2 and actions scaled from [-4, 4].
TEST(TdError, IsThatOfTheEnsemblesMeanAtThePoliciesMode) {
  test::Scratch dir;
  Learner learner({1});
  learner.network("q", {{2, 1}, 2, nn::Nonlinearity::kRelu, {}});
  learner.network("policy", {{1, 2, 1}, 0, nn::Nonlinearity::kRelu, {}});
  learner.finish();
  learner.write_parameters([](nn::ParameterStore& store) {
    std::ranges::fill(store.values(), 0.0f);
    const std::span<float> w = store.agent(store.find("q/w0"), 0);
    w[0] = w[1] = 1, w[2] = w[3] = 3;
  });
  run::ArchiveWriter file("checkpoint", kCheckpointFormat);
  save_learner(learner, file);
  save_bounds({{-4}, {4}, ""}, file);
  file.write(dir / "c.ckpt");
  Victim critic = read_victim(dir / "c.ckpt", 0);
  critic.observation_mean = {1}, critic.observation_std = {2};
  datasets::Transitions t;
  t.rows = 1500, t.observation_size = t.action_size = 1;  // more than a pass
  const Random random(2, RandomStream::kUser);
  for (std::uint64_t i = 0; i < 1500; ++i) {
    t.observations.push_back(random.uniform(6 * i));
    t.actions.push_back(random.uniform(6 * i + 1));
    t.rewards.push_back(random.uniform(6 * i + 2));
    t.next_observations.push_back(random.uniform(6 * i + 3));
    t.terminals.push_back(i % 3 == 0 ? 1.0f : 0.0f);
  }
  ThreadTeam team(1);
  const std::vector<float> squares = squared_td_errors(critic, t, 0.9, team);
  ASSERT_EQ(squares.size(), 1500u);
  for (std::size_t i = 0; i < squares.size(); ++i) {
    const double s = (t.observations[i] - 1) / 2, next = (t.next_observations[i] - 1) / 2,
                 a = t.actions[i] / 4;
    const double delta = t.rewards[i] + 0.9 * (1 - t.terminals[i]) * 2 * next - 2 * (s + a);
    ASSERT_NEAR(squares[i], delta * delta, 1e-5) << i;
  }
  t.observation_size = 2;
  EXPECT_THROW(squared_td_errors(critic, t, 0.9, team), Error);
}

}  // namespace
}  // namespace hardy::algorithms
