// Whole learning steps of DQN, its double and dueling forms, against the independent float64 NumPy program.
#include <gtest/gtest.h>

#include "algorithms/learning/transition_source.h"
#include "tests/algorithms/methods.h"
#include "tests/algorithms/offline/example.h"
#include "tests/algorithms/oracle.h"
#include "tests/places.h"

namespace hardy::test {
namespace {

constexpr std::int64_t kRows = 100, kBatch = 16;
constexpr int kObservations = 5, kChoices = 3;
constexpr std::uint64_t kSeed = 3;

// The step after `before` of them.
void compare_with_oracle(const Values& values, nlohmann::json settings, std::uint64_t before,
                         std::int64_t passes = 1) {
  if (!has_modules("numpy")) GTEST_SKIP() << "skipped: " << python() << " has no numpy";
  datasets::Transitions t = algorithms::example_transitions(kRows);
  std::vector<std::int32_t> choices;
  for (std::uint64_t i = 0; i < kRows; ++i)
    choices.push_back(static_cast<std::int32_t>(Random(8, RandomStream::kUser).integer(i, kChoices)));
  std::int32_t rows = kRows;
  algorithms::Learner learner({kSeed}, nullptr, {.passes = passes});
  method_with("dqn", over({{"hidden", "8"}, {"batch-size", "16"}}, values))
      ->build(learner, algorithms::TransitionSource({.observations = t.observations.data(),
                                                     .rewards = t.rewards.data(),
                                                     .next_observations = t.next_observations.data(),
                                                     .terminals = t.terminals.data(),
                                                     .rows = &rows,
                                                     .capacity = kRows,
                                                     .choices = choices.data()},
                                                    kObservations, kChoices, kBatch));
  learner.finish();
  ThreadTeam team(2);
  for (std::uint64_t i = 0; i < before; ++i) learner.step(team);

  const auto rows_of = [&](const std::vector<float>& table, std::int64_t width) {
    return drawn_rows(table, width, kBatch, kSeed, before);
  };
  nlohmann::json tensors = parameters_of(learner.parameters());
  tensors["observations"] = as_json({kBatch, kObservations}, rows_of(t.observations, kObservations));
  tensors["actions"] = as_json({kBatch}, rows_of({choices.begin(), choices.end()}, 1));
  tensors["rewards"] = as_json({kBatch}, rows_of(t.rewards, 1));
  tensors["next_observations"] =
      as_json({kBatch, kObservations}, rows_of(t.next_observations, kObservations));
  tensors["terminals"] = as_json({kBatch}, rows_of(t.terminals, 1));
  settings["step"] = before;
  const nlohmann::json out = ask_oracle("dqn_update.py", settings, tensors);
  learner.step(team);
  expect_the_oracles_step(learner, out);
}

TEST(DqnUpdate, EqualsTheOracleInAllItsForms) {
  for (const bool twice : {false, true})
    for (const bool dueling : {false, true})
      compare_with_oracle({{"double", twice ? "true" : "false"},
                           {"dueling", dueling ? "true" : "false"},
                           {"learning-rate", "0.01"},
                           {"target-every", "3"},
                           {"polyak", "1"}},
                          {{"double", int{twice}},
                           {"dueling", int{dueling}},
                           {"lr", 0.01},
                           {"target_every", 3},
                           {"polyak", 1}},
                          4);  // Q and its target differ: the last copy was after three steps
}

TEST(DqnUpdate, EqualsTheOracleWhereTheTargetIsCopied) {
  compare_with_oracle({{"target-every", "3"}, {"polyak", "1"}, {"gamma", "0.9"}, {"schedule-steps", "7"}},
                      {{"target_every", 3}, {"polyak", 1}, {"gamma", 0.9}, {"schedule_steps", 7}}, 2);
}

TEST(DqnUpdate, EqualsTheOracleWhereTheTargetFollowsByShares) {
  compare_with_oracle({}, nlohmann::json::object(), 3);
  compare_with_oracle({{"polyak", "0.2"}}, {{"polyak", 0.2}}, 3);
}

TEST(DqnUpdate, EqualsTheOracleWhereItsBatchIsTakenInParts) {
  compare_with_oracle({}, nlohmann::json::object(), 3, 4);
}

TEST(DqnExploration, FallsEvenlyFromTheFirstShareToTheLast) {
  const auto dqn =
      method_with("dqn", {{"epsilon-start", "0.9"}, {"epsilon-end", "0.1"}, {"epsilon-steps", "400"}});
  for (const auto& [t, share] : {std::pair{0, 0.9}, {100, 0.7}, {300, 0.3}, {400, 0.1}, {100000, 0.1}})
    EXPECT_NEAR(dqn->exploration(t), share, 1e-12) << t;
}

}  // namespace
}  // namespace hardy::test
