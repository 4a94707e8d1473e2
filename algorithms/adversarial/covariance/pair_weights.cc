#include "algorithms/adversarial/covariance/pair_weights.h"

#include <algorithm>

#include "engine/linalg/lanes.h"

namespace hardy::algorithms {

using Kind = CovarianceChoice::Kind;

template <int W>
const Numbers& PairWeights<W>::of_covariance(std::int64_t k) {
  return choice_.kind == Kind::kExact ? tables_.q : sample(DrawFor::kCovariance, k);
}

template <int W>
const Numbers& PairWeights<W>::of_magnitude(std::int64_t k) {
  if (choice_.kind == Kind::kExact) return tables_.q;
  const bool own = choice_.kind == Kind::kMgr || choice_.independent_magnitude;  // else the covariance's
  return own ? sample(DrawFor::kMagnitude, k) : shares_;
}

template <int W>
const Numbers& PairWeights<W>::sample(DrawFor purpose, std::int64_t k) {
  if (shares_.size() == 0) shares_ = Numbers(tables_.q.size());
  std::fill_n(shares_.at(0), shares_.size(), 0.0);
  for (int w = 0; w < W; ++w) {
    const SampleCounts counts = sample_counts(choice_, rates_.gamma[static_cast<std::size_t>(w)]);
    const std::int64_t M = purpose == DrawFor::kMagnitude ? counts.compensator : counts.trajectories();
    trajectories_.draws(w).begin(purpose, k);
    const double share = 1.0 / static_cast<double>(M);
    for (std::int64_t m = 0; m < M; ++m)
      trajectories_.simulate(w, [&](int h, int s, int a) { shares_[tables_.pair(h, s, a) + w] += share; });
    trajectories_.count(w, M);
  }
  return shares_;
}

template class PairWeights<1>;
template class PairWeights<linalg::kLanes>;

}  // namespace hardy::algorithms
