// Distances from a linear MDP against closed forms.
#include "envs/linear_mdp/linearity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace hardy::envs {
namespace {

TEST(Linearity, LinearFamiliesAreLinear) {
  for (const char* env : {"simplex:seed=20230131,H=3,S=4,A=3,d=3,K=8", "lock:H=4,A=3", "mirror",
                          "tabular:seed=5,H=3,S=3,A=2,K=4", "riverswim:H=5,S=4"})
    for (const char* losses : {"", "switching", "adaptive"})
      EXPECT_LT(linearity_of(make_instance(env, losses, 100), 100).largest(), 1e-10) << env << " " << losses;
}

// One feature, the same for all pairs: the best mu is the mean row, and the best theta for the last layer the
// mean loss.
TEST(Linearity, OfConstantFeaturesItIsTheDistanceFromTheMean) {
  LinearMdp m;
  m.name = "constant";
  m.H = 2, m.S = 2, m.A = 2, m.d = 1;
  m.phi.assign(8, 1.0);
  m.transitions = {1, 0, .5, .5, .7, .3, .2, .8};  // of state 0: 1, .5, .7, .2, the mean .6
  m.start = {1, 0};
  m.finish();
  const auto mdp = std::make_shared<const LinearMdp>(std::move(m));
  const Instance instance{mdp, cycled_losses(*mdp, false, {.5, .5, .5, .5, 0, .2, .4, 1}), {}};
  const Linearity apart = linearity_of(instance, 4);
  EXPECT_NEAR(apart.transitions, 0.4, 1e-12);
  EXPECT_NEAR(apart.q, 1 - 0.4, 1e-12);  // the mean of the last layer's losses is .4
}

}  // namespace
}  // namespace hardy::envs
