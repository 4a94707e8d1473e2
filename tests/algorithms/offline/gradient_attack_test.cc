// The gradient attack against a forward pass that is written out here.
#include "algorithms/offline/gradient_attack.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "algorithms/learning/checkpoint.h"
#include "engine/base/error.h"
#include "engine/base/random.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

using datasets::AttackedRows;
using datasets::Element;

constexpr int kObs = 5, kAct = 2, kMembers = 3, kHidden = 16;
constexpr std::int64_t kAgents = 2, kCount = 1500;  // more rows than one pass takes

std::vector<double> deviations(Element e) {
  return e == Element::kActions ? std::vector<double>{0.5, 0.25} : std::vector<double>{1, 0.5, 0, 2, 0.1};
}

// A learner of two agents with a critic ensemble and a policy, its parameters drawn, in a checkpoint.
class GradientAttackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Learner learner({1, 2});
    q_ = learner.network("q", {{kObs + kAct, kHidden, kHidden, 1}, kMembers, nn::Nonlinearity::kRelu, {}});
    pi_ = learner.network("policy", {{kObs, kHidden, kAct}, 0, nn::Nonlinearity::kRelu, {}});
    learner.finish();
    run::ArchiveWriter file("checkpoint", kCheckpointFormat);
    save_learner(learner, file);
    file.write(dir_ / "c.ckpt");
    save_bounds({{-2, 0}, {2, 5}, ""}, file);
    file.write(dir_ / "scaled.ckpt");
    for (const Network* n : {&q_, &pi_})
      for (const int t : n->tensors) {
        const auto x = learner.parameters().agent(t, 1);
        tensors_[n == &q_].emplace_back(x.begin(), x.end());
      }
    const Random random(9, RandomStream::kUser);
    std::uint64_t i = 0;
    const auto fill = [&](std::vector<float>& x, std::size_t n) {
      while (x.size() < n) x.push_back(2 * random.uniform(i++) - 1);
    };
    for (std::int64_t row = 0; row < kCount; ++row) rows_.rows.push_back(3 * row);
    fill(rows_.observations, kCount * kObs);
    fill(rows_.actions, kCount * kAct);
    fill(rows_.next_observations, kCount * kObs);
  }

  // One member's output for one input; weights [in, out].
  static std::vector<double> mlp(const std::vector<std::vector<float>>& tensors, std::vector<double> x,
                                 std::size_t member, std::size_t members) {
    for (std::size_t layer = 0; layer + 1 < tensors.size(); layer += 2) {
      const std::size_t in = x.size(), out = tensors[layer + 1].size() / members;
      std::vector<double> y(out);
      for (std::size_t o = 0; o < out; ++o) {
        y[o] = tensors[layer + 1][member * out + o];
        for (std::size_t k = 0; k < in; ++k) y[o] += x[k] * tensors[layer][(member * in + k) * out + o];
        if (layer + 2 < tensors.size()) y[o] = std::max(0.0, y[o]);
      }
      x = y;
    }
    return x;
  }

  // scaled: of the checkpoint whose actions were scaled from [-2, 2] and [0, 5].
  double value(Element e, std::size_t row, const std::vector<double>& std, std::span<const float> delta,
               bool scaled = false) const {
    const std::size_t width = std.size();
    const std::vector<float>& states = e == Element::kDynamics ? rows_.next_observations : rows_.observations;
    std::vector<double> s(states.begin() + static_cast<std::ptrdiff_t>(row * kObs),
                          states.begin() + static_cast<std::ptrdiff_t>((row + 1) * kObs)),
        a(rows_.actions.begin() + static_cast<std::ptrdiff_t>(row * kAct),
          rows_.actions.begin() + static_cast<std::ptrdiff_t>((row + 1) * kAct));
    for (std::size_t k = 0; k < width; ++k)
      (e == Element::kActions ? a : s)[k] += static_cast<double>(delta[row * width + k]) * std[k];
    if (scaled) a = {a[0] / 2, (a[1] - 2.5) / 2.5};
    if (e == Element::kDynamics) {
      a = mlp(tensors_[0], s, 0, 1);
      for (double& x : a) x = std::tanh(x);
    }
    s.insert(s.end(), a.begin(), a.end());
    double sum = 0;
    for (std::size_t m = 0; m < kMembers; ++m) sum += mlp(tensors_[1], s, m, kMembers)[0];
    return sum / kMembers;
  }

  void expect_values(const char* checkpoint, bool scaled) {
    GradientAttack attack(dir_ / checkpoint, {.agent = 1, .threads = 1});
    for (const Element e : {Element::kObservations, Element::kActions, Element::kDynamics}) {
      const std::vector<double> std = deviations(e);
      std::vector<float> delta(kCount * std.size());
      for (std::size_t i = 0; i < delta.size(); ++i) delta[i] = static_cast<float>(i % 7) / 7 - 0.5f;
      const std::vector<float> v = attack.values(e, rows_, std, delta);
      for (std::size_t row = 0; row < kCount; row += 97)
        EXPECT_NEAR(v[row], value(e, row, std, delta, scaled), 1e-4) << datasets::name_of(e) << row;
    }
  }

  GradientAttack attack_on_agent_1(std::int64_t threads = 1) {
    return GradientAttack(dir_ / "c.ckpt",
                          {.agent = 1, .iterations = 100, .threads = threads, .step_size = 0.01});
  }

  test::Scratch dir_;
  Network q_, pi_;
  std::vector<std::vector<float>> tensors_[2];  // of the policy, of the critic
  AttackedRows rows_;
};

