// What a descent may be told holds for methods that interact as for those of datasets: a batch in parts, a
// gradient held to a norm.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "algorithms/online/interacting_trainee.h"
#include "tests/algorithms/methods.h"

namespace hardy::algorithms {
namespace {

struct Case {
  std::string method, environment, network;  // network: one of a loss of its own
};
const Case kCases[] = {{"sac", "pendulum", "policy"}, {"dqn", "cart_pole", "policy"}};

// A trainee after its first learning step, on the rows of 40 random steps.
class Learned {
 public:
  Learned(const Case& c, const DescentDefaults& descent)
      : method_(test::method_with(c.method, {{"hidden", "16"}, {"batch-size", "48"}})),
        trainee_(*method_, c.method, {.environment = c.environment, .capacity = 100, .start_steps = 40},
                 {3, 4}, nullptr, descent) {
    ThreadTeam team(1);
    for (int t = 0; t < 41; ++t) trainee_.step(team);
  }
  // All tensors of a network that descend, of both agents.
  std::vector<std::vector<float>> of(const std::string& network,
                                     const float* (nn::ParameterStore::*at)(int) const) {
    const nn::ParameterStore& store = trainee_.learner().parameters();
    std::vector<std::vector<float>> all;
    for (int i = 0; i < store.size(); ++i)
      if (store.name(i).starts_with(network) && store.role(i) == nn::Role::kTrainable)
        all.emplace_back((store.*at)(i), (store.*at)(i) + store.shape(i).elements());
    return all;
  }
  ReportValues reports() { return trainee_.learner().reports(); }

 private:
  std::unique_ptr<Method> method_;
  InteractingTrainee trainee_;
};

TEST(InteractingDescent, ABatchInPartsHasTheGradientOfTheWholeOne) {
  for (const Case& c : kCases) {
    Learned whole(c, {}), parts(c, {.passes = 4});
    const auto expected = whole.of("", &nn::ParameterStore::gradient),
               found = parts.of("", &nn::ParameterStore::gradient);
    ASSERT_EQ(found.size(), expected.size());
    EXPECT_NE(found, expected) << c.method << ": sums of other orders, where they are taken apart";
    for (std::size_t t = 0; t < expected.size(); ++t) {
      float largest = 0;
      for (const float x : expected[t]) largest = std::max(largest, std::abs(x));
      EXPECT_GT(largest, 0) << c.method << " " << t;
      // Terms of either sign, of which there are 48: their magnitudes sum to a few times the largest mean.
      for (std::size_t k = 0; k < expected[t].size(); ++k)
        EXPECT_NEAR(found[t][k], expected[t][k], 52 * std::ldexp(4.0f, -24) * largest)
            << c.method << " " << t;
    }
    for (const auto& [name, values] : whole.reports())
      for (std::size_t a = 0; a < values.size(); ++a)
        EXPECT_NEAR(parts.reports().at(name)[a], values[a], 1e-5 * std::max(1.0, std::abs(values[a])))
            << c.method << " " << name;
  }
}

// After one step Adam's first moment is a tenth of the gradient that it was given.
TEST(InteractingDescent, AGradientIsHeldToTheNormOverItsNetwork) {
  constexpr double kNorm = 1e-3;
  for (const Case& c : kCases) {
    const auto norms = [&](const DescentDefaults& descent) {
      Learned learned(c, descent);
      std::vector<double> squares(2);
      for (const std::vector<float>& m : learned.of(c.network, &nn::ParameterStore::first_moment))
        for (std::size_t i = 0; i < m.size(); ++i) squares[i / (m.size() / 2)] += 100.0 * m[i] * m[i];
      return squares;
    };
    const std::vector<double> free = norms({}), loose = norms({.clip_norm = 1e6}),
                              held = norms({.clip_norm = kNorm});
    EXPECT_EQ(loose, free) << c.method;
    for (const std::size_t a : {0u, 1u}) {
      EXPECT_GT(std::sqrt(free[a]), 2 * kNorm) << c.method;
      EXPECT_NEAR(std::sqrt(held[a]), kNorm, 1e-5 * kNorm + 1e-6) << c.method;
    }
  }
}

TEST(InteractingDescent, PartsThatABatchHasNotAreRefused) {
  for (const Case& c : kCases) EXPECT_THROW(Learned(c, {.passes = 5}), Error) << c.method;
}

}  // namespace
}  // namespace hardy::algorithms
