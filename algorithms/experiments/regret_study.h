// What `hardy regret` runs: environments x methods x numbers of episodes K, each a batch of replicas.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/adversarial/step_law.h"
#include "algorithms/experiments/regret_run.h"
#include "envs/linear_mdp/linearity.h"

namespace hardy::tools {

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
  bool cover_oracle = false, strict = false;
  std::string evaluation = "exact";
  double memory_gb = 4;
};

// "1024 4096 16384", "1e3", or "2^10..2^17", which doubles.
std::vector<std::int64_t> parse_episodes(const std::string& text);

// A method with settings of its own: "exp_weights:c_eta=20,c_beta=0", keys as the command's, also
// covariance=mgr,M=10,N=40 and label=... ; what it does not name is as for all methods.
struct MethodChoice {
  std::string method, label, covariance;
  algorithms::SettingsRequest settings;                 // without step sizes:
  std::optional<algorithms::StepLaw> eta, beta, gamma;  // laws of K, d, H, A, S

  algorithms::SettingsRequest at(const algorithms::Sizes& sizes) const;
};
MethodChoice parse_method(const std::string& text, const RegretOptions& options);

class RegretStudy {
 public:
  explicit RegretStudy(const RegretOptions& options);  // everything is checked before anything runs

  // One environment, one method, one K: printed by itself and not as a study.
  bool single() const { return envs_.size() == 1 && methods_.size() == 1 && episodes_.size() == 1; }
  // What was converted on the way in, and where instances are not what the theory asks for.
  const std::vector<std::string>& notes() const { return notes_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  struct Ears {
    std::function<void(const std::string&)> say;  // a line for people: what came out
    // Results so far, after every run of a method at one K: {"complete": false}, and as those at the end
    // else. May be empty.
    std::function<void(const nlohmann::json&)> keep;
  };
  nlohmann::json run(const Ears& ears) const;
  // Memory and work of the largest run, and how long all of it will take: the methods themselves play a few
  // episodes for that, about a twentieth of a second or a thirtieth of their run each.
  std::string cost() const;

 private:
  algorithms::RegretConfig config(std::size_t env, const MethodChoice& method, std::size_t k) const;
  double seconds_of(std::size_t env, const MethodChoice& method, ThreadTeam& team) const;
  // uniform: the uniform policy's regret at each K so far, which a study of three K or more needs; it grows.
  nlohmann::json run_method(std::size_t env, const MethodChoice& method, std::vector<double>& uniform,
                            ThreadTeam& team, const std::function<void(const nlohmann::json&)>& keep) const;
  nlohmann::json results(const nlohmann::json& studies, bool complete) const;
  void look_at_instances();
  // The uniform policy's mean regret at a K.
  double uniform_regret(std::size_t env, std::size_t k, ThreadTeam& team) const;

  RegretOptions options_;
  std::vector<std::string> envs_;
  std::vector<MethodChoice> methods_;
  std::vector<std::int64_t> episodes_;
  std::vector<std::vector<envs::Instance>> instances_;  // [env][K], made once
  std::vector<envs::Linearity> linearity_;              // [env]
  std::vector<std::string> notes_, warnings_;
};

// The table that people read.
std::string study_text(const nlohmann::json& results);
std::string single_text(const nlohmann::json& results);

}  // namespace hardy::tools
