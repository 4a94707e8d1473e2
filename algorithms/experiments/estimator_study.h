// How far estimates of (gamma I + Sigma)^{-1} are from it at equal numbers of samples: the empirical
// regularised inverse (Dai, Luo, Wei, Zimmert 2023) against matrix geometric resampling (Neu, Olkhovskaya
// 2020), with the bounds that the analysis gives.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/run/observer.h"
#include "envs/linear_mdp/linear_mdp.h"

namespace hardy::algorithms {

struct MeanError {
  double mean = 0, standard_error = 0;
};

// At one gamma and one number of samples M. With G = gamma I + Sigma, Sigma = E[phi_h phi_h^T]:
// multiplicative: ||G^{1/2} X G^{1/2} - I||_op; absolute: ||X - G^{-1}||_op, X the (symmetrised) estimate.
struct EstimatorErrors {
  double gamma = 0;
  std::int64_t samples = 0, chains = 0, terms = 0;  // samples = M; of resampling: chains x terms <= M
  MeanError empirical, empirical_absolute, resampling, resampling_absolute;
  // z / (1 - z), z = sqrt(3 ln(2 d H / delta) / (gamma M)): holds for the empirical inverse with probability
  // 1 - delta (matrix Chernoff); NaN where z >= 1 and nothing is said.
  double empirical_bound = 0;
  // (1 - c gamma)^(N + 1) / gamma: of resampling's bias alone, c = 1/2.
  double resampling_bias_bound = 0;
};

struct EstimatorStudy {
  int layer = 1;
  std::vector<double> gammas = {0.1, 0.01, 0.001};
  std::vector<double> multiples = {1, 10};  // M = multiple / gamma
  int repeats = 100;
  std::uint64_t seed = 1;
  double delta = 0.05;
};

// Under the uniform policy; a sample is one trajectory's feature at the layer. Resampling splits M into
// floor(M / floor(sqrt M)) chains of floor(sqrt M) terms, at least 2. The
// watch hears and may stop (Stopped) between two repeats.
std::vector<EstimatorErrors> estimator_errors(const envs::LinearMdp& mdp, const EstimatorStudy& study,
                                              const run::Watch& watch = {});

}  // namespace hardy::algorithms
