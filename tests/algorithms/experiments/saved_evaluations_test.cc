#include "algorithms/experiments/saved_evaluations.h"

#include <gtest/gtest.h>

#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

TEST(SavedEvaluations, ComeBackFromACheckpointAsTheyWere) {
  const test::Scratch dir;
  PolicySpec spec;
  spec.observation_size = 3;
  const std::vector<EvaluationQueue::Job> jobs{{40, spec, {{{1, 2}, {3}}, {{4, 5}, {6}}}},
                                               {80, spec, {{{7, 8}, {9}}, {{-1, 0.5f}, {0}}}}};
  run::ArchiveWriter file("checkpoint", 1);
  save_evaluations(jobs, file);
  file.write(dir / "a.ckpt");
  const auto back = saved_evaluations(run::Archive::read(dir / "a.ckpt", "checkpoint", 1), spec);
  ASSERT_EQ(back.size(), jobs.size());
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    EXPECT_EQ(back[j].step, jobs[j].step);
    EXPECT_EQ(back[j].spec.observation_size, 3);
    EXPECT_EQ(back[j].parameters, jobs[j].parameters);
  }
}

TEST(SavedEvaluations, OfNoneACheckpointIsWhatItWasWithout) {
  const test::Scratch dir;
  run::ArchiveWriter with("checkpoint", 1), without("checkpoint", 1);
  save_evaluations({}, with);
  with.write(dir / "with.ckpt"), without.write(dir / "without.ckpt");
  EXPECT_EQ(test::contents(dir / "with.ckpt"), test::contents(dir / "without.ckpt"));
  EXPECT_TRUE(saved_evaluations(run::Archive::read(dir / "with.ckpt", "checkpoint", 1), {}).empty());
}

}  // namespace
}  // namespace hardy::algorithms
