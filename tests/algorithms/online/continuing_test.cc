// Offline methods that go on by interacting: what each phase is made of, and bits after a stop.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "algorithms/acting/bounds.h"
#include "algorithms/learning/checkpoint.h"
#include "algorithms/online/continuing_trainee.h"
#include "engine/base/error.h"
#include "engine/ops/reduce.h"
#include "tests/algorithms/methods.h"
#include "tests/engine/run/scratch.h"

namespace hardy::test {
namespace {

using algorithms::ContinuingTrainee;
using algorithms::OfflineTrainee;
using algorithms::OnlineSettings;
using datasets::Element;

constexpr std::int64_t kOffline = 12, kOnline = 24;

// 200 rows of pendulum's sizes: noise that no pendulum makes.
datasets::Transitions some_transitions() {
  datasets::Transitions t;
  t.rows = 200, t.observation_size = 3, t.action_size = 1;
  const auto fill = [](std::vector<float>& x, std::size_t n, std::uint64_t which, double scale) {
    for (std::size_t i = 0; i < n; ++i)
      x.push_back(static_cast<float>(scale * Random(which, RandomStream::kUser).normal(i)));
  };
  fill(t.observations, 600, 1, 3);
  fill(t.actions, 200, 2, 0.5);
  fill(t.rewards, 200, 3, 1);
  fill(t.next_observations, 600, 4, 3);
  t.terminals.assign(200, 0);
  t.episode_end.assign(200, 0);
  return t;
}

struct Made {
  std::unique_ptr<algorithms::Method> method;
  std::unique_ptr<ContinuingTrainee> trainee;
};

std::unique_ptr<algorithms::Method> small(const std::string& name, Values values = {}) {
  return method_with(name, over({{"hidden", "8"}, {"batch-size", "8"}}, values));
}
std::unique_ptr<OfflineTrainee> offline(const algorithms::Method& method) {
  return std::make_unique<OfflineTrainee>(method, some_transitions(), std::vector<std::uint64_t>{3, 4},
                                          std::vector<float>{-2}, std::vector<float>{2});
}
Made made(const std::string& name, const OnlineSettings& settings, const Values& values = {}) {
  Made run{small(name, values), nullptr};
  run.trainee = std::make_unique<ContinuingTrainee>(*run.method, name, offline(*run.method), kOffline,
                                                    "pendulum", settings);
  return run;
}
OnlineSettings settings_with(const std::function<void(OnlineSettings&)>& change) {
  OnlineSettings s;
  s.steps = kOnline;
  change(s);
  return s;
}

std::string saved(ContinuingTrainee& trainee, const std::filesystem::path& file) {
  run::ArchiveWriter archive("checkpoint", algorithms::kCheckpointFormat);
  algorithms::save_learner(trainee.learner(), archive);
  algorithms::save_bounds(trainee.policy().bounds(), archive);
  trainee.save(archive);
  archive.write(file);
  return contents(file);
}
void steps(ContinuingTrainee& trainee, std::int64_t n, int threads = 1) {
  ThreadTeam team(threads);
  for (std::int64_t i = 0; i < n; ++i) trainee.step(team);
}

TEST(ContinuingBits, AreTheSameAfterAStopInEitherPhaseAndForTwoThreads) {
  for (const std::string method : {"iql", "riql", "awac"}) {
    const OnlineSettings settings = settings_with([](OnlineSettings& s) {
      s.expansion = true;
      s.corruption = {{Element::kRewards, Element::kDynamics}, 0.5, 1};
    });
    const Scratch dir;
    Made whole = made(method, settings);
    steps(*whole.trainee, kOffline + kOnline);
    const std::string expected = saved(*whole.trainee, dir / "whole");
    EXPECT_EQ(whole.trainee->steps_done(), kOffline + kOnline);
    for (const std::int64_t stop : {kOffline - 5, kOffline, kOffline + 1, kOffline + 17}) {
      Made before = made(method, settings), after = made(method, settings);
      steps(*before.trainee, stop, 2);
      saved(*before.trainee, dir / "stopped");
      // Twice, as `resume --steps` does, which looks first whether the checkpoint fits.
      for (int i = 0; i < 2; ++i)
        algorithms::restore(*after.trainee,
                            run::Archive::read(dir / "stopped", "checkpoint", algorithms::kCheckpointFormat),
                            "stopped");
      ASSERT_EQ(after.trainee->steps_done(), stop);
      steps(*after.trainee, kOffline + kOnline - stop, 2);
      EXPECT_TRUE(saved(*after.trainee, dir / "after") == expected) << method << " stopped at " << stop;
    }
  }
}

TEST(Continuing, ItsOfflinePhaseIsThePlainRunToTheBit) {
  for (const char* name : {"iql", "riql", "awac", "td3_bc"}) {
    Made run = made(name, settings_with([](OnlineSettings&) {}));
    steps(*run.trainee, kOffline);
    EXPECT_FALSE(run.trainee->online());
    const auto method = small(name);
    const std::unique_ptr<OfflineTrainee> plain = offline(*method);
    ThreadTeam team(1);
    for (int i = 0; i < kOffline; ++i) plain->step(team);
    const auto all = [](algorithms::Learner& l) {
      const std::span<const float> x = l.parameters().values();
      return std::vector<float>(x.begin(), x.end());
    };
    EXPECT_EQ(all(run.trainee->learner()), all(plain->learner())) << name;
    // What was learned, moments and counters too, is what goes on.
    const std::vector<float> learned = all(run.trainee->learner());
    steps(*run.trainee, 1);  // before the first online learning step, which waits for four rows
    EXPECT_TRUE(run.trainee->online());
    EXPECT_EQ(all(run.trainee->learner()), learned);
    EXPECT_EQ(run.trainee->learner().steps_done(), kOffline);
    steps(*run.trainee, 3);
    EXPECT_EQ(run.trainee->learner().steps_done(), kOffline + 1);
    EXPECT_NE(all(run.trainee->learner()), learned);
  }
}

TEST(Continuing, ABatchTakesItsShareOfNewRowsFromEachAgentsOwnReplayAndBelievesThem) {
  // Of width 3 and 1; the second agent's numbers are 2.
  std::vector<float> zeros(200 * 3, 0.0f), wide(2 * 40 * 3, 1.0f), narrow(2 * 40, 1.0f);
  std::fill(wide.begin() + 40 * 3, wide.end(), 2.0f);
  std::fill(narrow.begin() + 40, narrow.end(), 2.0f);
  std::int32_t rows = 200, own = 5;
  const auto tables = [](std::vector<float>& three, std::vector<float>& one, std::int32_t& n,
                         std::int64_t capacity, bool shared) {
    return algorithms::TransitionTables{.observations = three.data(),
                                        .actions = one.data(),
                                        .rewards = one.data(),
                                        .next_observations = three.data(),
                                        .terminals = one.data(),
                                        .rows = &n,
                                        .capacity = capacity,
                                        .shared = shared};
  };
  for (const auto& [share, new_rows] : {std::pair{0.5, 4}, {0.25, 2}, {1.0, 8}, {0.01, 1}}) {
    algorithms::Learner learner({1, 2});
    algorithms::TransitionTables judged = tables(zeros, zeros, rows, 200, true);
    judged.trust = judged.imitation = zeros.data();
    judged.reward_span = {{-1, 1}};
    const algorithms::MixedSource source(judged, tables(wide, narrow, own, 40, false), share, 3, 1, 8);
    algorithms::Update& u = learner.update("u");
    const algorithms::Batch b = source.batch(u);
    EXPECT_EQ(b.rows, 8);
    EXPECT_EQ(b.reward_span, judged.reward_span);
    EXPECT_FALSE(b.action_trust);
    EXPECT_EQ(static_cast<bool>(b.trust), share < 1);
    if (b.trust) u.report("trust", ops::mean_per_agent(u.graph(), b.trust));
    if (b.imitation) u.report("imitation", ops::mean_per_agent(u.graph(), b.imitation));
    const auto w = learner.vector("w", 1, 0.0f);
    u.minimise("w", ops::mean_per_agent(u.graph(), u.parameter(w, 0)), {w}, {});
    u.report("rewards", ops::mean_per_agent(u.graph(), b.rewards));
    u.report("next", ops::mean_per_agent(u.graph(), b.next_observations));
    learner.finish();
    ThreadTeam team(1);
    for (int i = 0; i < 3; ++i) {
      learner.step(team);
      const auto reports = learner.reports();
      // What was gathered is believed and imitated, the dataset's rows are not.
      for (const char* name : {"trust", "imitation"})
        if (b.trust) {
          EXPECT_FLOAT_EQ(static_cast<float>(reports.at(name)[1]), static_cast<float>(new_rows) / 8);
        }
      for (const char* name : {"rewards", "next"}) {
        EXPECT_FLOAT_EQ(static_cast<float>(reports.at(name)[0]), static_cast<float>(new_rows) / 8);
        EXPECT_FLOAT_EQ(static_cast<float>(reports.at(name)[1]), static_cast<float>(2 * new_rows) / 8);
      }
    }
  }
}

// A reward of a pendulum lies in [-16.3, 0], and an angle's cosine and sine in [-1, 1].
TEST(Continuing, NewRowsAreNormalisedByTheDatasetAndActionsScaledFromTheTasksBounds) {
  Made run = made("riql", settings_with([](OnlineSettings& s) { s.noise = 1; }));
  steps(*run.trainee, kOffline + kOnline);
  const algorithms::PolicySpec spec = run.trainee->policy();
  ASSERT_EQ(spec.observation_mean.size(), 3u);
  const std::vector<float>& seen = run.trainee->interaction().replay().observations();
  for (std::size_t row = 0; row < kOnline; ++row) {
    double radius = 0;
    for (std::size_t k = 0; k < 2; ++k)
      radius += std::pow(seen[row * 3 + k] * spec.observation_std[k] + spec.observation_mean[k], 2);
    EXPECT_NEAR(radius, 1, 1e-5) << row;  // cos^2 + sin^2
  }
  bool wide = false;
  for (const float a : run.trainee->interaction().replay().actions()) {
    EXPECT_LE(std::abs(a), 1);
    wide = wide || std::abs(a) > 0.75f;  // torques beyond 1.5 of 2
  }
  EXPECT_TRUE(wide);
}

TEST(Continuing, NoiseIsAddedToADeterministicPolicysActionsAlone) {
  const auto actions = [](const Values& values, double noise) {
    Made run = made("iql", settings_with([&](OnlineSettings& s) { s.noise = noise; }), values);
    steps(*run.trainee, kOffline + 1);
    const std::vector<float>& all = run.trainee->interaction().replay().actions();
    return std::pair(all[0], all[kOnline]);  // the first of both agents
  };
  EXPECT_EQ(actions({{"head", "gaussian"}}, 0), actions({{"head", "gaussian"}}, 0.2));
  const auto still = actions({}, 0), moved = actions({}, 0.2);
  EXPECT_NE(still.first, moved.first);
  EXPECT_LT(std::abs(still.first - moved.first), 5 * 0.2);
  EXPECT_NE(still.first - moved.first, still.second - moved.second);  // an agent's own
}

// The noise's law: a share of the steps, uniform in [-scale, scale] deviations, and nothing else is touched.
TEST(Feedback, IsAttackedAtItsRateWithinItsScaleAndOnlyInTheNamedElements) {
  datasets::Transitions t = some_transitions();
  const double scale = 0.7;
  const algorithms::FeedbackCorruption attack({{Element::kObservations, Element::kRewards}, 0.3, scale}, t);
  std::vector<double> moves, rewards;
  int any = 0;
  constexpr int kSteps = 4000;
  for (int i = 0; i < kSteps; ++i) {
    std::vector<float> s{1, 2, 3}, a{0.5f}, next{4, 5, 6};
    float reward = 7;
    any += attack.corrupt(Random(1, RandomStream::kExplore, static_cast<std::uint64_t>(i)), 1 << 22,
                          {s, a, &reward, next});
    EXPECT_EQ(a[0], 0.5f);
    EXPECT_EQ(next, (std::vector<float>{4, 5, 6}));
    if (s[0] != 1) moves.push_back(s[0] - 1);
    if (reward != 7) rewards.push_back(reward);
  }
  double square = 0, mean = 0;
  for (std::size_t i = 0; i < 600; i += 3) mean += t.observations[i] / 200.0;
  for (std::size_t i = 0; i < 600; i += 3) square += std::pow(t.observations[i] - mean, 2) / 200;
  const double std = std::sqrt(square);
  const auto near = [&](std::size_t n, double p) {  // five deviations of a binomial
    EXPECT_NEAR(static_cast<double>(n) / kSteps, p, 5 * std::sqrt(p * (1 - p) / kSteps));
  };
  near(moves.size(), 0.3);
  near(rewards.size(), 0.3);
  near(static_cast<std::size_t>(any), 1 - 0.7 * 0.7);  // the elements' masks are their own
  const auto range = [](const std::vector<double>& x) { return std::ranges::minmax(x); };
  EXPECT_GT(range(moves).min, -scale * std);
  EXPECT_LT(range(moves).min, -0.98 * scale * std);
  EXPECT_LT(range(moves).max, scale * std);
  EXPECT_GT(range(moves).max, 0.98 * scale * std);
  EXPECT_GT(range(rewards).min, -30 * scale);
  EXPECT_LT(range(rewards).max, 30 * scale);
  EXPECT_GT(range(rewards).max, 0.98 * 30 * scale);
}

TEST(Continuing, AReplayThatDoesNotFitNamesTheKeyThatAskedForIt) {
  envs::EnvSpec spec;
  spec.observation_size = 3, spec.action_size = 1;
  spec.action_low = {-1}, spec.action_high = {1};
  for (const std::string key : {"--capacity", "--online-steps"}) {
    try {
      const algorithms::Replay replay(4096, 1000000000, spec, key);
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.where(), key);
      EXPECT_NE(e.message().find("a smaller " + key), std::string::npos) << e.message();
    }
  }
}

TEST(Continuing, CorruptedFeedbackChangesWhatIsStoredAndNotWhereTheEnvironmentGoes) {
  const auto first_rows = [](double rate) {
    Made run = made("iql", settings_with([&](OnlineSettings& s) {
                      s.corruption = {{Element::kObservations}, rate, 1};
                    }));
    steps(*run.trainee, kOffline + 3);  // none of which learns
    const algorithms::Replay& replay = run.trainee->interaction().replay();
    return std::pair(std::vector<float>(replay.observations().begin(), replay.observations().begin() + 9),
                     std::vector<float>(replay.actions().begin(), replay.actions().begin() + 3));
  };
  const auto clean = first_rows(0), attacked = first_rows(1);
  EXPECT_EQ(clean.second, attacked.second);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_NE(clean.first[i], attacked.first[i]);
}

// Policies that always say tanh(+-1), and a critic whose value is the action's sign.
class Choice : public ::testing::Test {
 protected:
  static void set(algorithms::Learner& l, const std::string& tensor, std::size_t i, float value) {
    l.write_parameters([&](nn::ParameterStore& store) {
      const int t = store.find(tensor);
      ASSERT_GE(t, 0) << tensor;
      for (std::int64_t a = 0; a < store.agents(); ++a) store.agent(t, a)[i] = value;
    });
  }
  void build(algorithms::Learner& l, float says) {
    l.network("policy", spec_.mlp());
    l.network("q", {{4, 1}, 2, nn::Nonlinearity::kRelu, {}});
    l.finish();
    l.write_parameters([](nn::ParameterStore& store) { std::ranges::fill(store.values(), 0.0f); });
    const nn::ParameterStore& store = l.parameters();
    for (int t = 0; t < store.size(); ++t) {
      if (store.name(t).starts_with("policy/") && store.shape(t).elements() == 2)
        set(l, store.name(t), 0, says);
      if (store.name(t).starts_with("q/") && store.shape(t).elements() == 2 * 2 * 4)
        for (const std::size_t member : {0, 1})
          set(l, store.name(t), member * 4 + 3, 1 + static_cast<float>(member));
    }
  }
  // The share of 2000 choices that are the frozen policy's, which says tanh(1); the other says tanh(-1).
  double share(double temperature) {
    algorithms::Learner frozen({1, 2}), learning({1, 2});
    build(frozen, 1);
    build(learning, -1);
    algorithms::Expansion expansion(spec_, frozen.parameters(), learning, temperature);
    ThreadTeam team(1);
    int taken = 0;
    for (std::uint64_t t = 0; t < 1000; ++t) {
      ActionMemory actions(1, 0, 2);
      actions.numbers = {-2 * std::tanh(1.0f), -2 * std::tanh(1.0f)};
      expansion.choose(std::vector<double>(6, 0.0),
                       std::vector<Random>{{1, RandomStream::kExplore, t}, {2, RandomStream::kExplore, t}}, 7,
                       actions, team);
      for (const std::size_t a : {0, 1}) {
        EXPECT_NEAR(actions.numbers[a], (expansion.took_offline()[a] ? 2 : -2) * std::tanh(1.0), 1e-5);
        taken += expansion.took_offline()[a];
      }
    }
    return taken / 2000.0;
  }
  algorithms::PolicySpec spec_ = [] {
    algorithms::PolicySpec s;
    s.observation_size = 3, s.action_size = 1, s.hidden = {2};
    s.action_low = {-2}, s.action_high = {2};
    return s;
  }();
};

// min over the members of Q at a: 2 a where a < 0, a where a > 0; a gap of 3 tanh 1.
TEST_F(Choice, FollowsTheSoftmaxOfTheSmallestCritic) {
  for (const double temperature : {0.05, 2.0, 1e6}) {
    const double p = 1 / (1 + std::exp(-3 * std::tanh(1.0) / temperature));
    EXPECT_NEAR(share(temperature), p, 5 * std::sqrt(p * (1 - p) / 2000) + 1e-12) << temperature;
  }
}

}  // namespace
}  // namespace hardy::test
