// What the tests of token and control policies ask of both alike: an update (SmallTraining, SmallControl) and
// a trainee.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "algorithms/learning/checkpoint.h"
#include "algorithms/learning/learner.h"
#include "engine/run/archive.h"
#include "tests/engine/run/scratch.h"

namespace hardy::test {

inline std::vector<float> values_of(const nn::ParameterStore& store) {
  const auto x = store.values();
  return {x.begin(), x.end()};
}
inline std::vector<float> gradients_of(const nn::ParameterStore& store) {
  const auto x = store.gradients();
  return {x.begin(), x.end()};
}

// AdamW, as the oracles descend (python/complex_step.py is told these numbers).
inline algorithms::Descent oracle_descent() {
  algorithms::Descent descent;
  descent.learning_rate = nn::Schedule::constant(0.01);
  descent.clip_norm = 0.5;
  descent.rule.rule = nn::GroupSettings::Rule::kAdamW;
  descent.rule.weight_decay = 0.1;
  return descent;
}

// Agent i of the one and agent j of the other have the same parameters.
inline void expect_same_agent(const nn::ParameterStore& p, std::int64_t i, const nn::ParameterStore& q,
                              std::int64_t j) {
  for (int t = 0; t < q.size(); ++t) {
    const auto x = p.agent(t, i), y = q.agent(t, j);
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end())) << q.name(t);
  }
}

// make(pass): an update whose passes are of so many sequences. Split, its gradient is the whole one's but for
// last bits.
template <class Make>
void expect_passes_change_last_bits_alone(const Make& make) {
  ThreadTeam team(2);
  auto whole = make(32);
  whole.step(team);
  EXPECT_EQ(whole.update->passes(), 1);
  const std::vector<float> expected = whole.gradients();
  float largest = 0;
  for (const float g : expected) largest = std::max(largest, std::abs(g));
  for (const std::int64_t pass : {1, 2, 7}) {
    auto split = make(pass);
    split.step(team);
    EXPECT_GT(split.update->passes(), 1);
    const std::vector<float> g = split.gradients();
    for (std::size_t i = 0; i < g.size(); ++i)
      ASSERT_NEAR(g[i], expected[i], 1e-6f * largest) << pass << " " << i;
  }
}

template <class Trainee>
std::vector<float> after(Trainee& t, int steps, int threads = 2) {
  ThreadTeam team(threads);
  for (int i = 0; i < steps; ++i) t.step(team);
  return values_of(t.learner().parameters());
}

// make(): a trainee at its start. The same bits after 2 * half steps by two threads, by one, and where it is
// saved and read back half way.
template <class Make>
void expect_same_bits_for_any_threads_and_after_resuming(const Make& make, int half) {
  const auto whole = make(), threaded = make(), first = make(), second = make();
  const std::vector<float> expected = after(*whole, 2 * half);
  EXPECT_EQ(after(*threaded, 2 * half, 1), expected);
  after(*first, half);
  const Scratch dir;
  run::ArchiveWriter file("checkpoint", algorithms::kCheckpointFormat);
  algorithms::save_learner(first->learner(), file);
  first->save(file);
  file.write(dir / "c.hardy");
  const run::Archive saved = run::Archive::read(dir / "c.hardy", "checkpoint", algorithms::kCheckpointFormat);
  algorithms::restore_learner(second->learner(), saved, "c");
  second->restore(saved);
  EXPECT_EQ(second->steps_done(), half);
  EXPECT_EQ(after(*second, half), expected);
  EXPECT_EQ(second->still_failing(0), whole->still_failing(0));
}

}  // namespace hardy::test
