// The learners against an independent NumPy program on instances of other seeds and sizes, trajectory by
// trajectory.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "algorithms/adversarial/boxes/policy_cover.h"
#include "algorithms/experiments/regret_run.h"
#include "engine/base/json.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::algorithms {
namespace {

using nlohmann::json;

// Covers and epochs that even forty episodes have several of; some states stay unknown.
const CoverSettings kCover{0.3, 2.0, 7, 12, false};

struct Setting {
  int seed, H, S, A, d, K, episodes, stream;
  double eta, beta, gamma;
};

class RegretPythonParity : public testing::TestWithParam<Setting> {
 protected:
  static std::string env(const Setting& s) {
    return "simplex:seed=" + std::to_string(s.seed) + ",H=" + std::to_string(s.H) +
           ",S=" + std::to_string(s.S) + ",A=" + std::to_string(s.A) + ",d=" + std::to_string(s.d) +
           ",K=" + std::to_string(s.K);
  }
  // What a script of tests/algorithms/python says; nothing, and the test skipped, without NumPy.
  static std::optional<json> theirs(const std::string& script, const Setting& s,
                                    const std::vector<std::string>& methods) {
    const std::string python = test::python();
    if (!test::has_modules("numpy")) return std::nullopt;
    const json in{
        {"instance", {{"seed", s.seed}, {"H", s.H}, {"S", s.S}, {"A", s.A}, {"d", s.d}, {"K", s.K}}},
        {"episodes", s.episodes},
        {"stream", s.stream},
        {"eta", s.eta},
        {"beta", s.beta},
        {"gamma", s.gamma},
        {"cover",
         {{"delta_e", kCover.delta_e},
          {"alpha", kCover.alpha},
          {"epoch", kCover.epoch},
          {"cover_episodes", kCover.cover_episodes}}},
        {"methods", methods}};
    const hardy::test::Scratch dir;
    std::ofstream((dir / "in.json").string()) << in;
    const std::string path = test::sources() / "tests/algorithms/python" / script;
    EXPECT_EQ(std::system(("'" + python + "' '" + path + "' " + (dir / "in.json").string() + " " +
                           (dir / "out.json").string())
                              .c_str()),
              0);
    return json::parse(hardy::test::contents(dir / "out.json"));
  }
  static void expect_same(const Setting& s, const std::string& method, const json& theirs) {
    RegretConfig config;
    config.method = method;
    config.instance = envs::make_instance(env(s), "", s.episodes);
    config.episodes = s.episodes;
    // Alone, and the fourth of nine replicas side by side, whose sequences follow each other.
    config.random = parse_random("splitmix64:" + std::to_string(s.stream - 3));
    config.settings[0].eta = s.eta;
    config.settings[0].gamma = s.gamma;
    config.settings[0].beta = method.ends_with("full_information") ? 0 : s.beta;
    config.cover = kCover;
    ThreadTeam team(1);
    for (const std::size_t replicas : {1, 9}) {
      config.seeds = {3};
      if (replicas > 1) config.seeds = {0, 1, 2, 3, 4, 5, 6, 7, 8};
      expect_trace(s, method, run_regret(config, team).replicas[replicas > 1 ? 3 : 0], theirs);
    }
  }
  static void expect_trace(const Setting& s, const std::string& method, const ReplicaResult& mine,
                           const json& theirs) {
    EXPECT_NEAR(mine.learner_loss, theirs.at("learner").get<double>(), 1e-8) << method;
    EXPECT_NEAR(mine.regret, theirs.at("regret").get<double>(), 1e-8) << method;
    EXPECT_EQ(mine.start_costs.size(), theirs.at("costs").size()) << method;
    for (std::size_t a = 0; a < mine.start_costs.size(); ++a)
      EXPECT_NEAR(mine.start_costs[a], theirs.at("costs").at(a).get<double>(), 1e-7) << method << " " << a;
    for (std::size_t k = 0; k < 2; ++k)
      for (std::size_t h = 0; h < static_cast<std::size_t>(s.H); ++h) {
        EXPECT_EQ(mine.first[k][h].state, theirs.at("first").at(k).at(h).at(0).get<int>()) << method;
        EXPECT_EQ(mine.first[k][h].action, theirs.at("first").at(k).at(h).at(1).get<int>()) << method;
      }
  }
};

TEST_P(RegretPythonParity, EveryTraceIsMetTo1e8) {
  const std::vector<std::string> methods{"ftrl_log_barrier",
                                         "exp_weights",
                                         "exp_weights_magnitude_reduced",
                                         "hedge_full_information",
                                         "log_barrier_full_information",
                                         "tabular_unknown_transitions"};
  const auto out = theirs("adversarial.py", GetParam(), methods);
  if (!out) GTEST_SKIP() << "Python has no numpy";
  for (const std::string& method : methods) expect_same(GetParam(), method, out->at(method));
}

TEST_P(RegretPythonParity, OccupanciesContractionsAndCoversAreMetTo1e8) {
  const Setting& s = GetParam();
  const std::vector<std::string> methods{"o_reps", "contracted_features", "linear_mdp_policy_cover"};
  const auto out = theirs("adversarial_others.py", s, methods);
  if (!out) GTEST_SKIP() << "Python has no numpy";
  for (const std::string& method : methods) expect_same(s, method, out->at(method));

  const envs::Instance instance = envs::make_instance(env(s), "", s.episodes);
  PolicyCover cover(*instance.mdp, kCover.alpha, 64, 1.0, 0.1);
  for (int m = 0; m < 64; ++m) cover.plan_with_known_transitions();
  const std::vector<double> q = cover.occupancy();
  const std::vector<char> known = cover.known_states(kCover.alpha);
  const json& oracle = out->at("cover_oracle");
  for (std::size_t i = 0; i < q.size(); ++i) {
    const std::size_t n = q.size() / static_cast<std::size_t>(s.H);
    EXPECT_NEAR(q[i], oracle.at("occupancy")[i / n][i % n].get<double>(), 1e-12);
  }
  for (std::size_t i = 0; i < known.size(); ++i) {
    const auto S = static_cast<std::size_t>(s.S);
    EXPECT_EQ(known[i], oracle.at("known")[i / S][i % S].get<int>());
  }
}

INSTANTIATE_TEST_SUITE_P(Instances, RegretPythonParity,
                         testing::Values(Setting{20230131, 3, 4, 3, 3, 8, 64, 7, .2, .02, .05},
                                         Setting{5, 1, 1, 4, 2, 3, 100, 11, .1, .05, .01},
                                         Setting{77, 4, 6, 2, 5, 5, 60, 3, .05, .01, .02},
                                         Setting{901, 5, 3, 5, 4, 7, 40, 19, .3, .1, .2}));

}  // namespace
}  // namespace hardy::algorithms
