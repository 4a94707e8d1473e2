// Which rows stay, and what their next actions are, by hand.
#include "datasets/chosen_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "tests/engine/base/refusal.h"

namespace hardy::datasets {
namespace {

// One observation and one action a row, both its number; `ends` are last rows of episodes.
Transitions rows_with(const std::vector<float>& rewards, const std::vector<std::size_t>& ends,
                      const std::vector<std::size_t>& terminals = {}) {
  Transitions t;
  t.rows = static_cast<std::int64_t>(rewards.size());
  t.observation_size = t.action_size = 1;
  t.rewards = rewards;
  for (std::size_t row = 0; row < rewards.size(); ++row) {
    t.observations.push_back(static_cast<float>(row));
    t.next_observations.push_back(static_cast<float>(row) + 0.5f);
    t.actions.push_back(-static_cast<float>(row));
  }
  t.terminals.assign(rewards.size(), 0);
  t.episode_end.assign(rewards.size(), 0);
  for (const std::size_t row : ends) t.episode_end[row] = 1;
  for (const std::size_t row : terminals) t.terminals[row] = 1;
  return t;
}

using Floats = std::vector<float>;
using Bytes = std::vector<std::uint8_t>;

TEST(ChosenRows, TheBestEpisodesStayWholeAndInOrder) {
  // Returns 3, 5, 1, 5, 2; the last one is cut by the file's end.
  Transitions t = rows_with({1, 2, 5, 1, 2, 3, 0, 2, 0}, {1, 2, 3, 6}, {2});
  const BestEpisodes best = keep_best_episodes(t, 0.4, 1);
  EXPECT_EQ(best.episodes, 2);
  EXPECT_EQ(best.of, 5);
  EXPECT_EQ(best.rows, 4);
  EXPECT_EQ(best.of_rows, 9);
  EXPECT_EQ(best.least_return, 5);
  EXPECT_EQ(t.rows, 4);
  EXPECT_EQ(t.observations, (Floats{2, 4, 5, 6}));
  EXPECT_EQ(t.next_observations, (Floats{2.5, 4.5, 5.5, 6.5}));
  EXPECT_EQ(t.actions, (Floats{-2, -4, -5, -6}));
  EXPECT_EQ(t.rewards, (Floats{5, 2, 3, 0}));
  EXPECT_EQ(t.terminals, (Floats{1, 0, 0, 0}));
  EXPECT_EQ(t.episode_end, (Bytes{1, 0, 0, 1}));
}

TEST(ChosenRows, OneEpisodeStaysAtLeastAndOfEqualOnesTheEarlier) {
  Transitions t = rows_with({5, 5, 1}, {0, 1, 2});
  EXPECT_EQ(keep_best_episodes(t, 0, 1).episodes, 1);
  EXPECT_EQ(t.observations, Floats{0});
  Transitions all = rows_with({5, 5, 1}, {0, 1, 2});
  EXPECT_EQ(keep_best_episodes(all, 1, 1).episodes, 3);
  EXPECT_EQ(all.rows, 3);
}

TEST(ChosenRows, RowsWeighByTheRankOfTheirEpisodesReturn) {
  // Returns 3 (two rows), 5 (one), 1 (one), 5 (three), 2 (one): 8 rows, of which 0, 4, 6, 7 are better.
  const Transitions t = rows_with({1, 2, 5, 1, 2, 3, 0, 2}, {1, 2, 3, 6}, {2});
  const Floats w = return_weights(t, 0.5);
  const double sum = 4 + 2 * std::exp(-1.0) + std::exp(-1.5) + std::exp(-1.75);
  const auto expect = [&](std::size_t row, double rank) {
    EXPECT_NEAR(w[row], 8 * std::exp(rank) / sum, 1e-6) << row;
  };
  for (const std::size_t best : {2, 4, 5, 6}) expect(best, 0);
  for (const std::size_t second : {0, 1}) expect(second, -1);
  expect(7, -1.5);
  expect(3, -1.75);
}

TEST(ChosenRows, AReturnThatIsNotFiniteIsNamed) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Floats& bad : {Floats{1, infinity, 2}, {1, 2, std::nanf("")}, {infinity, -infinity, 1}}) {
    Transitions t = rows_with(bad, {1, 2});
    EXPECT_NE(test::refusal([&] { return_weights(t, 0.1); }).find("is not finite"), std::string::npos);
    EXPECT_NE(test::refusal([&] { keep_best_episodes(t, 0.5, 1); }).find("is not finite"), std::string::npos);
  }
}

