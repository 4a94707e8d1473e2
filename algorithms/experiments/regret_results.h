// What a regret study found, in types; a folder's results.json is written from them.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/experiments/growth.h"
#include "algorithms/experiments/growth_sizes.h"
#include "algorithms/experiments/regret_run.h"
#include "engine/run/fields.h"
#include "envs/linear_mdp/linearity.h"

namespace hardy::algorithms {

struct Extremes {  // over the replicas of a run
  double least_eta_q = 0, largest_eta_bonus = 0;
};

// Every replica's regret in one run.
struct RegretCurves {
  std::vector<std::int64_t> episodes;       // the points, the last one K
  std::vector<std::uint64_t> seeds;         // of the replicas
  std::vector<std::vector<double>> regret;  // [replicas][points]
};

// One method on one environment, at every K that it has played so far.
struct MethodResults {
  std::string label, method;
  RegretTable table;
  Growth growth;
  double theory = 0;     // the exponent that theory shows, NaN where none
  std::string standing;  // standing_of()
  // At each K:
  std::vector<ResolvedSettings> settings;
  std::vector<Extremes> extremes;
  std::vector<std::map<std::string, double>> figures;  // what learners say of themselves, means over replicas
  std::vector<std::string> covariance;
  std::vector<RegretCurves> curves;  // where the study was asked to keep them
  // At the last K:
  std::string regret_notion, comparator;
  std::vector<std::int64_t> curve_episodes;
  std::vector<double> curve;  // mean regret over replicas
  // Of a study of a single run alone:
  std::vector<ReplicaResult> replicas;
  std::vector<double> best;

  std::int64_t simulator_calls = 0;
  double seconds = 0;
  std::vector<std::string> warnings;
};

struct EnvironmentResults {
  std::string env, losses;
  Sizes sizes;
  envs::Linearity linearity;
  std::vector<double> uniform;  // the uniform policy's regret at each K, of three K or more
  std::vector<MethodResults> methods;
  std::optional<MethodResults> unfinished;  // the one at play, where others have more K already
};

// How one method's regret grows with the sizes of the environments.
struct MethodSizes {
  std::string label;
  std::vector<SizeExponent> along, joint;
};

struct RegretResults {
  std::string title;
  std::int64_t replicas = 0;
  std::vector<EnvironmentResults> studies;
  std::vector<MethodSizes> sizes;  // of a complete study whose environments differ in one, or that asks
  std::vector<std::string> notes, warnings;
  bool single = false;    // one environment, one method, one K
  bool complete = false;  // else there is more to come
  double seconds = 0;     // of a complete one

  double episodes_played() const;  // of all replicas
};

// "1.2e+05, vacuous at this K", or "none": the literal bound as people read it.
std::string bound_text(const ResolvedSettings& settings);
// What people should know of a method's numbers, with the growth that was fitted to them.
std::vector<std::string> warnings_of(const MethodResults& method);
nlohmann::json json_of(const RegretResults& results);
// What a folder's results.json says, without growth, which follows from the rest, and the replicas of a
// single run. Errors name the file and the key.
RegretResults regret_results_of(const run::Fields& file);

}  // namespace hardy::algorithms
