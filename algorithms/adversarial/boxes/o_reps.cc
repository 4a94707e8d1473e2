// O-REPS with known transitions (Zimin, Neu 2013): mirror descent over occupancies with the relative entropy,
//
//   q_{k+1} = argmin over occupancies of  eta <q, lhat_k> + KL(q || q_k),
//   lhat = l 1{visited} / (q_k + gamma)
//
// by its dual (occupancy_projection.h).
#include <cmath>

#include "algorithms/adversarial/boxes/occupancy_projection.h"
#include "algorithms/adversarial/regret_method.h"

namespace hardy::algorithms {
namespace {

class OReps final : public RegretLearner {
 public:
  explicit OReps(Steps& steps) : r_(steps), t_(steps.tables), projection_(steps.mdp, nullptr) {
    r_.uniform_policies();
    r_.occupancies();  // q_1: of the uniform policy
    next_ = Numbers(t_.q.size());
    log_weight_ = Numbers(t_.q.size());
  }

  void episode(std::int64_t) override {
    r_.occupancies();  // of the policy that q_k stands for
    r_.play();
    for (std::int64_t i = 0; i < t_.q.size(); ++i) log_weight_[i] = std::log(t_.q[i]);
    for (int h = 0; h < t_.H; ++h) {  // - eta lhat at the pairs that were visited
      const int s = r_.played.states[static_cast<std::size_t>(h)],
                a = r_.played.actions[static_cast<std::size_t>(h)];
      const std::int64_t at = t_.table(h) + std::int64_t{s} * t_.A + a;
      const double estimate = r_.losses.at(h, s, a, 0) / (t_.q[at] + r_.rates.gamma[0]);
      log_weight_[at] -= r_.rates.eta[0] * estimate;
      r_.record.least_eta_q[0] = std::min(r_.record.least_eta_q[0], r_.rates.eta[0] * estimate);
    }
    projection_.project(log_weight_, next_);
    policy_of(next_, t_.A, t_.pi);
  }

 private:
  Steps& r_;
  Tables& t_;
  OccupancyProjection projection_;
  Numbers next_, log_weight_;
};

const RegisterRegretMethod registration({.name = "o_reps",
                                         .summary = "O-REPS with known transitions (Zimin, Neu 2013)",
                                         .scaling = Scaling::kOccupancy,
                                         .make = make_regret_learner<OReps>,
                                         .lanes = false,
                                         .costs = false,
                                         .covariance = false});

}  // namespace
}  // namespace hardy::algorithms
