// Policy optimisation with the true Q^{pi_k}_k of every episode: what bandit feedback costs is measured
// against it. Exponential weights (Hedge in every state, H^2 (K ln A)^{1/2}) or the log-barrier. Bonuses are
// off unless beta is given; then gamma's Sigma-dagger feeds them as in the bandit methods.
#include "algorithms/adversarial/regret_method.h"

namespace hardy::algorithms {
namespace {

template <bool LogBarrier>
class FullInformation final : public RegretLearner {
 public:
  explicit FullInformation(Steps& steps) : r_(steps) {}

  void episode(std::int64_t) override {
    if (LogBarrier)
      r_.log_barrier_policies();
    else
      r_.entropic_policies();
    r_.occupancies();
    r_.play();         // for the record alone
    r_.true_values();  // Qhat = Q^{pi_k}_k
    if (r_.rates.has_bonus) r_.covariance();
    r_.bonus();
    r_.dilate();
    r_.follow();
  }

 private:
  Steps& r_;
};

const RegisterRegretMethod hedge({.name = "hedge_full_information",
                                  .summary = "exponential weights on the true Q (full information)",
                                  .scaling = Scaling::kFullInformation,
                                  .make = make_regret_learner<FullInformation<false>>,
                                  .fixed_steps = true});
const RegisterRegretMethod log_barrier({.name = "log_barrier_full_information",
                                        .summary = "log-barrier FTRL on the true Q (full information)",
                                        .scaling = Scaling::kFullInformation,
                                        .make = make_regret_learner<FullInformation<true>>,
                                        .fixed_steps = true});

}  // namespace
}  // namespace hardy::algorithms
