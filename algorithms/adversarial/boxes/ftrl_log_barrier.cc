// FTRL with the log-barrier and dilated bonuses, for linear-Q MDPs with a simulator: Algorithm 1 of Dai, Luo,
// Wei, Zimmert, "Refined regret for adversarial MDPs with linear function approximation", ICML 2023. Regret
// A^{1/2} d^{1/2} H^3 K^{1/2} up to logarithms: the log-barrier's stability needs no lower bound on the
// estimates, so that gamma may be as small as 1/K.
#include "algorithms/adversarial/regret_method.h"

namespace hardy::algorithms {
namespace {

class FtrlLogBarrier final : public RegretLearner {
 public:
  explicit FtrlLogBarrier(Steps& steps) : r_(steps) {}

  void episode(std::int64_t) override {
    r_.log_barrier_policies();  // 1. pi_k = argmin_p <p, eta sum_{j<k} (Qhat_j - B_j)> + sum_a ln(1/p_a)
    r_.occupancies();
    r_.play();        // 2. a trajectory of pi_k
    r_.covariance();  // 3. Sd_k,h = (gamma I + Sigma~_k,h)^{-1}, from other trajectories than 2
    // 4. Qhat_k,h(s,a) = phi(s,a) . Sd_k,h phi(s_h,a_h) L_h
    //    b_k,h(s,a) = beta (|phi(s,a)|^2_Sd + E_{a'} |phi(s,a')|^2_Sd)
    //    B_k,h = b_k,h + (1 + 1/H) P_h E_{pi_k} B_k,h+1
    r_.estimate_with_bonus();
    r_.follow();
  }

 private:
  Steps& r_;
};

const RegisterRegretMethod registration(
    {.name = "ftrl_log_barrier",
     .summary = "log-barrier FTRL with dilated bonuses (Dai et al. 2023, Algorithm 1)",
     .scaling = Scaling::kLogBarrier,
     .make = make_regret_learner<FtrlLogBarrier>,
     .simulator = SimulatorForm{.barrier = true},
     .fixed_steps = true});

}  // namespace
}  // namespace hardy::algorithms
