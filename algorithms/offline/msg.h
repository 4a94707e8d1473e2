// MSG, and what its relatives change of it: the loss of the critics.
#pragma once

#include "algorithms/offline/actor_critic.h"

namespace hardy::algorithms {

class MsgMethod : public Method {
 public:
  MsgMethod() { c_.critics = 10; }
  void check() override;
  std::int64_t batch_size() const override { return c_.batch; }
  bool normalises_observations() const override { return c_.normalise; }
  PolicySpec policy(int observation_size, int action_size) const override;
  void build(Learner& learner, const DataSource& data) const override;

 protected:
  void options(run::Schema& schema, const std::string& section);
  // Of values q and their targets y, both [A, E, B] and y without a gradient: [A]. MSG's: the squared errors,
  // meant over the rows and summed over the members.
  virtual Tensor critic_loss(Update& critics, Tensor q, Tensor y) const;
  // The standard deviation over the members, with E - 1: [A, E, B] -> [A, 1, B].
  Tensor deviation(Graph& g, Tensor values) const;

 private:
  using Method::options;

  ActorCriticSettings c_;
  double pessimism_ = 4;
};

}  // namespace hardy::algorithms
