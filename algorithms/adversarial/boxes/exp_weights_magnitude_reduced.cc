// Exponential weights on magnitude-reduced estimates, for linear-Q MDPs with a simulator: Algorithm 2 of Dai,
// Luo, Wei, Zimmert, ICML 2023. Regret d^{1/2} H^3 (K ln A)^{1/2} up to logarithms. With
// kappa(s,a) = phi(s,a) . Sd_k,h phi(s_h,a_h), the negative part of the estimate is replaced by its mean:
//
//   Qhat = kappa L - H (kappa)_- + m,   m(s,a) = H E_{pi_k} (phi(s,a) . Sd phi')_-  >= -H / sqrt(gamma)
//
// so that eta Qhat >= -1 asks for sqrt(gamma) >= eta H instead of gamma >= eta H.
#include "algorithms/adversarial/regret_method.h"

namespace hardy::algorithms {
namespace {

class MagnitudeReduced final : public RegretLearner {
 public:
  explicit MagnitudeReduced(Steps& steps) : r_(steps) {}

  void episode(std::int64_t) override {
    r_.entropic_policies();  // 1. pi_k(a|s) ~ exp(-eta sum_{j<k} (Qhat_j - B_j)(s,a))
    r_.occupancies();
    r_.play();              // 2. a trajectory of pi_k
    r_.covariance();        // 3. Sd_k,h
    r_.estimate();          // 4. kappa L ...
    r_.reduce_magnitude();  //    ... - H (kappa)_- + m
    r_.bonus();
    r_.dilate();
    r_.follow();
  }

 private:
  Steps& r_;
};

const RegisterRegretMethod registration(
    {.name = "exp_weights_magnitude_reduced",
     .summary = "exponential weights on magnitude-reduced estimates (Dai et al. 2023, Algorithm 2)",
     .scaling = Scaling::kEntropy,
     .make = make_regret_learner<MagnitudeReduced>,
     .magnitude = true,
     .simulator = SimulatorForm{.reduced = true},
     .fixed_steps = true});

}  // namespace
}  // namespace hardy::algorithms
