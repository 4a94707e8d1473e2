// A learner: one file that reads like the paper's box, made for a group of W replicas, registered by name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "algorithms/adversarial/replicas.h"

namespace hardy::algorithms {

class RegretLearner {
 public:
  virtual ~RegretLearner() = default;
  // Episode k: chooses pi_k, has it evaluated, plays, learns.
  virtual void episode(std::int64_t k) = 0;
};

struct LearnerMakers {
  std::unique_ptr<RegretLearner> (*one)(Replicas<1>&) = nullptr;
  std::unique_ptr<RegretLearner> (*many)(Replicas<linalg::kLanes>&) =
      nullptr;             // absent: replicas go one by one
  bool costs = true;       // keeps the table C
  bool covariance = true;  // uses Sigma-dagger
  bool magnitude = false;  // uses the compensator m, n^2 d operations a layer
};

struct RegisterLearner {
  RegisterLearner(const RegretMethod& method, const LearnerMakers& makers);
};
const LearnerMakers& learner_makers(const std::string& name);

// Of a learner that is a template over the lanes.
template <template <int> class L>
LearnerMakers makers_of() {
  LearnerMakers makers;
  makers.one = [](Replicas<1>& r) -> std::unique_ptr<RegretLearner> { return std::make_unique<L<1>>(r); };
  makers.many = [](Replicas<linalg::kLanes>& r) -> std::unique_ptr<RegretLearner> {
    return std::make_unique<L<linalg::kLanes>>(r);
  };
  return makers;
}

}  // namespace hardy::algorithms
