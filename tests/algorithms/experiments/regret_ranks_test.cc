// Studies whose replicas several ranks share: every rank has what one process has.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "algorithms/experiments/regret_words.h"
#include "engine/base/json.h"
#include "tests/algorithms/adversarial/t1.h"
#include "tests/engine/comm/thread_ranks.h"

namespace hardy::algorithms {
namespace {

using ::hardy::test::ThreadRanks;

// Without what a clock says.
std::string timeless(RegretResults results) {
  results.seconds = 0;
  for (EnvironmentResults& study : results.studies) {
    for (MethodResults& m : study.methods) m.seconds = 0;
    if (study.unfinished) study.unfinished->seconds = 0;
  }
  return json_of(results).dump();
}

RegretOptions three_k() {
  RegretOptions o;
  o.env = test::kT1;
  o.method = "ftrl_log_barrier exp_weights";
  o.episodes = "8 16 32";
  o.replicas = 11;
  o.preset = "explicit";
  o.eta = "0.2", o.beta = "0.02", o.gamma = "0.05";
  return o;
}

RegretResults played(const RegretOptions& options, comm::Ranks& ranks,
                     const RegretResults* before = nullptr) {
  RegretStudySettings settings = study_settings(options);
  settings.ranks = &ranks;
  RegretStudy::Ears ears;
  ears.say = [](const std::string&) {};
  return RegretStudy(settings).run(ears, {}, before);
}

// On so many ranks, each one's; `before` is what all of them find.
std::vector<std::string> by_ranks(const RegretOptions& options, int ranks,
                                  const RegretResults* before = nullptr) {
  std::vector<std::string> all(static_cast<std::size_t>(ranks));
  ThreadRanks::run(ranks, [&](comm::Ranks& own) {
    all[static_cast<std::size_t>(own.rank())] = timeless(played(options, own, before));
  });
  return all;
}

TEST(RegretRanks, AStudyIsThatOfOneProcess) {
  for (const char* evaluation : {"exact", "simulator"}) {
    RegretOptions options = three_k();
    options.evaluation = evaluation;
    options.covariance = evaluation == std::string("exact") ? "exact" : "empirical:M=5";
    const std::string one = timeless(played(options, comm::alone()));
    for (const int ranks : {2, 3, 4})
      for (const std::string& each : by_ranks(options, ranks)) EXPECT_EQ(each, one) << evaluation << ranks;
  }
}

TEST(RegretRanks, ReplicasOfASimulatorAreCountedOnce) {
  RegretConfig config = test::t1("ftrl_log_barrier", 12, 0.2, 0.02, 0.05);
  config.simulator = true;
  config.covariance = parse_covariance("empirical:M=5");
  config.seeds = {4, 5, 6};
  ThreadTeam team(1);
  const RegretResult one = run_regret(config, team);
  EXPECT_GT(one.simulator_calls, 0);
  for (const int ranks : {2, 5})  // five: some have no replica
    ThreadRanks::run(ranks, [&](comm::Ranks& own) {
      RegretConfig shared = config;
      shared.ranks = &own;
      ThreadTeam alone(1);
      const RegretResult each = run_regret(shared, alone);
      EXPECT_EQ(each.simulator_calls, one.simulator_calls);
      EXPECT_EQ(each.trajectories, one.trajectories);
      for (std::size_t r = 0; r < one.replicas.size(); ++r) {
        EXPECT_EQ(each.replicas[r].curve, one.replicas[r].curve) << r;
        EXPECT_EQ(each.replicas[r].figures.at(1).value, one.replicas[r].figures.at(1).value) << r;
      }
    });
}

TEST(RegretRanks, AStudyThatOneProcessBeganGoesOnInSeveral) {
  const RegretOptions options = three_k();
  RegretResults half = played(options, comm::alone());
  const std::string whole = timeless(half);
  half.complete = false;
  half.studies[0].methods.pop_back();
  for (const std::string& each : by_ranks(options, 3, &half)) EXPECT_EQ(each, whole);
}

TEST(RegretRanks, SampledReplicasAreThoseOfOneProcess) {
  RegretOptions options;
  options.env = "implicit_mirror:H=2";
  options.preset = "explicit";
  options.eta = "0.5", options.beta = "0.005", options.gamma = "0.1";
  options.episodes = "20";
  options.replicas = 3;
  const auto played = [&](comm::Ranks& ranks) {
    SampledStudySettings settings = sampled_settings(options);
    settings.ranks = &ranks;
    return json_of(SampledStudy(settings).run([](const std::string&) {})).dump();
  };
  const std::string one = played(comm::alone());
  EXPECT_NE(one.find("\"seed\":2"), std::string::npos);
  for (const int ranks : {2, 4})  // four: one has no replica
    ThreadRanks::run(ranks, [&](comm::Ranks& own) { EXPECT_EQ(played(own), one) << own.rank(); });
}

}  // namespace
}  // namespace hardy::algorithms
