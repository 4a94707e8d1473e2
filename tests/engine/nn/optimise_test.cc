#include "engine/nn/optimise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "tests/engine/count_allocations.h"

namespace hardy::nn {
namespace {

using Rule = GroupSettings::Rule;

struct Size {
  std::int64_t elements;
  int group = 0;
};

// Tensors of several agents with their optimiser; gradients are drawn anew each step, from the agent's seed.
struct Training {
  Training(std::vector<std::uint64_t> agent_seeds, std::vector<Size> tensors,
           std::vector<GroupSettings> settings, double gradient_scale = 1)
      : seeds(std::move(agent_seeds)),
        sizes(std::move(tensors)),
        groups(std::move(settings)),
        scale(gradient_scale),
        active(seeds.size(), 1) {
    std::vector<Segment> segments;
    for (std::size_t s = 0; s < sizes.size(); ++s) {
      const auto n = seeds.size() * static_cast<std::size_t>(sizes[s].elements);
      for (auto* all : {&x, &g, &m, &v, &target}) all->emplace_back(n, 0.0f);
      for (std::size_t a = 0; a < seeds.size(); ++a)
        for (std::int64_t i = 0; i < sizes[s].elements; ++i)
          at(x, s, a, i) = at(target, s, a, i) = static_cast<float>(start(a, s, i));
      segments.push_back({x[s].data(), g[s].data(), m[s].data(), v[s].data(), target[s].data(),
                          static_cast<std::int64_t>(seeds.size()), sizes[s].elements, sizes[s].group});
    }
    optimiser = std::make_unique<Optimiser>(segments, groups);
  }

  float& at(std::vector<std::vector<float>>& what, std::size_t s, std::size_t a, std::int64_t i) const {
    return what[s][a * static_cast<std::size_t>(sizes[s].elements) + static_cast<std::size_t>(i)];
  }
  double start(std::size_t a, std::size_t s, std::int64_t i) const {
    return Random(seeds[a], RandomStream::kInit, s).uniform64(static_cast<std::uint64_t>(i)) - 0.5;
  }
  double size_of_gradient(std::int64_t i) const {
    return scale * std::pow(10.0, static_cast<double>(i % 7) / 2 - 2);
  }
  // Each element's gradients have a mean and a spread of their own, over three orders of magnitude.
  float gradient(std::size_t a, std::size_t s, std::int64_t i, std::int64_t t) const {
    const auto index = static_cast<std::uint64_t>(i);
    const double size = size_of_gradient(i);
    return static_cast<float>(
        size *
        (Random(seeds[a], RandomStream::kNoise, static_cast<std::uint64_t>(t) * 100 + s).normal(index) +
         0.3));
  }
  void step(std::int64_t t, const std::vector<double>& rates, ThreadTeam& team) {
    for (std::size_t s = 0; s < sizes.size(); ++s)
      for (std::size_t a = 0; a < seeds.size(); ++a)
        for (std::int64_t i = 0; i < sizes[s].elements; ++i) at(g, s, a, i) = gradient(a, s, i, t);
    optimiser->step(t, rates, active, team);
  }

  std::vector<std::uint64_t> seeds;
  std::vector<Size> sizes;
  std::vector<GroupSettings> groups;
  double scale;
  std::vector<std::uint8_t> active;
  std::vector<std::vector<float>> x, g, m, v, target;
  std::unique_ptr<Optimiser> optimiser;
};

// One agent's training in double, element by element, as the papers write the rules.
struct Reference {
  std::vector<std::vector<double>> x, m, v, target;

