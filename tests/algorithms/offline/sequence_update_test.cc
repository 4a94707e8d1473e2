// Whole steps of the decision transformers against the independent float64 NumPy program, what must hold
// whatever the threads and the other agents, and that one learns what is asked of it.
#include <gtest/gtest.h>

#include "algorithms/acting/evaluate.h"
#include "algorithms/acting/policy_file.h"
#include "algorithms/acting/sequence_actor.h"
#include "algorithms/offline/offline_trainee.h"
#include "tests/algorithms/methods.h"
#include "tests/algorithms/offline/example.h"
#include "tests/algorithms/oracle.h"
#include "tests/places.h"

namespace hardy::test {
namespace {

using algorithms::OfflineTrainee;

constexpr std::int64_t kBatch = 6, kSteps = 4, kRows = 40, kWidth = 8, kLayers = 2;
constexpr std::uint64_t kSeed = 3;
const Values kSmall{{"batch-size", "6"},    {"context", "4"},        {"width", "8"},
                    {"layers", "2"},        {"heads", "2"},          {"episode-len", "30"},
                    {"normalise", "false"}, {"reward-scale", "0.1"}, {"learning-rate", "1e-3"},
                    {"warmup-steps", "2"}};

// Episodes of 1, 12, 3 and 24 rows: windows of every length.
datasets::Transitions episodes() {
  datasets::Transitions t = algorithms::example_transitions(kRows);
  for (float& a : t.actions) a = std::clamp(a, -1.0f, 1.0f);
  for (const std::size_t last : {0u, 12u, 15u}) t.episode_end[last] = 1;
  return t;
}

std::unique_ptr<OfflineTrainee> trainee_of(const std::string& name, const Values& values,
                                           std::vector<std::uint64_t> seeds = {kSeed},
                                           const algorithms::DescentDefaults& descent = {.clip_norm = 0.25}) {
  const auto method = method_with(name, over(kSmall, values));
  return std::make_unique<OfflineTrainee>(*method, episodes(), std::move(seeds), std::vector<float>(3, -1.0f),
                                          std::vector<float>(3, 1.0f), nullptr, descent);
}

// The factors of an agent's dropout: 16 bits a number.
nlohmann::json kept(std::uint32_t site, std::int64_t n, double rate, std::uint64_t step) {
  const Random draws(kSeed, 100 + site, step);
  const double below = std::round(65536 * rate);
  std::vector<float> x;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint32_t word = draws.bits(static_cast<std::uint64_t>(i / 2)),
                        half = i % 2 == 0 ? word & 0xFFFF : word >> 16;
    x.push_back(half < below ? 0.0f : static_cast<float>(65536 / (65536 - below)));
  }
  return as_json({n}, x);
}

void compare_with_oracle(const std::string& name, const Values& values, nlohmann::json settings,
                         std::uint64_t before, double embedding, double residual) {
  if (!has_modules("numpy")) GTEST_SKIP() << "skipped: " << python() << " has no numpy";
  const auto trainee = trainee_of(name, values);
  ThreadTeam team(2);
  for (std::uint64_t i = 0; i < before; ++i) trainee->step(team);
  const datasets::Transitions t = episodes();
  nlohmann::json tensors = parameters_of(trainee->learner().parameters());
  tensors["observations"] = as_json({kRows, 5}, t.observations);
  tensors["actions"] = as_json({kRows, 3}, t.actions);
  tensors["rewards"] = as_json({kRows}, t.rewards);
  tensors["ends"] = as_json({kRows}, std::vector<float>(t.episode_end.begin(), t.episode_end.end()));
  std::vector<float> first(kRows);
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<float>(i);
  tensors["first"] = as_json({kBatch}, drawn_rows(first, 1, kBatch, kSeed, before));
  const std::int64_t tokens = 3 * kBatch * kSteps * kWidth,
                     read = (name == "rdt" ? 2 : 1) * kBatch * kSteps * kWidth;
  if (embedding > 0) tensors["keep0"] = kept(0, tokens, embedding, before);
  for (std::uint32_t site = 1; residual > 0 && site <= 2 * kLayers; ++site)
    tensors["keep" + std::to_string(site)] =
        kept(site, site > 2 * kLayers - 2 ? read : tokens, residual, before);
  settings.update({{"method", name},
                   {"T", kSteps},
                   {"layers", kLayers},
                   {"heads", 2},
                   {"reward_scale", 0.1},
                   {"lr", 1e-3},
                   {"decay", 1e-4},
                   {"clip_norm", 0.25},
                   {"step", before},
                   {"warmup", 2}});
  const nlohmann::json out = ask_oracle("sequence_update.py", settings, tensors);
  trainee->step(team);
  // Weights of deviation 0.02 under a layer norm: what float32 rounds off grows by the norm's slope.
  expect_the_oracles_step(trainee->learner(), out, 3e-5);
}

TEST(SequenceUpdate, DtEqualsTheOracleWithAndWithoutDropout) {
  const Values off{{"embedding-dropout", "0"}, {"residual-dropout", "0"}};
  compare_with_oracle("dt", off, {}, 0, 0, 0);
  compare_with_oracle("dt", {}, {}, 1, 0.1, 0.1);
  compare_with_oracle("dt", {{"embedding-dropout", "0.3"}, {"residual-dropout", "0"}}, {}, 3, 0.3, 0);
}

TEST(SequenceUpdate, RdtEqualsTheOracleWithItsErrorsWeightedOrNot) {
  const auto settings = [](double action, double reward, double coef) {
    return nlohmann::json{{"action_weight", action}, {"reward_weight", reward}, {"reward_coef", coef}};
  };
  compare_with_oracle("rdt", {{"residual-dropout", "0"}}, settings(1, 1, 1), 0, 0.2, 0);
  compare_with_oracle("rdt", {{"wmse-action", "5"}, {"wmse-reward", "30"}, {"reward-coef", "0.3"}},
                      settings(5, 30, 0.3), 2, 0.2, 0.1);
  compare_with_oracle(
      "rdt", {{"wmse-action", "0"}, {"wmse-reward", "0"}, {"correct-actions", "0"}, {"correct-rewards", "0"}},
      settings(0, 0, 1), 1, 0.2, 0.1);
}

std::vector<float> own_column(OfflineTrainee& trainee, const std::string& name, std::int64_t agent = 0) {
  const nn::ParameterStore& store = trainee.learner().parameters();
  const auto x = store.agent(store.find("data/" + name), agent);
  return {x.begin(), x.end()};
}

// Every step is more than a tenth of a deviation from the mean of errors, but for the few that are not.
TEST(SequenceUpdate, WhatIsCorrectedIsTheAgentsOwnAndReturnsFollowTheRewards) {
  const Values values{{"correct-start", "3"}, {"correct-actions", "0.1"}, {"correct-rewards", "0.1"}};
  const auto trainee = trainee_of("rdt", values, {kSeed, 8});
  const datasets::Transitions t = episodes();
  ThreadTeam team(2);
  const auto began = [&](std::vector<float> x, std::int64_t width) {
    x.resize(x.size() + static_cast<std::size_t>(width), 0.0f);  // the row of padding
    return x;
  };
  for (int i = 0; i < 3; ++i) trainee->step(team);
  EXPECT_EQ(own_column(*trainee, "actions"), began(t.actions, 3));  // not yet
  EXPECT_EQ(own_column(*trainee, "rewards"), began(t.rewards, 1));
  trainee->step(team);
  const auto share = trainee->learner().reports().at("corrected/actions");
  EXPECT_GT(share[0], 0.5);
  for (int i = 0; i < 5; ++i) trainee->step(team);
  for (const std::int64_t agent : {0, 1}) {
    const std::vector<float> actions = own_column(*trainee, "actions", agent),
                             rewards = own_column(*trainee, "rewards", agent),
                             to_go = own_column(*trainee, "returns_to_go", agent);
    EXPECT_NE(actions, began(t.actions, 3));
    for (const float a : actions) EXPECT_LE(std::abs(a), 1);
    double sum = 0;
    for (std::size_t row = kRows; row-- > 0;) {
      if (t.episode_end[row] || row + 1 == kRows) sum = 0;
      sum += static_cast<double>(rewards[row]);
      EXPECT_NEAR(to_go[row], sum, 1e-4) << row;
    }
    EXPECT_EQ(rewards[kRows], 0);  // padding stays what it is
    EXPECT_EQ(to_go[kRows], 0);
  }
  EXPECT_NE(own_column(*trainee, "rewards", 0), own_column(*trainee, "rewards", 1));
}

std::vector<float> parameters_after(OfflineTrainee& trainee, int threads, std::int64_t agent) {
  ThreadTeam team(threads);
  for (int i = 0; i < 5; ++i) trainee.step(team);
  std::vector<float> all;
  const nn::ParameterStore& store = trainee.learner().parameters();
  for (int i = 0; i < store.size(); ++i) {
    const auto x = store.agent(i, agent);
    all.insert(all.end(), x.begin(), x.end());
  }
  return all;
}

TEST(SequenceUpdate, BitsDoNotDependOnThreadsNorOnOtherAgents) {
  const Values corrects{{"correct-start", "1"}, {"correct-actions", "0.5"}, {"correct-rewards", "0.5"}};
  for (const auto& [name, values] : {std::pair{"dt", Values{}}, std::pair{"rdt", corrects}}) {
    const std::vector<float> alone = parameters_after(*trainee_of(name, values, {5}), 1, 0);
    EXPECT_EQ(alone, parameters_after(*trainee_of(name, values, {5}), 3, 0)) << name;
    EXPECT_EQ(alone, parameters_after(*trainee_of(name, values, {4, 5}), 2, 1)) << name;
  }
}

TEST(SequenceUpdate, ABatchInPartsHasTheSameRowsAndDropoutAsTheWhole) {
  const std::vector<float> whole = parameters_after(*trainee_of("dt", {}, {5}), 1, 0),
                           parts = parameters_after(
                               *trainee_of("dt", {}, {5}, {.clip_norm = 0.25, .passes = 3}), 1, 0);
  ASSERT_EQ(whole.size(), parts.size());
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(whole[i], parts[i], 2e-5) << i;
}

// Two steps to an episode, no observation; the first action's sign is the return: 1 or -1.
datasets::Transitions signs() {
  datasets::Transitions t;
  t.rows = 400, t.observation_size = 1, t.action_size = 1;
  t.observations.assign(400, 0.5f);
  t.next_observations.assign(400, 0.5f);
  t.terminals.assign(400, 0.0f);
  t.episode_end.assign(400, 0);
  const Random draws(9, RandomStream::kUser);
  for (std::uint64_t e = 0; e < 200; ++e) {
    const float sign = draws.bits(e) % 2 == 0 ? 1.0f : -1.0f;
    t.actions.insert(t.actions.end(), {0.8f * sign, 0.0f});
    t.rewards.insert(t.rewards.end(), {0.25f * sign, 0.75f * sign});
    t.episode_end[2 * e + 1] = 1;
  }
  return t;
}

// Of 200 episodes with the same reward twice, 12 have another one of 30 at the first step.
TEST(SequenceUpdate, RdtFindsTheRewardsThatDoNotFitAndMendsThem) {
  datasets::Transitions t = signs();
  std::fill(t.rewards.begin(), t.rewards.end(), 1.0f);
  for (std::size_t e = 0; e < 12; ++e) t.rewards[2 * (16 * e + 3)] = 30;
  const auto method = method_with("rdt", {{"batch-size", "64"},
                                          {"context", "2"},
                                          {"width", "16"},
                                          {"layers", "1"},
                                          {"episode-len", "8"},
                                          {"reward-scale", "0.1"},
                                          {"learning-rate", "3e-3"},
                                          {"warmup-steps", "10"},
                                          {"normalise", "false"},
                                          {"correct-start", "300"},
                                          {"correct-rewards", "3"},
                                          {"correct-actions", "0"},
                                          {"embedding-dropout", "0.05"}});
  OfflineTrainee trainee(*method, t, {1}, {-2.0f}, {2.0f});
  ThreadTeam team(1);
  for (int i = 0; i < 400; ++i) trainee.step(team);
  const std::vector<float> rewards = own_column(trainee, "rewards"),
                           to_go = own_column(trainee, "returns_to_go");
  for (std::size_t row = 0; row < 400; ++row) {
    EXPECT_NEAR(rewards[row], 1, t.rewards[row] == 1 ? 1e-6 : 1) << row;  // those that fit are as they were
    EXPECT_NEAR(to_go[row], row % 2 == 0 ? 2 : 1, t.rewards[row] == 1 ? 1e-4 : 1) << row;
  }
}

TEST(SequenceUpdate, ThePolicyDoesWhatWasFollowedByTheReturnItIsAskedFor) {
  const auto method = method_with("dt", {{"batch-size", "32"},
                                         {"context", "3"},
                                         {"width", "16"},
                                         {"layers", "1"},
                                         {"episode-len", "8"},
                                         {"reward-scale", "1"},
                                         {"learning-rate", "3e-3"},
                                         {"warmup-steps", "10"},
                                         {"normalise", "false"}});
  OfflineTrainee trainee(*method, signs(), {1}, {-2.0f}, {2.0f});
  EXPECT_EQ(trainee.policy().sequence.target_return, 1);  // the best of the data
  ThreadTeam team(1);
  for (int i = 0; i < 400; ++i) trainee.step(team);
  for (const double target : {1.0, -1.0}) {
    algorithms::PolicySpec spec = trainee.policy();
    spec.sequence.target_return = target;
    const auto actor =
        algorithms::make_actor(spec, 2, algorithms::policy_parameters(trainee.learner().parameters(), 0));
    ActionMemory actions(1, 0, 2);
    const std::vector<double> observations(2, 0.5);
    std::vector<float> log_probs(2);
    actor->act(observations, {}, actions, log_probs, team);
    EXPECT_NEAR(actions.numbers[0], 0.8 * target, 0.3) << target;
    EXPECT_EQ(actions.numbers[0], actions.numbers[1]);
    actor->rewarded(std::vector<double>(2, 0.25 * target));
    actor->act(observations, {}, actions, log_probs, team);
    EXPECT_NEAR(actions.numbers[0], 0, 0.3) << target;
  }
}

// What a policy does at each step of an episode is what the network says of the window that ends there.
TEST(SequenceActor, SeesTheLastStepsOfItsEpisodeAndTheReturnThatIsLeft) {
  const auto trainee = trainee_of("dt", {});
  algorithms::PolicySpec spec = trainee->policy();
  spec.sequence.target_return = 7;
  const auto parameters = algorithms::policy_parameters(trainee->learner().parameters(), 0);
  ThreadTeam team(1);
  const Random draws(2, RandomStream::kUser);
  const std::int64_t T = kSteps;
  algorithms::SequenceActor actor(spec, 2, parameters);
  // An actor that has begun anew shows nothing of what was before; row 1 is in its third episode.
  ActionMemory actions(3, 0, 2);
  std::vector<float> log_probs(2);
  std::vector<std::vector<float>> seen, did, left;
  double to_go = 7;
  for (std::uint64_t step = 0; step < 9; ++step) {
    if (step == 2) {
      actor.start(1);
      seen.clear(), did.clear(), left.clear();
      to_go = 7;
    }
    std::vector<double> observations;
    for (std::uint64_t i = 0; i < 10; ++i) observations.push_back(draws.normal(10 * step + i));
    actor.act(observations, {}, actions, log_probs, team);
    seen.emplace_back(observations.begin() + 5, observations.end());
    left.push_back({static_cast<float>(to_go * 0.1)});
    // The same windows through a graph of one window.
    const auto n = static_cast<std::int64_t>(seen.size()), from = std::max<std::int64_t>(0, n - T),
               steps = n - from;
    graph::Graph g;
    const auto network = std::static_pointer_cast<const nn::DecisionTransformer>(spec.network());
    std::vector<graph::Tensor> tensors;
    for (const nn::TensorSpec& t : network->tensors("policy", 1))
      tensors.push_back(g.parameter(t.name, DType::kF32, t.shape));
    const auto input = [&](const char* name, DType type, const Shape& shape) {
      return g.input(name, type, shape);
    };
    const nn::StepWindows in{1,
                             steps,
                             input("R", DType::kF32, {1, 1, steps}),
                             input("s", DType::kF32, {1, 1, steps, 5}),
                             input("a", DType::kF32, {1, 1, steps, 3}),
                             input("t", DType::kI32, {1, 1, steps}),
                             input("first", DType::kI32, {1, 1}),
                             input("last", DType::kI32, {1, 1})};
    const graph::Tensor out =
        network->actions(g, tensors, network->hidden(g, tensors, in, false).observations);
    graph::Plan plan(g, std::vector{out}, {});
    std::vector<std::vector<float>> own = parameters;
    for (std::size_t i = 0; i < own.size(); ++i) plan.bind(tensors[i], own[i].data());
    std::fill_n(plan.data<float>(in.actions), 3 * steps, 0.0f);
    for (std::int64_t k = 0; k < steps; ++k) {
      const auto at = static_cast<std::size_t>(from + k);
      std::ranges::copy(left[at], plan.data<float>(in.returns) + k);
      std::ranges::copy(seen[at], plan.data<float>(in.observations) + 5 * k);
      if (at < did.size()) std::ranges::copy(did[at], plan.data<float>(in.actions) + 3 * k);
      plan.data<std::int32_t>(in.times)[k] = static_cast<std::int32_t>(at);
    }
    plan.data<std::int32_t>(in.token_starts)[0] = 0;
    plan.data<std::int32_t>(in.token_ends)[0] = static_cast<std::int32_t>(3 * steps);
    plan.run(team);
    const float* last = plan.data<float>(out) + 3 * (steps - 1);
    did.emplace_back(last, last + 3);
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(actions.numbers[3 + k], last[k], 1e-6) << step;
    const double reward = draws.normal(1000 + step);
    to_go -= reward;
    actor.rewarded(std::vector<double>{0.0, reward});
  }
}

TEST(SequenceActor, APolicyFileHoldsAllThatActingNeeds) {
  const auto trainee = trainee_of("dt", {{"normalise", "true"}, {"target-return", "12.5"}});
  ThreadTeam team(1);
  trainee->step(team);
  const Scratch dir;
  const auto parameters = algorithms::policy_parameters(trainee->learner().parameters(), 0);
  algorithms::write_policy(dir / "p.policy", trainee->policy(), parameters, {{"method", "dt"}});
  const algorithms::LoadedPolicy read = algorithms::read_policy(dir / "p.policy");
  EXPECT_EQ(read.spec.sequence.target_return, 12.5);
  EXPECT_EQ(read.spec.sequence.context, kSteps);
  EXPECT_EQ(read.parameters, parameters);
  const auto play = [&](const algorithms::PolicySpec& spec, const std::vector<std::vector<float>>& those) {
    const auto actor = algorithms::make_actor(spec, 1, those);
    ActionMemory actions(3, 0, 1);
    std::vector<float> all, log_probs(1);
    for (int step = 0; step < 6; ++step) {
      actor->act(std::vector<double>{0.1, -0.4, 0.3 * step, 1, 2}, {}, actions, log_probs, team);
      all.insert(all.end(), actions.numbers.begin(), actions.numbers.end());
      actor->rewarded(std::vector<double>{1.5});
    }
    return all;
  };
  EXPECT_EQ(play(read.spec, read.parameters), play(trainee->policy(), parameters));
  EXPECT_THROW(algorithms::Actor(read.spec, 1, read.parameters), Error);  // one observation is not enough
}

TEST(SequenceModel, WhatDoesNotFitIsRefused) {
  EXPECT_THROW(method_with("dt", {{"heads", "3"}}), Error);
  EXPECT_THROW(method_with("dt", {{"target-return", "best"}}), Error);
  EXPECT_THROW(trainee_of("dt", {{"episode-len", "23"}}), Error);  // there is an episode of 24
  EXPECT_NO_THROW(trainee_of("dt", {{"episode-len", "24"}}));
  // What is written over would be drawn from by the later parts of a batch.
  EXPECT_THROW(trainee_of("rdt", {}, {kSeed}, {.clip_norm = 0.25, .passes = 3}), Error);
  EXPECT_NO_THROW(trainee_of("rdt", {{"correct-actions", "0"}, {"correct-rewards", "0"}}, {kSeed},
                             {.clip_norm = 0.25, .passes = 3}));
}

}  // namespace
}  // namespace hardy::test
