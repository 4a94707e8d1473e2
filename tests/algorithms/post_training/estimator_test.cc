#include "algorithms/post_training/estimator.h"

#include <gtest/gtest.h>

#include <numbers>
#include <string>

#include "engine/base/error.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/gather.h"
#include "engine/ops/reshape.h"
#include "engine/ops/softmax.h"
#include "engine/ops/take.h"
#include "tests/algorithms/post_training/tree.h"
#include "tests/engine/ops/check.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

using test::Graph;
using test::Logits;
using test::Plan;
using test::Sequence;
using test::Tensor;

const std::vector<Sequence> kGroup{{0, 1, 2}, {2}, {1, 0, 0}, {1, 2}};
const std::vector<double> kReturns{1, 0, 0, 1};

// What the estimator's gradient is on these sequences, by the graph: theta's logits in, minus the gradient of
// the loss out.
Logits gradient(const Estimator& e, const std::vector<Sequence>& sequences,
                const std::vector<double>& advantage, const Logits& theta = test::kTheta,
                const Logits& behaviour = test::kOld) {
  const auto B = static_cast<std::int64_t>(sequences.size());
  constexpr auto T = static_cast<std::int64_t>(test::kLongest);
  std::vector<std::int32_t> state, action;
  std::vector<double> old, reference, token, weight, length;
  double tokens = 0;
  for (const Sequence& s : sequences) tokens += static_cast<double>(s.size());
  for (const Sequence& s : sequences) {
    length.push_back(static_cast<double>(s.size()));
    for (std::size_t t = 0; t < test::kLongest; ++t) {
      const bool real = t < s.size();
      state.push_back(real ? static_cast<std::int32_t>(test::state_after(s, t)) : 6);
      action.push_back(real ? s[t] : 1);
      const auto x = static_cast<std::size_t>(state.back());
      old.push_back(test::log_prob(behaviour, x, action.back()));
      reference.push_back(test::log_prob(test::kReference, x, action.back()));
      token.push_back(real ? 1 : 0);
      weight.push_back(
          token_weight(e.aggregation, length.back(), static_cast<double>(B), tokens, e.max_length));
    }
  }
  Graph g;
  const Tensor logits = g.parameter("theta", DType::kF64, {1, 7, 3});
  const auto input = [&](const char* name, const Shape& shape) { return g.input(name, DType::kF64, shape); };
  const Tensor rows = g.input("state", DType::kI32, {1, B * T}),
               chosen = g.input("action", DType::kI32, {1, B * T});
  const Tensor log_prob = ops::reshape(
      g, ops::take(g, ops::log_softmax(g, ops::gather_rows(g, logits, rows)), chosen), {1, B, T});
  const EstimatorInputs in{log_prob,
                           input("old", {1, B, T}),
                           input("token", {1, B, T}),
                           input("weight", {1, B, T}),
                           input("advantage", {1, B, 1}),
                           input("length", {1, B, 1}),
                           input("reference", {1, B, T})};
  const Tensor loss = policy_gradient_loss(g, e, in);
  const Tensor slope = graph::differentiate(g, loss, {logits})[0];
  Plan plan(g, {slope});
  for (std::size_t i = 0; i < 7; ++i)
    for (std::size_t j = 0; j < 3; ++j) plan.data<double>(logits)[3 * i + j] = theta[i][j];
  for (std::size_t i = 0; i < state.size(); ++i) {
    plan.data<std::int32_t>(rows)[i] = state[i];
    plan.data<std::int32_t>(chosen)[i] = action[i];
  }
  test::fill<double>(plan, in.log_behaviour, old);
  test::fill<double>(plan, in.token, token);
  test::fill<double>(plan, in.weight, weight);
  test::fill<double>(plan, in.advantage, advantage);
  test::fill<double>(plan, in.length, length);
  if (e.divergence != Divergence::kNone) test::fill<double>(plan, *in.log_reference, reference);
  ThreadTeam team(1);
  plan.run(team);
  Logits result{};
  for (std::size_t i = 0; i < 7; ++i)
    for (std::size_t j = 0; j < 3; ++j) result[i][j] = -plan.data<double>(slope)[3 * i + j];
  return result;
}