  Reference(const Training& training, std::size_t agent, std::int64_t steps,
            const std::vector<double>& rates) {
    for (std::size_t s = 0; s < training.sizes.size(); ++s) {
      for (auto* all : {&x, &m, &v, &target}) all->emplace_back(training.sizes[s].elements, 0.0);
      for (std::size_t i = 0; i < x[s].size(); ++i)
        x[s][i] = target[s][i] = static_cast<float>(training.start(agent, s, static_cast<std::int64_t>(i)));
    }
    for (std::int64_t t = 1; t <= steps; ++t) {
      std::vector<double> square(training.groups.size(), 0.0);
      for (std::size_t s = 0; s < x.size(); ++s)
        for (std::size_t i = 0; i < x[s].size(); ++i)
          square[static_cast<std::size_t>(training.sizes[s].group)] +=
              std::pow(training.gradient(agent, s, static_cast<std::int64_t>(i), t), 2);
      for (std::size_t s = 0; s < x.size(); ++s) {
        const auto group = static_cast<std::size_t>(training.sizes[s].group);
        const GroupSettings& c = training.groups[group];
        const double rate = rates[group];
        const double clip =
            c.max_grad_norm > 0 ? std::min(1.0, c.max_grad_norm / (std::sqrt(square[group]) + 1e-6)) : 1;
        for (std::size_t i = 0; i < x[s].size(); ++i) {
          double d = clip * training.gradient(agent, s, static_cast<std::int64_t>(i), t);
          if (c.rule == Rule::kAdamW)
            x[s][i] -= rate * c.weight_decay * x[s][i];
          else
            d += c.weight_decay * x[s][i];
          if (c.rule == Rule::kSgd) {
            m[s][i] = c.momentum * m[s][i] + d;
            x[s][i] -= rate * m[s][i];
          } else {
            m[s][i] = c.beta1 * m[s][i] + (1 - c.beta1) * d;
            v[s][i] = c.beta2 * v[s][i] + (1 - c.beta2) * d * d;
            const double m_hat = m[s][i] / (1 - std::pow(c.beta1, static_cast<double>(t)));
            const double v_hat = v[s][i] / (1 - std::pow(c.beta2, static_cast<double>(t)));
            x[s][i] -= rate * m_hat / (std::sqrt(v_hat) + c.epsilon);
          }
          target[s][i] += c.polyak * (x[s][i] - target[s][i]);
        }
      }
    }
  }
};

// 100 steps of three agents against the reference: values, moments, targets.
void expect_reference(const GroupSettings& settings, double rate, double gradient_scale = 1) {
  Training training({11, 12, 13}, {{37}, {300}, {1}}, {settings}, gradient_scale);
  ThreadTeam team(1);
  for (std::int64_t t = 1; t <= 100; ++t) training.step(t, {rate}, team);
  for (std::size_t a = 0; a < 3; ++a) {
    const Reference reference(training, a, 100, {rate});
    for (std::size_t s = 0; s < training.sizes.size(); ++s)
      for (std::int64_t i = 0; i < training.sizes[s].elements; ++i) {
        const auto k = static_cast<std::size_t>(i);
        // `size`: what the rounding of the sums behind a value is relative to, where they cancel.
        const auto near = [&](double got, double want, double tolerance, double size) {
          EXPECT_NEAR(got, want, tolerance * (std::abs(want) + size))
              << "agent " << a << ", tensor " << s << ", element " << i;
        };
        near(training.at(training.x, s, a, i), reference.x[s][k], 3e-6, 0.3);
        near(training.at(training.target, s, a, i), reference.target[s][k], 3e-6, 0.3);
        if (settings.rule != Rule::kSgd || settings.momentum > 0)
          near(training.at(training.m, s, a, i), reference.m[s][k], 3e-6, training.size_of_gradient(i));
        if (settings.rule != Rule::kSgd) near(training.at(training.v, s, a, i), reference.v[s][k], 1e-5, 0);
      }
  }
}

TEST(Optimiser, AdamFollowsADoubleReferenceOver100Steps) { expect_reference({.polyak = 0.005}, 3e-4); }
TEST(Optimiser, AdamWithDecayInTheGradientFollowsIt) {
  expect_reference({.weight_decay = 0.1, .polyak = 0.1}, 1e-3);
}
TEST(Optimiser, AdamWithOtherConstantsFollowsIt) {
  expect_reference({.beta1 = 0.5, .beta2 = 0.95, .epsilon = 1e-3}, 1e-2, 1e-3);
}
TEST(Optimiser, AdamWFollowsIt) {
  expect_reference({.rule = Rule::kAdamW, .weight_decay = 0.2, .polyak = 0.02}, 1e-3);
}
TEST(Optimiser, SgdFollowsIt) {
  expect_reference({.rule = Rule::kSgd, .weight_decay = 0.01, .polyak = 0.02}, 1e-2);
}
TEST(Optimiser, SgdWithMomentumFollowsIt) {
  expect_reference({.rule = Rule::kSgd, .weight_decay = 0.01, .momentum = 0.9, .polyak = 0.02}, 1e-3);
}
TEST(Optimiser, ClippedAdamFollowsIt) { expect_reference({.max_grad_norm = 0.5, .polyak = 0.005}, 1e-3); }
TEST(Optimiser, ClippedSgdFollowsIt) {
  expect_reference({.rule = Rule::kSgd, .weight_decay = 0.1, .max_grad_norm = 0.5}, 1e-2);
}

// Under a constant gradient m_hat = g and v_hat = g^2 at every t, so Adam walks in steps of the rate.
TEST(Optimiser, AdamWalksAtTheRateUnderAConstantGradient) {
  constexpr int n = 5;
  float x[n] = {}, g[n] = {1e-3f, -2, 30, 1e-6f, 0}, m[n] = {}, v[n] = {};
  Optimiser optimiser(
      {{.value = x, .gradient = g, .first_moment = m, .second_moment = v, .elements_per_agent = n}}, {{}});
  ThreadTeam team(1);
  const double rates[] = {0.01};
  const std::uint8_t active[] = {1};
  for (std::int64_t t = 1; t <= 200; ++t) {
    optimiser.step(t, rates, active, team);
    for (int i = 0; i < n; ++i) {
      const double size = g[i] / (std::abs(static_cast<double>(g[i])) + 1e-8);
      // Later the moments' own rounding shows.
      EXPECT_NEAR(x[i], -0.01 * static_cast<double>(t) * size,
                  (t <= 5 ? 1e-6 : 1e-5) * 0.01 * static_cast<double>(t))
          << i << ", t = " << t;
    }
  }
}

TEST(Optimiser, ClippingScalesAnAgentsGroupToTheNormAndNoOther) {
  // Group 0: tensors 0 and 1, clipped at 1; group 1: tensor 2, not clipped. Agent 0 is above, agent 1 below.
  constexpr std::int64_t agents = 2, n = 2;
  float x[3][agents * n] = {}, g[3][agents * n] = {{3, 0, 0.1f, 0}, {0, 4, 0, 0.2f}, {50, 0, 60, 0}};
  std::vector<Segment> segments;
  for (int s = 0; s < 3; ++s)
    segments.push_back(
        {.value = x[s], .gradient = g[s], .agents = agents, .elements_per_agent = n, .group = s / 2});
  Optimiser optimiser(segments, {{.rule = Rule::kSgd, .max_grad_norm = 1}, {.rule = Rule::kSgd}});
  ThreadTeam team(1);
  const double rates[] = {1, 1};
  const std::uint8_t active[] = {1, 1};
  optimiser.step(1, rates, active, team);
  EXPECT_NEAR(x[0][0], -3 / (5 + 1e-6), 1e-6);  // norm 5
  EXPECT_NEAR(x[1][1], -4 / (5 + 1e-6), 1e-6);
  EXPECT_EQ(x[0][2], -0.1f);
  EXPECT_EQ(x[1][3], -0.2f);
  EXPECT_EQ(x[2][0], -50.0f);
  EXPECT_EQ(x[2][2], -60.0f);
}

TEST(Optimiser, AGradientThatIsNotANumberSpreadsOverItsAgentWhenClipped) {
  float x[4] = {}, g[4] = {std::numeric_limits<float>::quiet_NaN(), 1, 2, 3};
  Optimiser optimiser({{.value = x, .gradient = g, .agents = 2, .elements_per_agent = 2}},
                      {{.rule = Rule::kSgd, .max_grad_norm = 10}});
  ThreadTeam team(1);
  const double rates[] = {1};
  const std::uint8_t active[] = {1, 1};
  optimiser.step(1, rates, active, team);
  EXPECT_TRUE(std::isnan(x[0]) && std::isnan(x[1]));
  EXPECT_EQ(x[2], -2.0f);
  EXPECT_EQ(x[3], -3.0f);
}

// Sizes around the pieces that threads take, all rules, clipping, decay.
const std::vector<Size> kSizes = {{20001, 0}, {17, 0}, {8192, 1}, {5, 2}, {9000, 2}};
const std::vector<GroupSettings> kGroups = {
    {.max_grad_norm = 1, .polyak = 0.005},
    {.rule = Rule::kAdamW, .weight_decay = 0.1, .polyak = 0.01},
    {.rule = Rule::kSgd, .momentum = 0.9, .max_grad_norm = 3, .polyak = 0.5}};
const std::vector<double> kRates = {1e-3, 1e-2, 1e-3};

TEST(Optimiser, BitsDoNotDependOnTheThreads) {
  Training one({5, 6, 7}, kSizes, kGroups);
  ThreadTeam single(1);
  for (std::int64_t t = 1; t <= 5; ++t) one.step(t, kRates, single);
  for (const int threads : {2, 3}) {
    Training many({5, 6, 7}, kSizes, kGroups);
    ThreadTeam team(threads);
    for (std::int64_t t = 1; t <= 5; ++t) many.step(t, kRates, team);
    EXPECT_EQ(one.x, many.x) << threads;
    EXPECT_EQ(one.m, many.m) << threads;
    EXPECT_EQ(one.v, many.v) << threads;
    EXPECT_EQ(one.target, many.target) << threads;
  }
}

TEST(Optimiser, AnAgentAloneHasTheBitsItHasAmongOthers) {
  Training together({5, 6, 7}, kSizes, kGroups);
  ThreadTeam team(2);
  for (std::int64_t t = 1; t <= 5; ++t) together.step(t, kRates, team);
  for (std::size_t a = 0; a < 3; ++a) {
    Training alone({together.seeds[a]}, kSizes, kGroups);
    for (std::int64_t t = 1; t <= 5; ++t) alone.step(t, kRates, team);
    for (std::size_t s = 0; s < kSizes.size(); ++s)
      for (std::int64_t i = 0; i < kSizes[s].elements; ++i) {
        ASSERT_EQ(alone.at(alone.x, s, 0, i), together.at(together.x, s, a, i)) << a << " " << s << " " << i;
        ASSERT_EQ(alone.at(alone.m, s, 0, i), together.at(together.m, s, a, i));
        ASSERT_EQ(alone.at(alone.v, s, 0, i), together.at(together.v, s, a, i));
        ASSERT_EQ(alone.at(alone.target, s, 0, i), together.at(together.target, s, a, i));
      }
  }
}

TEST(Optimiser, InactiveAgentsAreLeftAsTheyAre) {
  Training training({5, 6, 7}, kSizes, kGroups), all({5, 6, 7}, kSizes, kGroups);
  ThreadTeam team(2);
  for (std::int64_t t = 1; t <= 2; ++t) training.step(t, kRates, team), all.step(t, kRates, team);
  const Training before = [&] {
    Training copy({5, 6, 7}, kSizes, kGroups);
    copy.x = training.x, copy.m = training.m, copy.v = training.v, copy.target = training.target;
    return copy;
  }();
  training.active[1] = 0;
  for (std::int64_t t = 3; t <= 4; ++t) training.step(t, kRates, team), all.step(t, kRates, team);
  training.optimiser->average(team, training.active);
  all.optimiser->average(team, all.active);
  for (std::size_t s = 0; s < kSizes.size(); ++s)
    for (std::size_t a = 0; a < 3; ++a) {
      const auto n = static_cast<std::size_t>(kSizes[s].elements);
      const auto same = [&](const std::vector<std::vector<float>>& p,
                            const std::vector<std::vector<float>>& q) {
        return std::equal(p[s].begin() + static_cast<std::ptrdiff_t>(a * n),
                          p[s].begin() + static_cast<std::ptrdiff_t>((a + 1) * n),
                          q[s].begin() + static_cast<std::ptrdiff_t>(a * n));
      };
      const Training& expected = a == 1 ? before : all;
      EXPECT_TRUE(same(training.x, expected.x) && same(training.m, expected.m) &&
                  same(training.v, expected.v) && same(training.target, expected.target))
          << "tensor " << s << ", agent " << a;
    }
}

TEST(Optimiser, TargetsMoveInAverageAloneWhereTheStepLeavesThem) {
  Training training({1}, {{100}}, {{.polyak = 0.25, .average_in_step = false}});
  ThreadTeam team(1);
  for (std::int64_t t = 1; t <= 3; ++t) training.step(t, {0.1}, team);
  for (std::int64_t i = 0; i < 100; ++i)
    ASSERT_EQ(training.at(training.target, 0, 0, i), static_cast<float>(training.start(0, 0, i)));
  training.optimiser->average(team, training.active);
  for (std::int64_t i = 0; i < 100; ++i)
    EXPECT_NEAR(training.at(training.target, 0, 0, i),
                0.75 * training.start(0, 0, i) + 0.25 * training.at(training.x, 0, 0, i), 1e-7);
}

// A silent unit's moments shrink until denormal, which would slow every later step.
TEST(Optimiser, MomentsOfASilentUnitReachZero) {
  float x[3] = {1, 1, 1}, g[3] = {1e-3f, 1e-3f, 1e-3f}, m[3] = {}, v[3] = {};
  Optimiser optimiser(
      {{.value = x, .gradient = g, .first_moment = m, .second_moment = v, .elements_per_agent = 3}}, {{}});
  ThreadTeam team(1);
  const double rates[] = {1e-3};
  const std::uint8_t active[] = {1};
  for (std::int64_t t = 1; t <= 100'000; ++t) {
    optimiser.step(t, rates, active, team);
    std::ranges::fill(g, 0.0f);
    for (int i = 0; i < 3; ++i) {
      ASSERT_NE(std::fpclassify(m[i]), FP_SUBNORMAL) << t;
      ASSERT_NE(std::fpclassify(v[i]), FP_SUBNORMAL) << t;
    }
  }
  EXPECT_EQ(m[0], 0.0f);
  EXPECT_EQ(v[0], 0.0f);
}

TEST(Optimiser, StepsWithoutAllocating) {
  Training training({5, 6, 7}, kSizes, kGroups);
  ThreadTeam team(2);
  training.step(1, kRates, team);
  const std::int64_t before = test::allocations();
  training.optimiser->step(2, kRates, training.active, team);
  training.optimiser->average(team, training.active);
  EXPECT_EQ(test::allocations(), before);
}

TEST(Optimiser, RefusesWhatDoesNotFit) {
  float x[4] = {}, g[4] = {}, m[4] = {}, v[4] = {};
  const Segment good{
      .value = x, .gradient = g, .first_moment = m, .second_moment = v, .agents = 2, .elements_per_agent = 2};
  Segment segment = good;
  segment.group = 1;
  EXPECT_THROW(Optimiser({segment}, {{}}), Error);
  segment = good;
  segment.second_moment = nullptr;
  EXPECT_THROW(Optimiser({segment}, {{}}), Error);
  segment = good;
  segment.agents = 1;
  EXPECT_THROW(Optimiser({good, segment}, {{}}), Error);
  Optimiser optimiser({good}, {{}});
  ThreadTeam team(1);
  const std::vector<std::uint8_t> active = {1, 1}, few = {1};
  const std::vector<double> rates = {1}, none;
  EXPECT_THROW(optimiser.step(1, rates, few, team), Error);
  EXPECT_THROW(optimiser.step(1, none, active, team), Error);
  EXPECT_THROW(optimiser.step(0, rates, active, team), Error);
}

// Sizes around a task's piece; the largest finite gradient is none, though its square is no float.
TEST(Optimiser, BrokenGradientsAreThoseOfAGroupAndAnAgentWithOneThatIsNotFinite) {
  for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    Training t({1, 2, 3}, {{8193, 0}, {5, 1}, {1, 1}}, {{}, {}});
    ThreadTeam team;
    t.at(t.g, 0, 1, 17) = std::numeric_limits<float>::max();
    EXPECT_EQ(std::ranges::count(t.optimiser->broken_gradients(t.active, team), 0), 6);
    t.at(t.g, 0, 2, 8192) = bad;
    t.at(t.g, 2, 0, 0) = bad;
    const auto found = t.optimiser->broken_gradients(t.active, team);
    EXPECT_EQ(std::vector<std::uint8_t>(found.begin(), found.end()),
              (std::vector<std::uint8_t>{0, 0, 1, 1, 0, 0}));
    t.active[0] = 0;
    EXPECT_EQ(std::ranges::count(t.optimiser->broken_gradients(t.active, team), 0), 5) << "it was stopped";
  }
}

}  // namespace
}  // namespace hardy::nn
