// What `hardy regret` runs: environments x methods x numbers of episodes K, each a batch of replicas.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "algorithms/experiments/regret_run.h"

namespace hardy::tools {

// As the command line and a configuration file give it. Lists are separated by blanks: a word may hold
// commas.
struct RegretOptions {
  std::string env = "simplex", losses, method = "ftrl_log_barrier", episodes = "8";
  std::int64_t replicas = 1, seed = 0, threads = 1, curve = 50, trajectories = 2, resamples = 2000;
  std::string preset = "theory", eta, beta, gamma, covariance = "exact", random = "philox", title;
  double c_eta = 1, c_beta = 1, c_gamma = 1;
  double delta_e = 0, alpha = 0;
  std::int64_t epoch = 0, cover_episodes = 0;
  bool cover_oracle = false;
  std::string evaluation = "exact";
  double memory_gb = 4;
};

// "1024 4096 16384", "1e3", or "2^10..2^17", which doubles.
std::vector<std::int64_t> parse_episodes(const std::string& text);

// A method with settings of its own: "exp_weights:c_eta=20,c_beta=0", keys as the command's, also
// covariance=mgr,M=10,N=40 and label=... ; what it does not name is as for all methods.
struct MethodChoice {
  std::string method, label, covariance;
  algorithms::SettingsRequest settings;
};
MethodChoice parse_method(const std::string& text, const RegretOptions& options);

class RegretStudy {
 public:
  explicit RegretStudy(const RegretOptions& options);  // everything is checked before anything runs

  // One environment, one method, one K: printed by itself and not as a study.
  bool single() const { return envs_.size() == 1 && methods_.size() == 1 && episodes_.size() == 1; }
  // All of it; say(line) hears what is about to run and what came out.
  nlohmann::json run(const std::function<void(const std::string&)>& say) const;
  // Memory and work of the largest run, and how long all of it will take: the methods themselves play a few
  // episodes for that, about a twentieth of a second or a thirtieth of their run each.
  std::string cost() const;

 private:
  algorithms::RegretConfig config(std::size_t env, const MethodChoice& method, std::size_t k) const;
  double seconds_of(std::size_t env, const MethodChoice& method, ThreadTeam& team) const;
  nlohmann::json run_method(std::size_t env, const MethodChoice& method, const std::vector<double>& uniform,
                            ThreadTeam& team, const std::function<void(const std::string&)>& say) const;
  // The uniform policy's mean regret at each K; empty where no growth is asked for (fewer than three K).
  std::vector<double> uniform_regret(std::size_t env, ThreadTeam& team) const;

  RegretOptions options_;
  std::vector<std::string> envs_;
  std::vector<MethodChoice> methods_;
  std::vector<std::int64_t> episodes_;
  std::vector<std::vector<envs::Instance>> instances_;  // [env][K], made once
};

// The table that people read.
std::string study_text(const nlohmann::json& results);
std::string single_text(const nlohmann::json& results);

}  // namespace hardy::tools