Logits of_group(Estimator e) {
  e.max_length = 8;
  return gradient(e, kGroup, advantages(kReturns, e.advantage));
}

double norm(const Logits& g) {
  double sum = 0;
  for (const auto& row : g)
    for (const double x : row) sum += x * x;
  return std::sqrt(sum);
}

// The reference's numbers: an independent program enumerates and differentiates each method's own loss.
TEST(Estimator, EveryInstancesGradientIsThatOfItsPublishedLoss) {
  const auto expect = [](const char* name, double length, const std::array<double, 3>& first_row) {
    const Logits g = of_group(estimator_named(name));
    EXPECT_NEAR(norm(g), length, 1e-11) << name;
    for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(g[0][j], first_row[j], 1e-11) << name;
  };
  expect("grpo", .191132556255, {0.075358609143, -0.082405922425, 0.007047313282});
  expect("dapo", .233055311178, {0.100478145525, -0.109874563234, 0.009396417709});
  expect("dr_grpo", .037843531791, {0.016315645738, -0.017841436463, 0.001525790725});
  expect("cispo", .212242132120, {0.083506881976, -0.006197740937, -0.077309141039});
  expect("gspo", .174257398973, {0.036195907459, -0.010074255913, -0.026121651546});
  // Leave one out with PPO's clip and a constant length, as the reference has it.
  Estimator rloo = estimator_named("dr_grpo");
  rloo.advantage.kind = Advantage::kLeaveOneOut;
  EXPECT_NEAR(norm(of_group(rloo)), .050458042388, 1e-11);
}

TEST(Estimator, DemonstrationsAreImitatedOrReshapedAsTheirMethodsSay) {
  const Sequence demonstration{0, 1, 2};
  const Logits sft = gradient(estimator_named("sft"), {demonstration}, {1});
  EXPECT_NEAR(norm(sft), .442297999400, 1e-11);
  EXPECT_NEAR(sft[4][2], 0.202591620436, 1e-11);
  Estimator luffy = estimator_named("luffy_demonstrations");
  luffy.max_length = 8;
  std::vector<double> with_demonstration = kReturns;
  with_demonstration.push_back(1);
  const double advantage = advantages(with_demonstration, luffy.advantage).back();
  EXPECT_NEAR(advantage, 0.4, 1e-15);
  EXPECT_NEAR(norm(gradient(luffy, {demonstration}, {advantage})), .011059854924, 1e-11);
  // Its weight on grad log pi peaks at pi = g, with 1/4.
  for (const auto& [pi, weight] : {std::pair{.01, .082645}, {.1, .25}, {.5, .138889}, {.99, .083326}})
    EXPECT_NEAR(luffy.token(std::log(pi), 0.0, 0.0, 1.0), weight, 5e-7);
}

TEST(Estimator, BeforeTheFirstUpdateEveryRatioMethodIsReinforce) {
  Estimator plain = estimator_named("reinforce");
  plain.aggregation = Aggregation::kSequenceMean;
  const std::vector<double> a = advantages(kReturns, {Advantage::kCentred});
  const Logits wanted = gradient(plain, kGroup, a, test::kTheta, test::kTheta);
  for (const char* name : {"ppo", "grpo", "dapo", "dual_clip", "cispo", "cispo_two_sided", "gspo", "sapo",
                           "tis", "icepop", "importance"}) {
    Estimator e = estimator_named(name);
    e.aggregation = Aggregation::kSequenceMean;
    EXPECT_LT(test::largest_difference(gradient(e, kGroup, a, test::kTheta, test::kTheta), wanted), 1e-15)
        << name;
  }
}

