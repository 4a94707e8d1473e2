// Agents whose environments several ranks share: checkpoints and policies of one process, on each of them.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "algorithms/learning/checkpoint.h"
#include "algorithms/online/interacting_trainee.h"
#include "tests/algorithms/methods.h"
#include "tests/engine/comm/thread_ranks.h"
#include "tests/engine/run/scratch.h"

namespace hardy::test {
namespace {

using algorithms::InteractingTrainee;

struct Case {
  std::string method, environment;
  std::int64_t shards;
};

// The checkpoint of a rank after so many steps, from that of the file `from` where it is named.
std::string checkpoint_after(const Case& c, comm::Ranks& ranks, int steps, const Scratch& dir,
                             const std::string& from) {
  const auto method = method_with(c.method, {{"hidden", "8"}, {"batch-size", "8"}});
  InteractingTrainee trainee(*method, c.method,
                             {.environment = c.environment, .capacity = 64, .start_steps = 20}, {3, 4, 5},
                             nullptr, {.shards = c.shards, .ranks = &ranks});
  if (!from.empty())
    restore(trainee, run::Archive::read(dir / from, "checkpoint", algorithms::kCheckpointFormat), from);
  ThreadTeam team(1);
  for (int t = 0; t < steps; ++t) trainee.step(team);
  trainee.gather_for_saving();
  run::ArchiveWriter file("checkpoint", algorithms::kCheckpointFormat);
  algorithms::save_learner(trainee.learner(), file);
  algorithms::save_bounds(trainee.policy().bounds(), file);
  trainee.save(file);
  const std::string name = from + "_" + std::to_string(ranks.rank()) + "_of_" + std::to_string(ranks.size());
  file.write(dir / name);
  return contents(dir / name);
}

// Episodes end and begin on the way: a cart falls within the steps. Four ranks: one has no environment.
TEST(InteractingRanks, HaveTheBytesOfOneProcessAndGoOnFromItsCheckpoint) {
  for (const Case& c :
       {Case{"dqn", "cart_pole", 1}, Case{"sac", "pendulum", 1}, Case{"sac", "pendulum", 4}}) {
    const Scratch dir;
    const std::string one = checkpoint_after(c, comm::alone(), 40, dir, ""),
                      later = checkpoint_after(c, comm::alone(), 20, dir, "_0_of_1");
    EXPECT_NE(one, later);
    for (const int size : {2, 3, 4}) {
      if (c.shards % size != 0 && c.shards > 1) continue;
      ThreadRanks::run(size, [&](comm::Ranks& ranks) {
        EXPECT_TRUE(checkpoint_after(c, ranks, 40, dir, "") == one) << c.method << size;
      });
      ThreadRanks::run(size, [&](comm::Ranks& ranks) {
        EXPECT_TRUE(checkpoint_after(c, ranks, 20, dir, "_0_of_1") == later) << c.method << size;
      });
    }
  }
}

}  // namespace
}  // namespace hardy::test
