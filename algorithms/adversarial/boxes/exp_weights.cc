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

const RegisterRegretMethod with_bonus({"exp_weights",
                                       "exponential weights with dilated bonuses, plain estimates",
                                       Scaling::kEntropyControl, make_regret_learner<ExpWeights>});
const RegisterRegretMethod no_bonus({"exp_weights_no_bonus", "exponential weights without bonuses",
                                     Scaling::kEntropyNoBonus, make_regret_learner<ExpWeights>});
const RegisterRegretMethod linear_q(
    {"linear_q_exp_weights", "exponential weights with gamma = 2 eta H (Luo, Wei, Lee 2021, linear-Q)",
     Scaling::kLinearQ, make_regret_learner<ExpWeights>});

}  // namespace
}  // namespace hardy::algorithms