// Over all groups of n sequences, weighted by their probability.
Logits expected_over_groups(int n,
                            const std::function<std::vector<double>(const std::vector<double>&)>& weights,
                            Logits (*otherwise)(double probability, const std::vector<double>&) = nullptr) {
  const std::vector<Sequence> all = test::all_sequences();
  Logits sum{};
  std::vector<std::size_t> index(static_cast<std::size_t>(n), 0);
  for (;;) {
    double probability = 1;
    std::vector<double> returns;
    for (const std::size_t i : index) {
      probability *= std::exp(test::log_prob(test::kTheta, all[i]));
      returns.push_back(test::succeeds(all[i]) ? 1 : 0);
    }
    if (otherwise && std::all_of(returns.begin(), returns.end(), [](double r) { return r == 0; })) {
      const Logits g = otherwise(probability, returns);
      for (std::size_t i = 0; i < 7; ++i)
        for (std::size_t j = 0; j < 3; ++j) sum[i][j] += g[i][j];
    } else {
      const std::vector<double> w = weights(returns);
      for (std::size_t k = 0; k < index.size(); ++k)
        test::add_score(test::kTheta, all[index[k]], probability * w[k] / n, sum);
    }
    std::size_t at = 0;
    while (at < index.size() && ++index[at] == all.size()) index[at++] = 0;
    if (at == index.size()) return sum;
  }
}

Logits exact_gradient() {
  Logits g{};
  for (const Sequence& s : test::all_sequences())
    if (test::succeeds(s)) test::add_score(test::kTheta, s, std::exp(test::log_prob(test::kTheta, s)), g);
  return g;
}
Logits scaled(Logits g, double by) {
  for (auto& row : g)
    for (double& x : row) x *= by;
  return g;
}

TEST(Estimator, LeaveOneOutIsUnbiasedAndCentringScalesByOneMinusOneOverN) {
  const Logits exact = exact_gradient();
  EXPECT_NEAR(norm(exact), 0.087247488595, 1e-11);
  const auto by = [](Advantage kind) {
    return [kind](const std::vector<double>& r) { return advantages(r, {kind, 0}); };
  };
  for (const int n : {2, 3}) {
    EXPECT_LT(test::largest_difference(expected_over_groups(n, by(Advantage::kLeaveOneOut)), exact), 1e-15);
    EXPECT_LT(test::largest_difference(expected_over_groups(n, by(Advantage::kCentred)),
                                       scaled(exact, 1 - 1.0 / n)),
              1e-15);
  }
}

// HPT with gate 0 is Dr.GRPO and imitation by the probability that all n fail.
TEST(Hpt, AtGateZeroTheExpectedGradientHasTheTermOfTotalFailure) {
  const auto imitate = [](double probability, const std::vector<double>& returns) {
    EXPECT_EQ(balance_of(Gate::kSwitch, 0, static_cast<int>(returns.size()), 0).sft, 1);
    Logits g{};
    test::add_score(test::kTheta, {0, 1, 2}, probability / 3, g);
    return g;
  };
  double p = 0;
  for (const Sequence& s : test::all_sequences())
    if (test::succeeds(s)) p += std::exp(test::log_prob(test::kTheta, s));
  EXPECT_NEAR(p, 0.10485741367, 1e-11);
  for (const int n : {2, 3}) {
    Logits wanted = scaled(exact_gradient(), 1 - 1.0 / n);
    test::add_score(test::kTheta, {0, 1, 2}, std::pow(1 - p, n) / 3, wanted);
    const Logits got = expected_over_groups(
        n, [](const std::vector<double>& r) { return advantages(r, {Advantage::kCentred}); }, imitate);
    EXPECT_LT(test::largest_difference(got, wanted), 1e-14);
  }
}

