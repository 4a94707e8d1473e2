#include "algorithms/post_training/control_trainee.h"

#include <gtest/gtest.h>

#include "algorithms/acting/evaluate.h"
#include "algorithms/learning/checkpoint.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "tests/algorithms/post_training/control_starts.h"
#include "tests/algorithms/post_training/trainees.h"
#include "tests/engine/run/scratch.h"

namespace hardy::test {
namespace {

using algorithms::ControlData;
using algorithms::ControlTrainee;
using algorithms::Head;
using algorithms::PolicySpec;
using algorithms::PostTrainingSettings;

// Half of the demonstrations of a lock go wrong.
ControlData locks(std::int64_t count = 12) {
  ControlData data = algorithms::control_starts(Lock::kName, 1, 7, count);
  Recording r = recorded(Lock::kName, seeds_of(data), [](const std::vector<double>& now, int t) {
    return now[8] < 0.5 ? right_digit(now, t) : 0.0f;
  });
  auto file = r.reader(Lock::kObservation, 1);
  algorithms::add_demonstrations(data, file);
  return data;
}
ControlData pendulums(std::int64_t count = 6) {
  ControlData data = algorithms::control_starts("pendulum_sparse", 1, 7, count);
  Recording r = recorded("pendulum_sparse", seeds_of(data), swing_up);
  auto file = r.reader(3, 1);
  algorithms::add_demonstrations(data, file);
  return data;
}
PolicySpec small(const ControlData& data, Head head) {
  PolicySpec s;
  s.head = head;
  s.observation_size = data.spec.observation_size;
  s.action_size = data.spec.action_size;
  s.action_choices = data.spec.action_choices;
  s.action_low = data.spec.action_low;
  s.action_high = data.spec.action_high;
  s.hidden = {16};
  s.nonlinearity = nn::Nonlinearity::kTanh;
  if (head == Head::kTanhGaussian) s.log_std_low = -3;
  return s;
}
PostTrainingSettings few(const std::string& method) {
  PostTrainingSettings s = algorithms::post_training_settings(method);
  s.prompts = 3, s.rollouts = 4;
  return s;
}
struct Case {
  ControlData data;
  Head head;
};
std::vector<Case> cases() {
  return {{locks(), Head::kCategorical}, {pendulums(), Head::kGaussian}, {pendulums(), Head::kTanhGaussian}};
}
std::unique_ptr<ControlTrainee> make(const PostTrainingSettings& settings, const Case& of,
                                     std::vector<std::uint64_t> seeds = {3, 9},
                                     const std::vector<algorithms::LoadedPolicy>& base = {}) {
  return std::make_unique<ControlTrainee>(of.data, settings, small(of.data, of.head),
                                          algorithms::ControlTraining{}, std::move(seeds), 20, base);
}
TEST(ControlTrainee, HasTheSameBitsForAnyThreadsAndAfterResuming) {
  for (const Case& of : cases())
    for (const char* method : {"hpt", "sft_then_grpo", "dapg"}) {
      SCOPED_TRACE(std::string(method) + " " + algorithms::name_of(of.head));
      PostTrainingSettings s = few(method);
      s.switch_at = 0.1;
      s.learning_rate = 0.01;
      if (s.when == algorithms::When::kGate) s.gate_kind = "running";  // it has a memory to be kept
      expect_same_bits_for_any_threads_and_after_resuming([&] { return make(s, of); }, 2);
    }
}

TEST(ControlTrainee, AnAgentIsWhatItIsAlone) {
  for (const Case& of : cases()) {
    const auto pair = make(few("hpt"), of), alone = make(few("hpt"), of, {9});
    after(*pair, 3);
    after(*alone, 3);
    expect_same_agent(pair->learner().parameters(), 1, alone->learner().parameters(), 0);
  }
}

TEST(ControlTrainee, HptAtTheGatesEndsIsReinforcementOrImitationBitForBit) {
  for (const Case& of : cases()) {
    PostTrainingSettings hpt = few("hpt"), rl = hpt, sft = hpt;
    rl.when = algorithms::When::kRollouts;
    sft.when = algorithms::When::kDemonstrations;
    hpt.gate = -1;
    EXPECT_EQ(after(*make(hpt, of), 3), after(*make(rl, of), 3));
    hpt.gate = 4;
    EXPECT_EQ(after(*make(hpt, of), 3), after(*make(sft, of), 3));
  }
}

TEST(ControlTrainee, PlaysWhatItTrainsSoThatTheFirstRatioIsOne) {
  for (Case of : cases()) {
    of.data.success_return = 2;  // nobody succeeds, and every rollout is a row of its own return
    PostTrainingSettings s = few("grpo");
    s.rollout_estimator = "reinforce";
    s.entropy_weight = 0.01;
    const auto t = make(s, of);
    ThreadTeam team(2);
    for (int i = 0; i < 3; ++i) {
      t->step(team);
      const algorithms::ReportValues reports = t->own_reports();
      EXPECT_GT(reports.at("tokens")[0], 50) << "all rollouts are rows";
      EXPECT_EQ(reports.at("log_prob_difference/max"), (std::vector<double>{0, 0}));
      EXPECT_EQ(reports.at("clip_share"), (std::vector<double>{0, 0}));
      EXPECT_EQ(reports.at("still_failing")[0], std::min<double>(3 * (i + 1), of.data.starts.size()));
    }
  }
}

TEST(ControlTrainee, ImitatesWhatNoRolloutOfAStartSolved) {
  const Case of{locks(), Head::kCategorical};
  PostTrainingSettings s = few("hpt");
  s.verify_demonstrations = true;
  const std::int64_t right =
      std::ranges::count_if(of.data.starts, [](const auto& start) { return start.demonstration.succeeded; });
  ASSERT_GT(right, 1);
  ASSERT_LT(right, 11);
  s.prompts = 12;
  const auto t = make(s, of);
  ThreadTeam team(2);
  t->step(team);
  EXPECT_DOUBLE_EQ(t->own_reports().at("offline_share")[0], static_cast<double>(right) / 12);
}

TEST(ControlTrainee, HoldsTheFreeLogSigmaAtItsFloor) {
  ControlData data = pendulums();
  PostTrainingSettings s = few("sft");
  s.learning_rate = 0.1;
  ControlTrainee t(data, s, small(data, Head::kGaussian), {.initial_log_std = 1, .log_std_floor = 0.5}, {3},
                   20, {});
  float least = 1;
  ThreadTeam team(1);
  for (int i = 0; i < 10; ++i) {
    t.step(team);
    const nn::ParameterStore& p = t.learner().parameters();
    least = std::min(least, p.agent(p.find("policy/log_std"), 0)[0]);
  }
  EXPECT_EQ(least, 0.5f);
}

TEST(ControlTrainee, WritesAPolicyThatIsEvaluatedAsAnyOther) {
  const Scratch dir;
  for (const Case& of : cases()) {
    const auto t = make(few("sft"), of);
    after(*t, 3);
    t->write_policy_of(1, dir / "one.policy", nlohmann::json::object());
    const algorithms::LoadedPolicy read = algorithms::read_policy(dir / "one.policy");
    EXPECT_EQ(read.spec.log_std_low, small(of.data, of.head).log_std_low);
    ThreadTeam team(1);
    const algorithms::Evaluation e =
        algorithms::evaluate(read.spec, read.parameters, of.data.environment, 10, 42);
    EXPECT_EQ(e.mean_return(), t->evaluate(team).at("return/mean")[1]);

    const auto next = make(few("hpt"), of, {3, 9}, {read});
    EXPECT_EQ(algorithms::policy_parameters(next->learner().parameters(), 0), read.parameters);
    EXPECT_EQ(algorithms::policy_parameters(next->learner().parameters(), 1), read.parameters);
  }
}

TEST(ControlTrainee, IsPulledTowardsWhatItBeganWith) {
  for (const Case& of : cases()) {
    PostTrainingSettings s = few("mix");
    s.learning_rate = 0.01;
    const auto distance = [&](ControlTrainee& t, const std::vector<std::vector<float>>& start) {
      after(t, 8);
      double square = 0;
      const auto now = algorithms::policy_parameters(t.learner().parameters(), 0);
      for (std::size_t i = 0; i < now.size(); ++i)
        for (std::size_t k = 0; k < now[i].size(); ++k)
          square += std::pow(static_cast<double>(now[i][k]) - static_cast<double>(start[i][k]), 2);
      return square;
    };
    const auto free = make(s, of);
    const auto start = algorithms::policy_parameters(free->learner().parameters(), 0);
    s.divergence = "k2";
    s.divergence_weight = 30;
    const auto held = make(s, of);
    EXPECT_LT(distance(*held, start), distance(*free, start));
  }
}

// One of 65,536 sequences is right, and demonstrations say which: rollouts alone never meet it.
TEST(ControlTrainee, HptOpensTheLockThatRolloutsAloneDoNot) {
  ControlData data = algorithms::control_starts(Lock::kName, 1, 7, 16);
  Recording r = recorded(Lock::kName, seeds_of(data), right_digit);
  auto file = r.reader(Lock::kObservation, 1);
  algorithms::add_demonstrations(data, file);
  const auto solved = [&](const std::string& method, double& offline) {
    PostTrainingSettings s = algorithms::post_training_settings(method);
    s.prompts = 8, s.rollouts = 8, s.learning_rate = 0.01;
    ControlTrainee t(data, s, small(data, Head::kCategorical), {.eval_episodes = 100}, {5}, 150, {});
    ThreadTeam team(1);
    for (int i = 0; i < 150; ++i) t.step(team);
    offline = t.own_reports().at("offline_share")[0];
    return t.evaluate(team).at("solve/mean")[0];
  };
  double offline = 1;
  EXPECT_GT(solved("hpt", offline), 0.9);
  EXPECT_EQ(offline, 0);
  EXPECT_LT(solved("dr_grpo", offline), 0.02);
}

}  // namespace
}  // namespace hardy::test
