// The uniform policy, which learns nothing: what a regret curve should lie below.
#include "algorithms/adversarial/learner.h"

namespace hardy::algorithms {
namespace {

template <int W>
class Uniform final : public RegretLearner {
 public:
  explicit Uniform(Replicas<W>& replicas) : r_(replicas) {
    for (std::int64_t i = 0; i < r_.pi.size(); ++i) r_.pi[i] = 1.0 / r_.A;
  }
  void episode(std::int64_t) override {
    r_.occupancies();
    r_.play();
  }

 private:
  Replicas<W>& r_;
};

LearnerMakers makers() {
  LearnerMakers all = makers_of<Uniform>();
  all.costs = all.covariance = false;
  return all;
}
const RegisterLearner registration({"uniform", "the uniform policy", Scaling::kNone}, makers());

}  // namespace
}  // namespace hardy::algorithms