TEST(Hpt, TheGateSwitchesAtItsThresholdAndItsEndsAreTheTwoMethods) {
  for (int solved = 0; solved <= 8; ++solved) {
    EXPECT_EQ(balance_of(Gate::kSwitch, solved, 8, -1).rl, 1);
    EXPECT_EQ(balance_of(Gate::kSwitch, solved, 8, 8).sft, 1);
    EXPECT_EQ(balance_of(Gate::kSwitch, solved, 8, 2).sft, solved <= 2 ? 1 : 0);
  }
  EXPECT_EQ(balance_of(Gate::kSoft, 2, 8, 0).rl, .25);
  EXPECT_EQ(balance_of(Gate::kSoft, 3, 8, 0).sft, .125);
  EXPECT_EQ(balance_of(Gate::kSoft, 8, 8, 0).sft, 0);
  EXPECT_THROW(balance_of(Gate::kSwitch, 3, 8, 9), Error);
  EXPECT_THROW(balance_of(Gate::kSwitch, 9, 8, 0), Error);
  // How often a prompt of solve rate 0.1 is imitated, n = 8.
  for (const auto& [threshold, share] : {std::pair{0, .4305}, {1, .8131}, {2, .9619}}) {
    double sum = 0, binomial = 1;
    for (int k = 0; k <= 8; ++k) {
      sum +=
          balance_of(Gate::kSwitch, k, 8, threshold).sft * binomial * std::pow(.1, k) * std::pow(.9, 8 - k);
      binomial *= (8.0 - k) / (k + 1);
    }
    EXPECT_NEAR(sum, share, 5e-5);
  }
}

TEST(Advantages, DividingByTheDeviationWeighsPromptsByTheirSolveRate) {
  // E[g] = w_8(p) grad p: sum over k solved of the weight that a success gets.
  for (const auto& [p, wanted] : {std::pair{.01, 2.440367}, {.1, 2.177354}, {.5, 1.735807}, {.9, 2.177354}}) {
    double w = 0, binomial = 1;
    for (int k = 0; k <= 8; ++k) {
      std::vector<double> r(8, 0.0);
      std::fill_n(r.begin(), k, 1.0);
      const std::vector<double> a = advantages(r, {Advantage::kStandardised, 0});
      if (k > 0 && k < 8)  // each success pushes p by a / p, each failure by -a / (1 - p), over n
        w += binomial * std::pow(p, k) * std::pow(1 - p, 8 - k) * (k * a[0] / p - (8 - k) * a[7] / (1 - p)) /
             8;
      binomial *= (8.0 - k) / (k + 1);
    }
    EXPECT_NEAR(w, wanted, 5e-7);
  }
}

// Where one answer alone is right, grad log p of the demonstration is grad p / p: at gate 0 a prompt pushes p
// by (1 - 1/n) grad p and, where all n failed, by a series that pass@k alone has the terms of, k > n.
TEST(Hpt, WithASingleRightAnswerItsGradientIsThatOfPassAtOneAndTheTailOfTheLikelihoodsSeries) {
  const double p = .07;
  const int n = 8;
  double weight = 0, binomial = 1;
  for (int k = 0; k <= n; ++k) {
    const double probability = binomial * std::pow(p, k) * std::pow(1 - p, n - k);
    std::vector<double> r(n, 0.0);
    std::fill_n(r.begin(), k, 1.0);
    const std::vector<double> a = advantages(r, {Advantage::kCentred});
    const Balance b = balance_of(Gate::kSwitch, k, n, 0);
    double push = b.sft / p;  // of grad log p
    for (int i = 0; i < n; ++i)
      push += b.rl * a[static_cast<std::size_t>(i)] / n * (i < k ? 1 / p : -1 / (1 - p));
    weight += probability * push;
    binomial *= (static_cast<double>(n) - k) / (k + 1);
  }
  EXPECT_NEAR(weight, 8.8690258524, 1e-9);
  double series = 1 - 1.0 / n;
  for (int k = n + 1; k < 2000; ++k) series += std::pow(1 - p, k - 1);
  EXPECT_NEAR(series, weight, 1e-9);
}

