// A whole step of soft actor-critic against the independent float64 NumPy program.
#include <gtest/gtest.h>

#include "algorithms/learning/transition_source.h"
#include "tests/algorithms/methods.h"
#include "tests/algorithms/offline/example.h"
#include "tests/algorithms/oracle.h"
#include "tests/places.h"

namespace hardy::test {
namespace {

constexpr std::int64_t kRows = 100, kBatch = 16;
constexpr int kObservations = 5, kActions = 3;

void compare_with_oracle(const Values& values, const nlohmann::json& oracle_settings,
                         std::int64_t passes = 1) {
  if (!has_modules("numpy")) GTEST_SKIP() << "skipped: " << python() << " has no numpy";
  datasets::Transitions t = algorithms::example_transitions(kRows);
  for (float& a : t.actions) a = std::tanh(a);
  std::int32_t rows = kRows;
  constexpr std::uint64_t seed = 3;
  algorithms::Learner learner({seed}, nullptr, {.passes = passes});
  const algorithms::TransitionTables tables{t.observations.data(),
                                            t.actions.data(),
                                            t.rewards.data(),
                                            t.next_observations.data(),
                                            t.terminals.data(),
                                            &rows,
                                            kRows};
  method_with("sac", over({{"hidden", "8"}, {"batch-size", "16"}}, values))
      ->build(learner, algorithms::TransitionSource(tables, kObservations, kActions, kBatch));
  learner.finish();

  nlohmann::json tensors = parameters_of(learner.parameters());
  const auto rows_of = [&](const std::vector<float>& table, std::int64_t width) {
    return drawn_rows(table, width, kBatch, seed, 0);
  };
  const auto noise = [&](RandomStream stream) {
    return as_json({kBatch, kActions}, drawn_normals(kBatch * kActions, stream, seed, 0));
  };
  tensors["observations"] = as_json({kBatch, kObservations}, rows_of(t.observations, kObservations));
  tensors["actions"] = as_json({kBatch, kActions}, rows_of(t.actions, kActions));
  tensors["rewards"] = as_json({kBatch}, rows_of(t.rewards, 1));
  tensors["next_observations"] =
      as_json({kBatch, kObservations}, rows_of(t.next_observations, kObservations));
  tensors["terminals"] = as_json({kBatch}, rows_of(t.terminals, 1));
  tensors["noise"] = noise(RandomStream::kNoise);
  tensors["next_noise"] = noise(RandomStream::kNextNoise);
  const nlohmann::json out = ask_oracle("sac_update.py", oracle_settings, tensors);

  ThreadTeam team(2);
  learner.step(team);
  expect_the_oracles_step(learner, out);
  const double entropy = out.at("entropy").at("data").at(0).get<double>();
  EXPECT_NEAR(learner.reports().at("entropy")[0], entropy, 1e-5 * std::abs(entropy));
}

TEST(SacUpdate, EqualsTheOracle) { compare_with_oracle({}, nlohmann::json::object()); }

TEST(SacUpdate, EqualsTheOracleWhereItsBatchIsTakenInParts) {
  for (const std::int64_t passes : {2, 16}) compare_with_oracle({}, nlohmann::json::object(), passes);
}

TEST(SacUpdate, EqualsTheOracleWithOtherSettings) {
  compare_with_oracle({{"critics", "5"},
                       {"gamma", "0.9"},
                       {"polyak", "0.1"},
                       {"learning-rate", "1e-3"},
                       {"target-entropy", "-1.5"},
                       {"initial-alpha", "0.2"}},
                      {{"gamma", 0.9}, {"polyak", 0.1}, {"lr", 1e-3}, {"target_entropy", -1.5}});
}

}  // namespace
}  // namespace hardy::test
