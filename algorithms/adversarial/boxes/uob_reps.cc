// UOB-REPS (Jin, Jin, Luo, Sra, Yu, "Learning adversarial MDPs with bandit feedback and unknown transition",
// ICML 2020): O-REPS where transitions are not known. Regret of order H S (A K)^{1/2}, the rival of policy
// optimisation among methods that work on occupancies.
//
//   u_k(s,a)  = largest probability over the confidence set of coming to (s,a) under pi_k
//   lhat_k    = l 1{visited} / (u_k + gamma)
//   q_{k+1}   = argmin of eta <q, lhat_k> + KL(q || q_k) over occupancies q(s,a,s') whose transitions lie in
//   the set pi_{k+1}  = q_{k+1}(s,a) / sum_a
//
// It reads no transitions: what it knows are its counts (confidence_set.h, c = 2, delta = 1/K) and the start
// law.
#include <algorithm>
#include <cmath>
#include <vector>

#include "algorithms/adversarial/boxes/occupancy_projection.h"
#include "algorithms/adversarial/regret_method.h"

namespace hardy::algorithms {
namespace {

class UobReps final : public RegretLearner {
 public:
  explicit UobReps(Steps& steps)
      : r_(steps),
        t_(steps.tables),
        set_(r_.mdp, r_.game.episodes, 1 / static_cast<double>(r_.game.episodes), false, 2),
        projection_(r_.mdp, &set_),
        q_(t_.q.size()),
        log_weight_(t_.q.size()),
        upper_(static_cast<std::size_t>(t_.H) * static_cast<std::size_t>(t_.S)) {
    r_.uniform_policies();
    for (std::int64_t i = 0; i < q_.size(); ++i)  // q_1: even, from where episodes start
      q_[i] = i < t_.n ? r_.mdp.start[static_cast<std::size_t>(i / t_.A)] / t_.A
                       : 1.0 / static_cast<double>(t_.n);
  }

  void episode(std::int64_t) override {
    r_.occupancies();
    r_.play();
    set_.reach(t_.pi.at(0), true, upper_);
    for (std::int64_t i = 0; i < q_.size(); ++i) log_weight_[i] = std::log(q_[i]);
    for (int h = 0; h < t_.H; ++h) {
      const int s = state(h), a = action(h);
      const std::int64_t at = t_.pair(h, s, a);
      const double u = t_.pi[at] * upper_[static_cast<std::size_t>(std::int64_t{h} * t_.S + s)];
      const double estimate = r_.losses.at(h, s, a, 0) / (u + r_.rates.gamma[0]);
      log_weight_[at] -= r_.rates.eta[0] * estimate;
      if (h + 1 < t_.H) set_.visited(h, s, a, state(h + 1));
    }
    set_.refresh();
    projection_.project(log_weight_, q_);
    policy_of(q_, t_.A, t_.pi);
  }

 private:
  int state(int h) const { return r_.played.states[static_cast<std::size_t>(h)]; }
  int action(int h) const { return r_.played.actions[static_cast<std::size_t>(h)]; }

  Steps& r_;
  Tables& t_;
  ConfidenceSet set_;
  OccupancyProjection projection_;
  Numbers q_, log_weight_;
  std::vector<double> upper_;
};

const RegisterRegretMethod registration(
    {.name = "uob_reps",
     .summary = "occupancy measures, transitions unknown (Jin, Jin, Luo, Sra, Yu 2020)",
     .scaling = Scaling::kOccupancy,
     .make = make_regret_learner<UobReps>,
     .lanes = false,
     .costs = false,
     .covariance = false});

}  // namespace
}  // namespace hardy::algorithms
