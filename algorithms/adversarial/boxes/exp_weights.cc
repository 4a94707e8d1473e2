// Exponential weights on the plain one-episode estimates. Under three names:
//
//   exp_weights           dilated bonuses, gamma as small as the magnitude-reduced method's: the control
//   exp_weights_no_bonus  the same with beta = 0
//   linear_q_exp_weights  Luo, Wei, Lee 2021 for linear-Q: gamma = 2 eta H keeps eta Qhat >= -1;
//                         regret d^{2/3} H^2 K^{2/3}
#include "algorithms/adversarial/regret_method.h"

namespace hardy::algorithms {
namespace {

class ExpWeights : public RegretLearner {
 public:
  explicit ExpWeights(Steps& steps) : r_(steps) {}

  void episode(std::int64_t) override {
    r_.entropic_policies();  // pi_k(a|s) ~ exp(-eta sum_{j<k} (Qhat_j - B_j)(s,a))
    r_.occupancies();
    r_.play();
    r_.covariance();
    r_.estimate_with_bonus();  // Qhat_k,h(s,a) = phi(s,a) . Sd_k,h phi(s_h,a_h) L_h, b and B
    r_.follow();
  }

 private:
  Steps& r_;
};

const RegisterRegretMethod with_bonus({.name = "exp_weights",
                                       .summary = "exponential weights with dilated bonuses, plain estimates",
                                       .scaling = Scaling::kEntropyControl,
                                       .make = make_regret_learner<ExpWeights>,
                                       .simulator = SimulatorForm{},
                                       .fixed_steps = true});
const RegisterRegretMethod no_bonus({.name = "exp_weights_no_bonus",
                                     .summary = "exponential weights without bonuses",
                                     .scaling = Scaling::kEntropyNoBonus,
                                     .make = make_regret_learner<ExpWeights>,
                                     .simulator = SimulatorForm{},
                                     .fixed_steps = true});
const RegisterRegretMethod linear_q(
    {.name = "linear_q_exp_weights",
     .summary = "exponential weights with gamma = 2 eta H (Luo, Wei, Lee 2021, linear-Q)",
     .scaling = Scaling::kLinearQ,
     .make = make_regret_learner<ExpWeights>,
     .simulator = SimulatorForm{},
     .fixed_steps = true});

}  // namespace
}  // namespace hardy::algorithms
