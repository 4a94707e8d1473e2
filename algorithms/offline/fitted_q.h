// Fitted Q evaluation (Le, Voloshin, Yue 2019, arXiv 1903.08738): what a policy is worth where there is no
// environment to play in, from transitions alone.
//
//   Q <- argmin_Q sum (r + gamma (1 - d) Q'(s', pi(s')) - Q(s, a))^2,     value = mean over beginnings of
//   Q(s0, pi(s0))
//
// pi acts by its mode. Q' follows Q by Polyak averaging. The value is a discounted return.
#pragma once

#include <cstdint>
#include <vector>

#include "algorithms/acting/policy_file.h"
#include "datasets/transitions.h"
#include "engine/base/stop.h"
#include "engine/base/threads.h"

namespace hardy::run {
class Schema;
}

namespace hardy::algorithms {

struct FittedQSettings {
  std::int64_t steps = 30000, fits = 5, batch = 256, seed = 0;
  std::vector<std::int64_t> hidden = {256, 256};
  double gamma = 0.99, polyak = 0.02, learning_rate = 3e-4;

  double settles_after() const { return 5 / (polyak * (1 - gamma)); }  // steps; infinity: never
  void options(run::Schema& schema);
};

struct FittedQ {
  std::vector<double> values;  // one a fit, NaN of one that did not stay finite
  double mean = 0;             // over the fits that stayed finite; NaN where none did
  // 95 % of Student's t over them: of their beginnings, not of the data; NaN of fewer than two.
  double low = 0, high = 0;
  std::int64_t finite = 0;  // how many stayed so
  double behaviour = 0;     // the discounted return of the data's own episodes, ended ones and cut ones
  std::int64_t beginnings = 0;
  double moved = 0;  // how far the mean value went in the last quarter of the steps
  // Whether the value no longer moves, as far as one can see: the steps are settles_after() or more,
  // and the last quarter of them moved it by no more than its interval or a hundredth of it.
  bool settled = false;
};

// observations raw, actions within the policy's bounds. Errors: sizes that are not the policy's, a policy of
// choices, fewer rows than a batch. Stopped is thrown where it is stopped.
FittedQ fitted_q(const LoadedPolicy& policy, datasets::Transitions data, const FittedQSettings& settings,
                 ThreadTeam& team, StopToken stop = {});

}  // namespace hardy::algorithms
