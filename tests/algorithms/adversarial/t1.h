// The reference problem T1: a random linear MDP with H = 3, S = 4, A = 3, d = 3 and eight losses in turn.
#pragma once

#include <string>

#include "algorithms/experiments/regret_run.h"
#include "tests/engine/base/refusal.h"

namespace hardy::algorithms::test {

inline constexpr const char* kT1 = "simplex:seed=20230131,H=3,S=4,A=3,d=3,K=8";

// An environment that a method plays: T1, or as many contexts as T1 has states where it plays one layer
// alone.
inline std::string playable(const std::string& method) {
  return method == "ftrl_log_determinant" ? "simplex:seed=3,H=1,S=12,A=3,d=3,K=8,even=1" : kT1;
}

inline RegretConfig t1(const std::string& method, std::int64_t episodes, double eta, double beta,
                       double gamma) {
  RegretConfig config;
  config.method = method;
  config.instance = envs::make_instance(kT1, "", episodes);
  config.episodes = episodes;
  config.settings[0].eta = eta, config.settings[0].beta = beta, config.settings[0].gamma = gamma;
  return config;
}

using hardy::test::refusal;

}  // namespace hardy::algorithms::test