TEST(Advantages, OfEqualReturnsAreZeroToTheLastBit) {
  for (const double r : {0.0, 0.1, 0.7, 1.0})
    for (const Advantage kind : {Advantage::kCentred, Advantage::kStandardised, Advantage::kLeaveOneOut})
      for (const double a : advantages(std::vector<double>(7, r), {kind, 0})) EXPECT_EQ(a, 0) << r;
  EXPECT_EQ(advantages(std::vector<double>{0.5}, {Advantage::kCentred})[0], 0);
  EXPECT_EQ(advantages(std::vector<double>{0.5}, {Advantage::kLeaveOneOut})[0], 0.5);
}

TEST(Advantages, AFailedVerifierCountsInNoMean) {
  const std::vector<double> r{1, std::nan(""), 0, 0};
  const std::vector<double> a = advantages(r, {Advantage::kCentred});
  EXPECT_EQ(a[1], 0);
  EXPECT_NEAR(a[0], 2.0 / 3, 1e-15);
}

TEST(Aggregations, WeighTwoTokensAgainstTen) {
  EXPECT_NEAR(token_weight(Aggregation::kSequenceMean, 2, 2, 12, 16), .25, 1e-15);
  EXPECT_NEAR(token_weight(Aggregation::kSequenceMean, 10, 2, 12, 16), .05, 1e-15);
  EXPECT_NEAR(token_weight(Aggregation::kTokenMean, 10, 2, 12, 16), 1.0 / 12, 1e-15);
  EXPECT_NEAR(token_weight(Aggregation::kTokenSumFixed, 10, 2, 12, 16), .03125, 1e-15);
}

// State 0 of the tree, enumerated: what the estimators' gradients are in expectation.
TEST(Divergences, InTheLossHaveTheGradientsThatTheyAreKnownFor) {
  Logits forward{}, reverse{};  // of KL(pi || ref), of KL(ref || pi), by the first row
  double kl = 0, k2_value = 0;
  std::array<double, 3> pi{}, q{};
  for (int a = 0; a < 3; ++a) {
    pi[static_cast<std::size_t>(a)] = std::exp(test::log_prob(test::kTheta, 0, a));
    q[static_cast<std::size_t>(a)] = std::exp(test::log_prob(test::kReference, 0, a));
  }
  const auto expected = [&](Divergence d) {
    Logits g{};
    for (int a = 0; a < 3; ++a) {
      const double c = DivergenceCoefficient{d}(test::log_prob(test::kTheta, 0, a),
                                                test::log_prob(test::kReference, 0, a));
      test::add_score(test::kTheta, {a}, -c * pi[static_cast<std::size_t>(a)], g);
    }
    return g;
  };
  for (int a = 0; a < 3; ++a) {
    const auto i = static_cast<std::size_t>(a);
    const double x = std::log(pi[i] / q[i]);
    kl += pi[i] * x;
    k2_value += pi[i] * x * x / 2;
    test::add_score(test::kTheta, {a}, pi[i] * x, forward);
    test::add_score(test::kTheta, {a}, -q[i], reverse);
  }
  EXPECT_NEAR(kl, .116395186, 1e-9);
  EXPECT_NEAR(k2_value, .123814095, 1e-9);
  EXPECT_LT(norm(expected(Divergence::kK1)), 1e-15);
  EXPECT_LT(test::largest_difference(expected(Divergence::kK2), forward), 1e-15);
  EXPECT_LT(test::largest_difference(expected(Divergence::kK3), reverse), 1e-15);
  EXPECT_LT(test::largest_difference(expected(Divergence::kRatioK3), forward), 1e-15);
}