TEST_F(GradientAttackTest, ValuesAreTheEnsemblesMeanAtThePerturbedPlace) { expect_values("c.ckpt", false); }
TEST_F(GradientAttackTest, ACriticOfScaledActionsSeesTheFilesActionsScaled) {
  expect_values("scaled.ckpt", true);
}

TEST_F(GradientAttackTest, StaysInItsBoxAndLowersTheCriticFarMoreThanNoiseDoes) {
  GradientAttack attack = attack_on_agent_1();
  for (const Element e : {Element::kObservations, Element::kActions, Element::kDynamics}) {
    const std::vector<double> std = deviations(e);
    std::vector<float> delta(kCount * std.size()), noise(delta.size()), none(delta.size(), 0);
    attack.attack(e, rows_, std, 0.8, 4, delta);
    const Random random(5, RandomStream::kUser);
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = 0.8f * (2 * random.uniform(i) - 1);
    double attacked = 0, noisy = 0, clean = 0;
    int rows = 0, above = 0;  // a descent may end in a hollow that lies above the clean row's value
    for (std::size_t row = 0; row < kCount; row += 11) {
      attacked += value(e, row, std, delta);
      noisy += value(e, row, std, noise);
      clean += value(e, row, std, none);
      ++rows;
      above += value(e, row, std, delta) > value(e, row, std, none) + 1e-5;
    }
    EXPECT_LT(above, rows / 12) << datasets::name_of(e);
    for (const float d : delta) ASSERT_LE(std::abs(d), 0.8f);
    EXPECT_LT(attacked, clean - 3 * std::abs(noisy - clean)) << datasets::name_of(e);
    // A box whose corners can be tried: no corner is much lower than what the attack found.
    if (e == Element::kActions)
      for (std::size_t row = 0; row < kCount; row += 97) {
        double best = 1e9;
        for (int corner = 0; corner < 4; ++corner) {
          std::vector<float> c(delta.size(), 0);
          c[row * 2] = corner & 1 ? 0.8f : -0.8f;
          c[row * 2 + 1] = corner & 2 ? 0.8f : -0.8f;
          best = std::min(best, value(e, row, std, c));
        }
        EXPECT_LE(value(e, row, std, delta), best + 0.05) << row;
      }
  }
}

TEST_F(GradientAttackTest, ARowsResultDependsOnNeitherItsNeighboursNorTheThreads) {
  const std::vector<double> std = deviations(Element::kObservations);
  std::vector<float> all(kCount * kObs), some(10 * kObs);
  GradientAttack one = attack_on_agent_1(1), two = attack_on_agent_1(2);
  one.attack(Element::kObservations, rows_, std, 1, 4, all);
  AttackedRows few;
  few.rows.assign(rows_.rows.begin() + 1200, rows_.rows.begin() + 1210);
  few.observations.assign(rows_.observations.begin() + 1200 * kObs, rows_.observations.begin() + 1210 * kObs);
  few.actions.assign(rows_.actions.begin() + 1200 * kAct, rows_.actions.begin() + 1210 * kAct);
  few.next_observations = few.observations;
  two.attack(Element::kObservations, few, std, 1, 4, some);
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin() + 1200 * kObs));
}

TEST_F(GradientAttackTest, StopsWithinTwoSecondsOfBeingAsked) {
  using Clock = std::chrono::steady_clock;
  StopSource source;
  GradientAttack attack(dir_ / "c.ckpt", {.agent = 1, .iterations = 1000000000, .threads = 1},
                        source.token());
  const std::vector<double> std = deviations(Element::kActions);
  std::vector<float> delta(kCount * std.size());
  Clock::time_point asked;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    asked = Clock::now();
    source.request_stop();
  });
  EXPECT_THROW(attack.attack(Element::kActions, rows_, std, 0.8, 4, delta), Stopped);
  const Clock::time_point ended = Clock::now();
  other.join();
  EXPECT_LT(ended - asked, std::chrono::seconds(2));
  EXPECT_THROW(attack.values(Element::kActions, rows_, std, delta), Stopped);
}

TEST_F(GradientAttackTest, RefusesVictimsThatAreNone) {
  const auto says = [](const std::filesystem::path& path, std::int64_t agent, const char* part) {
    try {
      GradientAttack(path, {.agent = agent});
      ADD_FAILURE() << path;
    } catch (const Error& e) {
      EXPECT_EQ(e.exit_code(), 2);
      EXPECT_NE(e.message().find(part), std::string::npos) << e.message();
    }
  };
  says(dir_ / "nowhere", 0, "does not exist");
  says(dir_.path(), 0, "no checkpoint");
  says(dir_ / "c.ckpt", 2, "2 agents");
  Learner without({1});
  without.network("policy", {{kObs, kHidden, kAct}, 0, nn::Nonlinearity::kRelu, {}});
  without.finish();
  run::ArchiveWriter file("checkpoint", kCheckpointFormat);
  save_learner(without, file);
  file.write(dir_ / "bc.ckpt");
  says(dir_ / "bc.ckpt", 0, "no critic");
  AttackedRows narrow = rows_;
  narrow.observations.resize(kCount * 3);
  std::vector<float> delta(kCount * 3);
  GradientAttack attack = attack_on_agent_1();
  EXPECT_THROW(attack.attack(Element::kObservations, narrow, std::vector<double>(3, 1), 1, 1, delta), Error);
}

}  // namespace
}  // namespace hardy::algorithms
