// A regret study: environments x methods x numbers of episodes K, each a batch of replicas.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/adversarial/step_law.h"
#include "algorithms/experiments/regret_results.h"
#include "algorithms/experiments/regret_run.h"

namespace hardy::algorithms {

// A method with settings of its own.
struct MethodChoice {
  std::string method, label;
  CovarianceChoice covariance;
  SettingsRequest settings;                  // without step sizes:
  std::optional<StepLaw> eta, beta, gamma;   // laws of K, d, H, A, S
  std::map<std::string, StepLaw> keys = {};  // of the method's own

  SettingsRequest at(const Sizes& sizes) const;
};

// CoverSettings as laws of the sizes.
struct CoverLaws {
  StepLaw delta_e{"0", "--delta-e"}, alpha{"0", "--alpha"}, epoch{"0", "--epoch"},
      cover_episodes{"0", "--cover-episodes"};
  CoverSettings settings;  // the rest of them

  CoverSettings at(const Sizes& sizes) const;
};

struct RegretStudySettings {
  std::vector<std::string> envs;  // as envs::make_instances reads them
  std::string losses;             // "": each environment's own
  std::vector<MethodChoice> methods;
  std::vector<std::int64_t> episodes;  // K, rising
  std::int64_t replicas = 1, seed = 0, threads = 1;
  RandomChoice random;
  CoverLaws cover;
  int curve_points = 50, keep_trajectories = 2, resamples = 2000;
  bool strict = false;  // refuse what is no linear MDP
  bool shard =
      false;  // a part of a larger study: seeds follow from K itself, and uniform play is always there
  bool joint = false;        // exponents of all sizes at once
  bool keep_curves = false;  // every replica's, of every K (MethodResults::curves)
  bool simulator = false;    // learners have a simulator and nothing else (simulator_run.h)
  std::string title;
  std::shared_ptr<device::Device> device;  // that plays; null: the CPU does
  comm::Ranks* ranks = &comm::alone();     // processes that share each run's replicas
};

class RegretStudy {
 public:
  explicit RegretStudy(RegretStudySettings settings);  // everything is checked before anything runs

  // One environment, one method, one K: printed by itself and not as a study.
  bool single() const;
  // What was converted on the way in, and where instances are not what the theory asks for.
  const std::vector<std::string>& notes() const { return notes_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  struct Ears {
    std::function<void(const std::string&)> say;  // a line for people: what came out
    // Results so far, after every run of a method at one K, as those at the end else. May be empty.
    std::function<void(const RegretResults&)> keep;
  };
  // The watch's token may stop it (Stopped) between two episodes. before: what the same study kept when it
  // was stopped; its runs are not played again, and what comes out is as if it had never been stopped.
  RegretResults run(const Ears& ears, const run::Watch& watch = {},
                    const RegretResults* before = nullptr) const;
  // Memory and work of the largest run, and how long all of it will take: the methods themselves play a few
  // episodes for that, about a twentieth of a second or a thirtieth of their run each.
  std::string cost() const;
  double seconds() const;          // how long all of it will take, likewise
  double episodes_in_all() const;  // of all environments, methods, K and replicas

 private:
  RegretConfig config(std::size_t env, const MethodChoice& method, std::size_t k) const;
  double seconds_of(std::size_t env, const MethodChoice& method, ThreadTeam& team) const;
  // One more K for a method.
  void play(std::size_t env, const MethodChoice& method, std::size_t k, MethodResults& results,
            ThreadTeam& team, const run::Watch& watch) const;
  MethodResults known_of(const RegretResults* before, std::size_t env, std::size_t method) const;
  void look_at_instances();
  // The uniform policy's mean regret at a K.
  double uniform_regret(std::size_t env, std::size_t k, ThreadTeam& team, const run::Watch& watch) const;

  RegretStudySettings settings_;
  std::vector<std::vector<envs::Instance>> instances_;  // [env][K], made once
  std::vector<envs::Linearity> linearity_;              // [env]
  std::vector<std::string> notes_, warnings_;
};

}  // namespace hardy::algorithms
