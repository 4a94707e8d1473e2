// The reference problem T1: a random linear MDP with H = 3, S = 4, A = 3, d = 3 and eight losses in turn.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "algorithms/adversarial/regret_run.h"
#include "engine/base/error.h"

namespace hardy::algorithms::test {

inline constexpr const char* kT1 = "simplex:seed=20230131,H=3,S=4,A=3,d=3,K=8";

inline RegretConfig t1(const std::string& method, std::int64_t episodes, double eta, double beta,
                       double gamma) {
  RegretConfig config;
  config.method = method;
  config.instance = envs::make_instance(kT1, "", episodes);
  config.episodes = episodes;
  config.settings[0].eta = eta, config.settings[0].beta = beta, config.settings[0].gamma = gamma;
  return config;
}

// The line with which bad input is refused.
inline std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 2);
    return e.message();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

}  // namespace hardy::algorithms::test
