// Whole steps of TD3+BC, ReBRAC, AWAC, SAC-N, EDAC, MSG, UW-MSG, CQL, XQL and SQL against the independent
// float64 NumPy program, and what must hold whatever the threads and the other agents.
#include <gtest/gtest.h>

#include "algorithms/offline/offline_trainee.h"
#include "datasets/chosen_rows.h"
#include "tests/algorithms/methods.h"
#include "tests/algorithms/offline/example.h"
#include "tests/algorithms/oracle.h"
#include "tests/places.h"

namespace hardy::test {
namespace {

constexpr std::int64_t kBatch = 16, kActions = 3, kObservations = 5, kProposed = 4;
constexpr std::uint64_t kSeed = 3;

std::unique_ptr<algorithms::OfflineTrainee> trainee_of(const std::string& name, const Values& values,
                                                       std::vector<std::uint64_t> seeds = {kSeed}) {
  const auto method =
      method_with(name, over({{"hidden", "8"}, {"batch-size", "16"}, {"normalise", "false"}}, values));
  return std::make_unique<algorithms::OfflineTrainee>(*method, algorithms::example_transitions(100),
                                                      std::move(seeds), std::vector<float>(3, -1.0f),
                                                      std::vector<float>(3, 1.0f));
}

// The step after `before` of them; gradients to `share` of the largest of their tensor.
void compare_with_oracle(const std::string& name, const Values& values, nlohmann::json settings,
                         std::uint64_t before = 0, double share = 1e-5) {
  if (!has_modules("numpy")) GTEST_SKIP() << "skipped: " << python() << " has no numpy";
  const auto trainee = trainee_of(name, values);
  ThreadTeam team(2);
  for (std::uint64_t i = 0; i < before; ++i) trainee->step(team);
  datasets::Transitions t = algorithms::example_transitions(100);
  if (name == "rebrac") datasets::add_next_actions(t);
  const auto rows = [&](const std::vector<float>& table, std::int64_t width) {
    return drawn_rows(table, width, kBatch, kSeed, before);
  };
  const auto normals = [&](RandomStream stream, std::int64_t n) {
    return as_json({n, kActions}, drawn_normals(n * kActions, stream, kSeed, before));
  };
  nlohmann::json tensors = parameters_of(trainee->learner().parameters());
  tensors["observations"] = as_json({kBatch, kObservations}, rows(t.observations, kObservations));
  tensors["actions"] = as_json({kBatch, kActions}, rows(t.actions, kActions));
  tensors["rewards"] = as_json({kBatch}, rows(t.rewards, 1));
  tensors["next_observations"] = as_json({kBatch, kObservations}, rows(t.next_observations, kObservations));
  tensors["terminals"] = as_json({kBatch}, rows(t.terminals, 1));
  if (!t.next_actions.empty())
    tensors["next_actions"] = as_json({kBatch, kActions}, rows(t.next_actions, kActions));
  tensors["noise"] = normals(RandomStream::kNoise, kBatch);
  tensors["next_noise"] = normals(RandomStream::kNextNoise, kBatch);
  tensors["proposals"] = normals(RandomStream::kProposals, 3 * kBatch * kProposed);
  settings["method"] = name;
  settings["step"] = before;
  const nlohmann::json out = ask_oracle("actor_critic_update.py", settings, tensors);
  trainee->step(team);
  expect_the_oracles_step(trainee->learner(), out, share);
}

TEST(ActorCriticUpdate, Td3BcEqualsTheOracleWithTheDelayedPolicyAndItsOwnStepCount) {
  compare_with_oracle("td3_bc", {}, {}, 1);  // the first step that moves the policy
  compare_with_oracle("td3_bc", {}, {}, 3);
  compare_with_oracle("td3_bc", {{"alpha", "0.7"}, {"policy-every", "1"}, {"policy-noise", "0.6"}},
                      {{"alpha", 0.7}, {"policy_every", 1}, {"policy_noise", 0.6}});
}

TEST(ActorCriticUpdate, RebracEqualsTheOracleWithAndWithoutLayerNormalisation) {
  const nlohmann::json published{{"lr", 1e-3}};
  // Critics that start near 0 are divided by their mean magnitude: what float32 rounds off grows by that.
  compare_with_oracle("rebrac", {}, published, 1, 3e-5);
  compare_with_oracle("rebrac", {{"actor-bc-coef", "0.05"}, {"critic-bc-coef", "0.5"}, {"critics", "3"}},
                      {{"lr", 1e-3}, {"actor_bc_coef", 0.05}, {"critic_bc_coef", 0.5}}, 3, 3e-5);
  compare_with_oracle("rebrac", {{"critic-ln", "false"}, {"normalise-q", "false"}, {"policy-every", "1"}},
                      {{"lr", 1e-3}, {"normalise_q", false}, {"policy_every", 1}});
}

TEST(ActorCriticUpdate, AwacEqualsTheOracle) {
  compare_with_oracle("awac", {}, {});
  compare_with_oracle("awac", {{"lambda", "0.1"}, {"weight-cap", "2"}, {"policy-learning-rate", "1e-3"}},
                      {{"lambda", 0.1}, {"weight_cap", 2.0}, {"policy_lr", 1e-3}}, 2);
}

TEST(ActorCriticUpdate, SacNEqualsTheOracle) {
  compare_with_oracle("sac_n", {{"critics", "4"}}, {});
  compare_with_oracle("sac_n", {{"critics", "4"}, {"gamma", "0.9"}, {"polyak", "0.1"}},
                      {{"gamma", 0.9}, {"polyak", 0.1}}, 2);
}

TEST(ActorCriticUpdate, EdacEqualsTheOracleByASecondDerivative) {
  compare_with_oracle("edac", {{"critics", "4"}}, {});
  compare_with_oracle("edac", {{"critics", "3"}, {"eta", "5"}}, {{"eta", 5.0}}, 2);
}

TEST(ActorCriticUpdate, MsgEqualsTheOracle) {
  compare_with_oracle("msg", {{"critics", "4"}}, {});
  compare_with_oracle("msg", {{"critics", "5"}, {"pessimism", "1"}}, {{"pessimism", 1.0}}, 2);
}

TEST(ActorCriticUpdate, UwMsgEqualsTheOracleWithRowsOnEitherSideOfTheLeastUncertainty) {
  const Values three{{"critics", "3"}};
  compare_with_oracle("uw_msg", three, {});
  compare_with_oracle(
      "uw_msg", over(three, {{"uncertainty-ratio", "20"}, {"uncertainty-min", "0.5"}, {"pessimism", "1"}}),
      {{"uncertainty_ratio", 20.0}, {"uncertainty_min", 0.5}, {"pessimism", 1.0}}, 2);
  compare_with_oracle("uw_msg", over(three, {{"uncertainty-ratio", "100"}, {"uncertainty-max", "1.5"}}),
                      {{"uncertainty_ratio", 100.0}, {"uncertainty_max", 1.5}});
}

TEST(ActorCriticUpdate, XqlEqualsTheOracleWithValuesBelowAndBeyondItsClip) {
  compare_with_oracle("xql", {}, {});
  compare_with_oracle("xql", {{"loss-temp", "0.02"}, {"max-clip", "3"}, {"beta", "10"}, {"weight-cap", "2"}},
                      {{"loss_temp", 0.02}, {"max_clip", 3.0}, {"beta", 10.0}, {"weight_cap", 2.0}}, 2);
}

TEST(ActorCriticUpdate, SqlEqualsTheOracleWithRowsThatAreLeftOut) {
  compare_with_oracle("sql", {}, {});
  compare_with_oracle("sql", {{"alpha", "0.05"}, {"weight-cap", "2"}}, {{"alpha", 0.05}, {"weight_cap", 2.0}},
                      2);
}

TEST(ActorCriticUpdate, CqlEqualsTheOracle) {
  compare_with_oracle("cql", {{"proposals", "4"}}, {{"proposals", 4}, {"policy_lr", 3e-5}});
  compare_with_oracle("cql", {{"proposals", "4"}, {"conservatism", "1"}, {"policy-learning-rate", "3e-4"}},
                      {{"proposals", 4}, {"conservatism", 1.0}}, 2);
}

TEST(ActorCriticUpdate, BitsDoNotDependOnThreadsNorOnOtherAgents) {
  for (const char* name :
       {"td3_bc", "rebrac", "awac", "sac_n", "edac", "msg", "uw_msg", "cql", "xql", "sql"}) {
    const auto after = [&](std::vector<std::uint64_t> seeds, int threads, std::size_t agent) {
      const auto trainee = trainee_of(name, {}, std::move(seeds));
      ThreadTeam team(threads);
      for (int i = 0; i < 5; ++i) trainee->step(team);
      std::vector<float> all;
      const nn::ParameterStore& store = trainee->learner().parameters();
      for (int i = 0; i < store.size(); ++i) {
        const auto x = store.agent(i, static_cast<std::int64_t>(agent));
        all.insert(all.end(), x.begin(), x.end());
      }
      return all;
    };
    const auto alone = after({5}, 1, 0);
    EXPECT_EQ(alone, after({5}, 3, 0)) << name;
    EXPECT_EQ(alone, after({4, 5}, 2, 1)) << name;
  }
}

}  // namespace
}  // namespace hardy::test
