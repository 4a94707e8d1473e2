// The uniform policy, which learns nothing: what a regret curve should lie below.
#include "algorithms/adversarial/regret_method.h"

namespace hardy::algorithms {
namespace {

class Uniform final : public RegretLearner {
 public:
  explicit Uniform(Steps& steps) : r_(steps) { r_.uniform_policies(); }
  void episode(std::int64_t) override {
    r_.occupancies();
    r_.play();
  }

 private:
  Steps& r_;
};

const RegisterRegretMethod registration({.name = "uniform",
                                         .summary = "the uniform policy",
                                         .scaling = Scaling::kNone,
                                         .make = make_regret_learner<Uniform>,
                                         .costs = false,
                                         .covariance = false,
                                         .fixed_steps = true});

}  // namespace
}  // namespace hardy::algorithms