TEST(ChosenRows, WeightsByReturnsHaveMeanOneAndABoundWhateverTheReturnsAre) {
  Transitions t = rows_with(Floats(1000, 1), {});
  for (std::size_t row = 9; row < 1000; row += 10) t.episode_end[row] = 1;
  EXPECT_EQ(return_weights(t, 0.1), Floats(1000, 1)) << "equal returns";
  for (std::size_t row = 0; row < 1000; ++row) t.rewards[row] = static_cast<float>(row / 10);
  const Floats even = return_weights(t, 0.1);
  t.rewards[999] = 1e30f;  // the best one is further ahead
  EXPECT_EQ(return_weights(t, 0.1), even);
  double sum = 0;
  for (const float w : even) sum += w;
  EXPECT_NEAR(sum, 1000, 1e-3);
  EXPECT_LE(*std::ranges::max_element(even), 1 / (0.1 * (1 - std::exp(-10))) + 1e-3);
  EXPECT_GT(*std::ranges::max_element(even), 9);
  EXPECT_LT(*std::ranges::min_element(even), 1e-3);
}

TEST(ChosenRows, AShareOfAHundredIsItsNumberOfHundredths) {
  for (int percent = 1; percent <= 100; ++percent) {
    std::vector<std::size_t> ends(100);
    for (std::size_t i = 0; i < 100; ++i) ends[i] = i;
    Transitions t = rows_with(Floats(100, 1), ends);
    EXPECT_EQ(keep_best_episodes(t, percent / 100.0, 1).episodes, percent);
  }
}

TEST(ChosenRows, ADiscountCountsWhatComesEarly) {
  // 4 late against 3 at once: 4 by 0.5 is 2.
  Transitions plain = rows_with({0, 4, 3, 0}, {1, 3}), discounted = plain;
  keep_best_episodes(plain, 0.5, 1);
  EXPECT_EQ(plain.observations, (Floats{0, 1}));
  EXPECT_EQ(keep_best_episodes(discounted, 0.5, 0.5).least_return, 3);
  EXPECT_EQ(discounted.observations, (Floats{2, 3}));
}

TEST(ChosenRows, NextActionsAreThoseOfTheSameEpisodeAndCutRowsGo) {
  // Episodes 0-2 (terminal), 3-4 (a time limit), 5-6 (the file's end).
  Transitions t = rows_with({1, 1, 1, 1, 1, 1, 1}, {2, 4}, {2});
  EXPECT_EQ(add_next_actions(t), 2);
  EXPECT_EQ(t.rows, 5);
  EXPECT_EQ(t.observations, (Floats{0, 1, 2, 3, 5}));
  EXPECT_EQ(t.next_actions, (Floats{-1, -2, -2, -4, -6}));
  EXPECT_EQ(t.episode_end, (Bytes{0, 0, 1, 1, 1}));
}

TEST(ChosenRows, AFileOfSingleRowsHasNoNextActions) {
  Transitions t = rows_with({1, 1}, {0, 1});
  const std::string m = test::refusal([&] { add_next_actions(t); });
  EXPECT_NE(m.find("no row is followed by another of its episode"), std::string::npos) << m;
  EXPECT_NE(m.find("rows must be the steps of episodes"), std::string::npos) << m;
}

}  // namespace
}  // namespace hardy::datasets
