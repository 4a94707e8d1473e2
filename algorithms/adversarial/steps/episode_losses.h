// The losses of the episode that is played. An adaptive adversary is each lane's own, and what it did is
// summed up, because its comparator is the best policy for the realised losses.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "algorithms/adversarial/steps/tables.h"
#include "envs/linear_mdp/instance.h"

namespace hardy::algorithms {

class EpisodeLosses {
 public:
  EpisodeLosses(const envs::Instance& instance, int lanes);

  void begin(std::int64_t k);
  // Tells an adaptive adversary what was played. Of losses of one's own code, looks at one pair that the
  // lane's trajectory did not visit, drawn anew each episode.
  void end(std::int64_t k, const Tables& tables, const Played& played);

  bool adaptive() const { return adaptive_; }
  bool linear() const { return linear_; }
  const double* of(int w) const { return now_[static_cast<std::size_t>(w)]; }  // nu [H][d], or l [H][S][A]
  const std::vector<double>& sum(int w) const { return sum_[static_cast<std::size_t>(w)]; }
  double at(int h, int s, int a, int w) const {
    if (!linear_) return of(w)[h * mdp_.pairs() + std::int64_t{s} * mdp_.A + a];
    const int d = mdp_.d;
    const double *const phi = mdp_.features(h, s, a), *const nu = of(w) + std::int64_t{h} * d;
    double loss = 0;
    for (int i = 0; i < d; ++i) loss += phi[i] * nu[i];
    return loss;
  }
  // at() of a pair that was visited: its range is kept.
  double visited(int h, int s, int a, int w) {
    const double loss = at(h, s, a, w);
    keep_range(loss);
    return loss;
  }
  double lowest() const { return lowest_; }
  double highest() const { return highest_; }

 private:
  void keep_range(double loss) {
    if (loss < lowest_) lowest_ = loss;
    if (loss > highest_) highest_ = loss;
  }

  const envs::LinearMdp& mdp_;
  const envs::LossProcess& process_;
  const bool adaptive_, linear_;
  std::vector<const double*> now_;                               // one lane's each
  std::vector<std::unique_ptr<envs::LossProcess>> adversaries_;  // of an adaptive process
  std::vector<std::vector<double>> sum_;                         // of its realised losses
  std::vector<double> scratch_, features_, occupancies_;
  double lowest_ = 0, highest_ = 1;  // seen so far
};

}  // namespace hardy::algorithms
