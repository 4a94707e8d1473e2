// Behaviour cloning: the policy regresses on the dataset's actions.
#include "algorithms/offline/bc.h"

#include "algorithms/offline/losses.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

void BehaviourCloning::options(run::Schema& s, const std::string& section) {
  s.section(section)
      .option("batch-size", &batch_, "rows of a minibatch", 1, 1 << 20)
      .option("hidden", &hidden_,
              "widths of the hidden layers, with commas; one number: two layers of that width", 1, 8192)
      .option("learning-rate", &learning_rate_, "Adam's step", 0.0)
      .option("head", &head_, "the policy's output", {"deterministic", "gaussian"})
      .option("normalise", &normalise_, "observations by the dataset's mean and standard deviation");
}

PolicySpec BehaviourCloning::policy(int observation_size, int action_size) const {
  PolicySpec spec;
  spec.head = head_named(head_);
  spec.observation_size = observation_size;
  spec.action_size = action_size;
  spec.hidden = hidden_layers(hidden_);
  return spec;
}

void BehaviourCloning::build(Learner& learner, const DataSource& data) const {
  Update& update = learner.update("update");
  const Batch batch = data.batch(update);
  const PolicySpec spec = policy(batch.observation_size, batch.action_size);
  const PolicyNetworks pi = add_policy(learner, spec);
  // The squared error is a mean over the action's dimensions too, a log-density a sum.
  const double share = spec.head == Head::kDeterministic ? 1.0 / batch.action_size : 1.0;
  minimise_policy(update, spec, pi, batch, update.graph().scalar(DType::kF32, share),
                  {.learning_rate = nn::Schedule::constant(learning_rate_)});
}

namespace {

class Bc final : public BehaviourCloning {
 public:
  void options(run::Schema& schema) override { BehaviourCloning::options(schema, "behaviour cloning"); }
  bool imitates() const override { return true; }
};

const RegisterMethod<Bc> registration("bc", "behaviour cloning");

}  // namespace
}  // namespace hardy::algorithms
