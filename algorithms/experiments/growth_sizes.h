// How regret grows with the sizes of what is played, beside K: features d, layers H, actions A, states S.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algorithms/adversarial/settings.h"
#include "algorithms/experiments/growth.h"

namespace hardy::algorithms {

// One method's runs on one instance at one K.
struct SizedRun {
  Sizes sizes;
  std::vector<double> regret;  // of every replica
};

// R ~ x^value along one size x.
struct SizeExponent {
  std::string size;  // "K", "d", "H", "A", "S"
  std::string held;  // "K = 4096, H = 3, A = 3": where the others stand, or what moves along
  Exponent exponent;
};

// Along each size that takes three values or more while the others stay: least squares of log mean regret
// over the largest such set of runs, that of the largest K where there are several. Where d follows from
// another size, as with one-hot features, it moves along and `held` says so. Of K alone where other sizes
// vary too: each environment's own exponent says it. Intervals as in growth.h.
std::vector<SizeExponent> along_sizes(const std::vector<SizedRun>& runs, std::uint64_t seed,
                                      int resamples = 2000);

// All at once: log R = c + sum_x e_x log x by least squares over all runs. A size whose logarithm is a
// combination of those before it (in the order K d H A S) has no exponent of its own, and says so.
std::vector<SizeExponent> joint_exponents(const std::vector<SizedRun>& runs, std::uint64_t seed,
                                          int resamples = 2000);

}  // namespace hardy::algorithms
