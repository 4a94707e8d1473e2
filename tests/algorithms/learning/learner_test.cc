#include "algorithms/learning/learner.h"

#include <gtest/gtest.h>

#include "tests/algorithms/steep.h"

namespace hardy::algorithms {
namespace {

TEST(Learner, AGradientThatIsNotFiniteStopsItsAgentBeforeItsParametersChange) {
  Steep steep;
  ThreadTeam team(1);
  steep.learner.step(team);
  EXPECT_EQ(steep.learner.reports().at("loss/steep"), (std::vector<double>{0, 1}));
  EXPECT_FALSE(steep.learner.active(0));
  EXPECT_EQ(
      steep.learner.stop_reason(0).find("a gradient of loss steep is not finite at step 1, first in log"), 0u)
      << steep.learner.stop_reason(0);
  EXPECT_EQ(steep.x(0), 0.0f);
  EXPECT_TRUE(steep.learner.active(1));
  EXPECT_LT(steep.x(1), 1.0f);
}

}  // namespace
}  // namespace hardy::algorithms
