// A batch in shards that several ranks share: the same bits for any number of them.
#include <gtest/gtest.h>

#include <cmath>
#include <mutex>

#include "engine/base/error.h"
#include "tests/algorithms/small_learners.h"
#include "tests/engine/comm/thread_ranks.h"

namespace hardy::test {
namespace {

struct Outcome {
  std::vector<float> memory;  // values, gradients and moments
  algorithms::ReportValues reports;
  float mean_error = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(Regression& r) {
  Outcome o;
  r.learner.write_parameters(
      [&](nn::ParameterStore& store) { o.memory.assign(store.memory().begin(), store.memory().end()); });
  o.reports = r.learner.reports();
  o.mean_error = r.learner.state().values.at("mean_error")[1];
  return o;
}

// That of every rank, after some steps.
std::vector<Outcome> trained(Regression::Settings settings, int ranks, int steps = 5) {
  std::vector<Outcome> all(static_cast<std::size_t>(ranks));
  ThreadRanks::run(ranks, [&](comm::Ranks& own) {
    Regression::Settings s = settings;
    s.ranks = &own;
    Regression r(s, {3, 4});
    ThreadTeam team(1);
    for (int i = 0; i < steps; ++i) r.learner.step(team);
    all[static_cast<std::size_t>(own.rank())] = outcome_of(r);
  });
  return all;
}

TEST(BatchInShards, HasTheSameBitsForAnyNumberOfRanksThatDividesThem) {
  for (const std::int64_t passes : {1, 3}) {
    const Regression::Settings settings{.rows = 48, .passes = passes, .whole_numbers = false, .shards = 4};
    const Outcome one = trained(settings, 1).front();
    for (const int ranks : {2, 4})
      for (const Outcome& each : trained(settings, ranks)) EXPECT_EQ(each, one) << ranks << " " << passes;
  }
}

TEST(BatchInShards, OfOnePassEachIsToTheBitOneOfAsManyPasses) {
  const Outcome shards = trained({.rows = 48, .whole_numbers = false, .shards = 4}, 1).front(),
                passes = trained({.rows = 48, .passes = 4, .whole_numbers = false}, 1).front();
  EXPECT_EQ(shards, passes);
}

TEST(BatchInShards, IsTheWholeBatchWhereSumsAreExact) {
  const nn::GroupSettings sgd{.rule = nn::GroupSettings::Rule::kSgd};
  const Outcome whole = trained({.rule = sgd}, 1, 1).front();
  for (const std::int64_t shards : {2, 4})
    for (const std::int64_t passes : {1, 2})
      EXPECT_EQ(trained({.passes = passes, .rule = sgd, .shards = shards}, 2, 1).back(), whole) << shards;
}

TEST(BatchInShards, AnAgentStopsOnAllRanksWhereOneShardIsNotFinite) {
  std::mutex mutex;
  ThreadRanks::run(2, [&](comm::Ranks& own) {
    Regression r({.shards = 4, .ranks = &own}, {3, 4});
    r.learner.write_parameters(
        [&](nn::ParameterStore& store) { store.agent(r.line.tensors[0], 1)[2] = std::nanf(""); });
    ThreadTeam team(1);
    r.learner.step(team);
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(r.learner.active(0));
    EXPECT_FALSE(r.learner.active(1));
    EXPECT_NE(r.learner.stop_reason(1).find("line/w0"), std::string::npos) << r.learner.stop_reason(1);
  });
}

// What a rank that begins later is given: the first one's moments, values and counters.
TEST(BatchInShards, ARankThatIsGivenTheFirstOnesStateGoesOnAsIfItHadBeenThere) {
  const Regression::Settings settings{.rows = 48, .whole_numbers = false, .shards = 2};
  const Outcome whole = trained(settings, 1, 6).front();
  std::vector<Outcome> all(2);
  ThreadRanks::run(2, [&](comm::Ranks& own) {
    ThreadTeam team(1);
    Regression::Settings s = settings;
    s.ranks = &own;
    Regression r(s, {3, 4});
    if (own.first()) {  // three steps alone, its state carried over
      Regression before(settings, {3, 4});
      for (int i = 0; i < 3; ++i) before.learner.step(team);
      before.learner.write_parameters([&](nn::ParameterStore& from) {
        r.learner.write_parameters(
            [&](nn::ParameterStore& to) { std::ranges::copy(from.memory(), to.memory().begin()); });
      });
      r.learner.restore(before.learner.state());
    }
    r.learner.share_state();
    for (int i = 0; i < 3; ++i) r.learner.step(team);
    all[static_cast<std::size_t>(own.rank())] = outcome_of(r);
  });
  for (const Outcome& each : all) EXPECT_EQ(each, whole);
}

TEST(BatchInShards, ThatRanksCannotShareEvenlyIsRefused) {
  ThreadRanks::run(2, [&](comm::Ranks& own) {
    EXPECT_THROW(Regression({.rows = 48, .shards = 3, .ranks = &own}, {3, 4}), Error);
  });
}

TEST(BatchInShards, IsRefusedByALossThatTakesAMeanOfTheWholeBatch) {
  algorithms::Learner learner({1}, nullptr, {.shards = 2}), one({1});
  EXPECT_THROW(learner.update("u").needs_whole_batch("the mean"), Error);
  one.update("u").needs_whole_batch("the mean");
}

}  // namespace
}  // namespace hardy::test
