// Behaviour cloning, and what its relatives change of it: the rows that it learns from.
#pragma once

#include "algorithms/learning/method.h"

namespace hardy::algorithms {

class BehaviourCloning : public Method {
 public:
  std::int64_t batch_size() const override { return batch_; }
  bool normalises_observations() const override { return normalise_; }
  bool has_critic() const override { return false; }
  PolicySpec policy(int observation_size, int action_size) const override;
  void build(Learner& learner, const DataSource& data) const override;

 protected:
  void options(run::Schema& schema, const std::string& section);

 private:
  using Method::options;

  std::int64_t batch_ = 256;
  std::vector<std::int64_t> hidden_ = {256};
  double learning_rate_ = 3e-4;
  std::string head_ = "deterministic";
  bool normalise_ = true;
};

}  // namespace hardy::algorithms
