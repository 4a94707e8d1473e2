// Reference numbers of the one-episode learners on T1, made by an independent program.
#include <gtest/gtest.h>

#include "tests/algorithms/adversarial/t1.h"

namespace hardy::algorithms {
namespace {

struct Trace {
  const char* method;
  double learner, regret;
  double start_costs[3];
};

class ReferenceTrace : public testing::TestWithParam<Trace> {};

TEST_P(ReferenceTrace, OfT1WithOneSplitmixSequenceIsMet) {
  RegretConfig config = test::t1(GetParam().method, 64, 0.2, 0.02, 0.05);
  config.random = parse_random("splitmix64:7");
  ThreadTeam team(1);
  const RegretResult result = run_regret(config, team);
  ASSERT_EQ(result.replicas.size(), 1u);
  const ReplicaResult& r = result.replicas[0];
  EXPECT_NEAR(r.learner_loss, GetParam().learner, 1e-8);
  EXPECT_NEAR(r.regret, GetParam().regret, 1e-8);
  ASSERT_EQ(r.start_costs.size(), 3u);
  for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(r.start_costs[a], GetParam().start_costs[a], 1e-8) << a;
  const int first[2][3][2] = {{{0, 1}, {0, 2}, {2, 1}}, {{0, 0}, {2, 1}, {0, 1}}};
  ASSERT_EQ(r.first.size(), 2u);
  for (std::size_t k = 0; k < 2; ++k)
    for (std::size_t h = 0; h < 3; ++h) {
      EXPECT_EQ(r.first[k][h].state, first[k][h][0]);
      EXPECT_EQ(r.first[k][h].action, first[k][h][1]);
    }
}

INSTANTIATE_TEST_SUITE_P(Methods, ReferenceTrace,
                         testing::Values(Trace{"ftrl_log_barrier",
                                               96.863165871316,
                                               3.757400726786,
                                               {53.444953280107, 64.479116885310, 80.820174388832}},
                                         Trace{"exp_weights",
                                               96.948126480705,
                                               3.842361336176,
                                               {58.330191894406, 67.911162595848, 65.666343133569}},
                                         Trace{"exp_weights_magnitude_reduced",
                                               96.763034430818,
                                               3.657269286288,
                                               {55.219596022249, 68.513248706828, 66.407389442315}}),
                         [](const auto& trace) { return trace.param.method; });

}  // namespace
}  // namespace hardy::algorithms
