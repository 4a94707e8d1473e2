// Environments whose states cannot be listed: that they are the linear MDPs they say.
#include "envs/linear_mdp/implicit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "engine/base/error.h"
#include "engine/base/random.h"

namespace hardy::envs {
namespace {

std::vector<double> features(const Simulator& m, int h, State s) {
  std::vector<double> phi(static_cast<std::size_t>(m.A()) * static_cast<std::size_t>(m.d()));
  m.features(h, s, phi);
  return phi;
}

TEST(ImplicitEnvironments, FeaturesAreBoundedLossesLinearAndBothFunctionsOfTheState) {
  for (const char* env : {"implicit_simplex:H=3,A=4,d=5,seed=3", "implicit_mirror:H=3,m=2"}) {
    const auto m = make_simulator(env, "", 100), again = make_simulator(env, "", 100);
    for (std::uint64_t i = 0; i < 50; ++i) {
      const int h = static_cast<int>(i % 3);
      const State s = SplitMix64(i).bits() >> 20;
      const auto phi = features(*m, h, s);
      EXPECT_EQ(phi, features(*again, h, s));
      EXPECT_NE(phi, features(*m, h, s + 1));
      for (int a = 0; a < m->A(); ++a) {
        double square = 0;
        for (int j = 0; j < m->d(); ++j) square += std::pow(phi[static_cast<std::size_t>(a * m->d() + j)], 2);
        EXPECT_LE(square, 1 + 1e-12) << env;
        for (const std::int64_t k : {0, 30, 77}) {
          EXPECT_GE(m->loss(k, h, s, a), 0) << env;
          EXPECT_LE(m->loss(k, h, s, a), 1) << env;
        }
      }
    }
  }
}

// Few states, so that visits can be counted: P(s'|s,a) = x_{s' mod laws} / states, x from the features.
TEST(ImplicitEnvironments, NextStatesFollowTheLatentLaws) {
  for (const bool mirror : {false, true}) {
    const auto m =
        make_simulator(mirror ? "implicit_mirror:m=3,states=2" : "implicit_simplex:d=3,states=2", "", 10);
    const auto phi = features(*m, 0, 5);
    std::map<State, double> seen;
    const Random random(2, RandomStream::kUser);
    constexpr std::uint64_t kDraws = 60000;
    for (std::uint64_t i = 0; i < kDraws; ++i) seen[m->step(0, 5, 1, random.uniform64(i))] += 1.0 / kDraws;
    ASSERT_EQ(seen.size(), 6u);
    const double scale = mirror ? std::sqrt(2.0) : 1;
    for (const auto& [s, share] : seen) {
      const std::size_t first = static_cast<std::size_t>(m->d()) + (mirror ? 2 : 0);
      const double p = scale * phi[first + s % 3] / 2;
      EXPECT_NEAR(share, p, 5 * std::sqrt(p * (1 - p) / kDraws)) << s;
    }
    EXPECT_EQ(m->calls(), static_cast<std::int64_t>(kDraws));
  }
}

TEST(ImplicitEnvironments, StatesOfAVastSpaceDoNotComeBack) {
  const auto m = make_simulator("implicit_simplex", "", 10);
  const Random random(3, RandomStream::kUser);
  std::map<State, int> seen;
  for (std::uint64_t i = 0; i < 5000; ++i) ++seen[m->step(0, 0, 0, random.uniform64(i))];
  EXPECT_EQ(seen.size(), 5000u);
}

TEST(ImplicitEnvironments, AreRefusedWhereStatesMustBeListed) {
  for (const auto& act : {+[] { make_instance("implicit_simplex", "", 10); },
                          +[] { make_simulator("implicit_simplex:Q=1", "", 10); },
                          +[] { make_simulator("implicit_mirror", "adaptive", 10); },
                          +[] { make_simulator("nowhere", "", 10); }})
    EXPECT_THROW(act(), Error);
}

}  // namespace
}  // namespace hardy::envs