TEST(Estimator, ADivergenceIsSubtractedTokenByToken) {
  Estimator e = estimator_named("reinforce"), with = e;
  with.divergence = Divergence::kK2;
  with.divergence_weight = 0.5;
  const std::vector<double> a(4, 0.0);
  Logits wanted{};
  for (const Sequence& s : kGroup)
    for (std::size_t t = 0; t < s.size(); ++t) {
      const std::size_t x = test::state_after(s, t);
      const double pull = test::log_prob(test::kTheta, x, s[t]) - test::log_prob(test::kReference, x, s[t]);
      for (int b = 0; b < 3; ++b)
        wanted[x][static_cast<std::size_t>(b)] -=
            0.5 / 4 * pull * ((b == s[t] ? 1 : 0) - std::exp(test::log_prob(test::kTheta, x, b)));
    }
  EXPECT_LT(test::largest_difference(gradient(with, kGroup, a), wanted), 1e-15);
}

// The gradient by a Gaussian's mean and log sigma of four drawn actions, told in other units: a' = scale a +
// 3, whose density is the old one's over `scale`. One sequence of one step each.
std::array<double, 2> gaussian_gradient(const Estimator& e, double scale, double mean = 0.3,
                                        double log_sigma = -0.4) {
  const std::vector<double> actions{-0.5, 0.1, 0.6, 1.2}, advantage{1.5, -0.5, 0.75, -1};
  std::vector<double> old, told;
  for (const double a : actions) {
    const double z = (a - 0.1) / 0.8;  // of the policy that acted
    old.push_back(-0.5 * z * z - std::log(0.8 * scale) - 0.5 * std::log(2 * std::numbers::pi));
    told.push_back(scale * a + 3);
  }
  Graph g;
  const auto number = [&](const char* name) { return g.parameter(name, DType::kF64, {1, 1, 1}); };
  const auto input = [&](const char* name) { return g.input(name, DType::kF64, {1, 4, 1}); };
  const Tensor m = number("mean"), s = number("log_sigma"), a = input("actions");
  const Tensor centre = ops::affine(g, m, scale, 3), log_scaled = ops::affine(g, s, 1, std::log(scale));
  const Tensor z = ops::divide(g, ops::subtract(g, a, centre), ops::exp(g, log_scaled));
  const Tensor log_prob = ops::subtract(
      g, ops::affine(g, ops::square(g, z), -0.5, -0.5 * std::log(2 * std::numbers::pi)), log_scaled);
  const EstimatorInputs in{log_prob,           input("old"),    input("token"), input("weight"),
                           input("advantage"), input("length"), std::nullopt};
  const Tensor loss = policy_gradient_loss(g, e, in);
  const std::vector<Tensor> slopes = graph::differentiate(g, loss, {m, s});
  Plan plan(g, slopes);
  plan.data<double>(m)[0] = mean;
  plan.data<double>(s)[0] = log_sigma;
  test::fill<double>(plan, a, told);
  test::fill<double>(plan, in.log_behaviour, old);
  test::fill<double>(plan, in.advantage, advantage);
  for (const Tensor t : {in.token, in.weight, in.length}) test::fill<double>(plan, t, {1, 1, 1, 1});
  ThreadTeam team(1);
  plan.run(team);
  return {-plan.data<double>(slopes[0])[0], -plan.data<double>(slopes[1])[0]};
}

TEST(Estimator, UnitsOfActionsChangeNoGradientOfARatioButOneByADensity) {
  for (const char* name :
       {"sft", "reinforce", "ppo", "grpo", "gspo", "sapo", "tis", "icepop", "importance"}) {
    const std::array<double, 2> one = gaussian_gradient(estimator_named(name), 1),
                                other = gaussian_gradient(estimator_named(name), 2.5);
    for (const std::size_t i : {0, 1}) {
      EXPECT_NEAR(other[i], one[i], 1e-13) << name;
      EXPECT_GT(std::abs(one[i]), 1e-3) << name;
    }
  }
  for (const char* name : {"srft_demonstrations", "dft"}) {  // pi_ref = 1: a density has units
    const std::array<double, 2> one = gaussian_gradient(estimator_named(name), 1),
                                other = gaussian_gradient(estimator_named(name), 2.5);
    for (const std::size_t i : {0, 1}) EXPECT_NEAR(other[i], one[i] / 2.5, 1e-13) << name;
    EXPECT_GT(std::abs(one[0] - other[0]), 0.01) << name;
    EXPECT_NE(test::error_of([&] {
                Estimator e = estimator_named(name);
                e.max_length = 8;
                e.check(true);
              }).find("pi_ref = 1 has no meaning"),
              std::string::npos)
        << name;
  }
}

