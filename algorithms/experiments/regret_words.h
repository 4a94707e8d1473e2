// What `hardy regret` and the cells of a grid are told in words, and the studies that these ask for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algorithms/experiments/regret_study.h"
#include "algorithms/experiments/sampled_study.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

// As the command line and a configuration file give it. Lists are separated by blanks: a word may hold
// commas.
struct RegretOptions {
  std::string env = "simplex", losses, method = "ftrl_log_barrier", episodes = "8";
  std::int64_t replicas = 1, seed = 0, threads = 1, curve = 50, trajectories = 2, resamples = 2000;
  std::string preset = "theory", eta, beta, gamma, covariance = "exact", random = "philox", title;
  double c_eta = 1, c_beta = 1, c_gamma = 1;
  std::string delta_e = "0", alpha = "0", epoch = "0", cover_episodes = "0";  // laws too
  std::int64_t cover_rounds = 64;
  double cover_bonus = 0.1;
  bool cover_oracle = false, strict = false, shard = false, joint = false;
  std::string evaluation = "exact", device = "cpu";
  double memory_gb = 4;

  void options(run::Schema& schema);
};

// "1024 4096 16384", "1e3", or "2^10..2^17", which doubles.
std::vector<std::int64_t> parse_episodes(const std::string& text);

// A method with settings of its own: "exp_weights:c_eta=20,c_beta=0", keys as the command's, also
// covariance=mgr,M=10,N=40 and label=... ; what it does not name is as for all methods.
MethodChoice parse_method(const std::string& text, const RegretOptions& options);

RegretStudySettings study_settings(const RegretOptions& options);
SampledStudySettings sampled_settings(const RegretOptions& options);

}  // namespace hardy::algorithms
