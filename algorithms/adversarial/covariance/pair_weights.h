// What an estimate of a covariance is a weighted sum over: occupancies, "M = infinity", or the share of M
// fresh trajectories that visit each pair.
#pragma once

#include "algorithms/adversarial/steps/trajectories.h"

namespace hardy::algorithms {

template <int W>
class PairWeights {
 public:
  PairWeights(const Game& game, const Tables& tables, const Rates& rates, Trajectories<W>& trajectories)
      : choice_(game.covariance), tables_(tables), rates_(rates), trajectories_(trajectories) {}

  const Numbers& of_covariance(std::int64_t k);  // [H][S][A][W]
  const Numbers& of_magnitude(std::int64_t k);

 private:
  const Numbers& sample(DrawFor purpose, std::int64_t k);

  const CovarianceChoice& choice_;
  const Tables& tables_;
  const Rates& rates_;
  Trajectories<W>& trajectories_;
  Numbers shares_;
};

}  // namespace hardy::algorithms