TEST(Estimator, AGaussiansGradientIsThatOfItsLogDensityWeighed) {
  // A likelihood alone: c = 1, so that the gradient is the sum of (a - m) / s^2 and of (a - m)^2 / s^2 - 1.
  const double s = std::exp(-0.4);
  std::array<double, 2> wanted{};
  for (const auto& [a, advantage] : {std::pair{-0.5, 1.5}, {0.1, -0.5}, {0.6, 0.75}, {1.2, -1.0}}) {
    const double z = (a - 0.3) / s;
    wanted[0] += advantage * z / s;
    wanted[1] += advantage * (z * z - 1);
  }
  const std::array<double, 2> got = gaussian_gradient(estimator_named("reinforce"), 1);
  for (const std::size_t i : {0, 1}) EXPECT_NEAR(got[i], wanted[i], 1e-13);
}

TEST(PassAtK, IsTheShareOfSubsetsThatHoldASuccess) {
  EXPECT_EQ(pass_at_k(4, 0, 2), 0);
  EXPECT_EQ(pass_at_k(4, 3, 2), 1);
  EXPECT_NEAR(pass_at_k(5, 2, 3), 1 - 1.0 / 10, 1e-15);  // of 10 triples one holds neither
  EXPECT_NEAR(pass_at_k(64, 1, 16), 16.0 / 64, 1e-14);
  EXPECT_THROW(pass_at_k(4, 1, 5), Error);
}

TEST(Estimator, EachRowExplainsItselfAndDoubtfulMixesAreNamed) {
  for (const auto& [name, about] : estimators()) {
    EXPECT_TRUE(estimator_named(name).explain().starts_with("c = 1 / ")) << name;
    EXPECT_FALSE(about.empty());
  }
  EXPECT_EQ(estimator_named("sft").explain(), "c = 1 / (B L) 1");
  EXPECT_EQ(
      estimator_named("grpo").explain(),
      "c = 1 / (B L) 1[not (A > 0 and r > 1.2 or A < 0 and r < 0.8)] exp(log pi - log pi_old) (R - mean) / "
      "(std + 1e-06); r = exp(log pi - log pi_old)");
  Estimator mix = estimator_named("gspo");
  EXPECT_TRUE(mix.doubts().empty());
  mix.aggregation = Aggregation::kTokenMean;
  EXPECT_EQ(mix.doubts().size(), 1u);
  mix.divergence = Divergence::kK1;
  mix.divergence_weight = 0.1;
  EXPECT_NE(mix.doubts().front().find("k1 in the loss"), std::string::npos);
  EXPECT_NE(estimator_named("cispo").doubts().front().find("two CISPOs"), std::string::npos);
}

TEST(Estimator, WhatHasNoMeaningIsRefusedWithWhatWouldBeRight) {
  const std::string densities = test::error_of([] { estimator_named("luffy_demonstrations").check(true); });
  EXPECT_NE(test::error_of([] {
              Estimator e = estimator_named("srft_demonstrations");
              e.max_length = 8;
              e.check(true);
            }).find("pi_ref = 1 has no meaning for continuous actions"),
            std::string::npos);
  EXPECT_NE(densities.find("max-length"), std::string::npos);
  EXPECT_NE(test::error_of([] { estimator_named("gpro"); }).find("grpo"), std::string::npos);
}

}  // namespace
}  // namespace hardy::algorithms
