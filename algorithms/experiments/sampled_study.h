// A study of learners where states cannot be listed, so that neither values nor the best fixed policy can be
// computed: what is reported is the losses of the trajectories that were played.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "algorithms/adversarial/simulated/sampled_run.h"
#include "algorithms/experiments/regret_study.h"

namespace hardy::algorithms {

struct SampledStudySettings {
  std::vector<std::string> envs;  // as envs::make_simulator reads them
  std::string losses;             // "": each environment's own
  std::vector<MethodChoice> methods;
  std::vector<std::int64_t> episodes;  // K
  std::int64_t replicas = 1, seed = 0, threads = 1;
  RandomChoice random;
  int curve_points = 50;
  double memory_bytes = 4e9;            // that touched states may take
  comm::Ranks* ranks = &comm::alone();  // processes that share each run's replicas; all have every result
};

struct SampledReplica {
  std::int64_t seed = 0;
  double learner_loss = 0, standard_error = 0, uniform_loss = 0, uniform_standard_error = 0;
  std::int64_t states = 0, bonus_paths = 0;
  SimulatorLearner::Calls calls;
  std::vector<std::int64_t> curve_episodes;
  std::vector<double> curve;  // the learner's summed loss after each of them
};

struct SampledRun {
  std::string env, method, label, covariance;
  std::int64_t episodes = 0;
  ResolvedSettings settings;
  std::vector<SampledReplica> replicas;
};

nlohmann::json json_of(const std::vector<SampledRun>& runs);

class SampledStudy {
 public:
  explicit SampledStudy(SampledStudySettings settings);  // everything is checked before anything runs

  // A line for every run: episodes, simulator calls, memory, at most.
  std::string cost() const;
  std::vector<SampledRun> run(const std::function<void(const std::string&)>& say) const;

 private:
  struct Cell {
    std::string env;
    MethodChoice method;
    std::int64_t episodes = 0;
    CovarianceChoice covariance;
    SimulatorForm form;
    ResolvedSettings settings;
  };
  static SampledConfig config_of(const Cell& cell);  // without a game and a seed
  SampledRun run_cell(const Cell& cell, ThreadTeam& team) const;

  SampledStudySettings settings_;
  std::vector<Cell> cells_;
};

}  // namespace hardy::algorithms
