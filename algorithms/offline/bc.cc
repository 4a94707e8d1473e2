// Behaviour cloning: the policy regresses on the dataset's actions.
#include "algorithms/offline/losses.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Bc final : public Method {
 public:
  void options(run::Schema& s) override {
    s.section("behaviour cloning")
        .option("batch-size", &batch_, "rows of a minibatch", 1, 1 << 20)
        .option("hidden", &hidden_,
                "widths of the hidden layers, with commas; one number: two layers of that width", 1, 8192)
        .option("learning-rate", &learning_rate_, "Adam's step", 0.0)
        .option("head", &head_, "the policy's output", {"deterministic", "gaussian"})
        .option("normalise", &normalise_, "observations by the dataset's mean and standard deviation");
  }
  std::int64_t batch_size() const override { return batch_; }
  bool normalises_observations() const override { return normalise_; }
  bool imitates() const override { return true; }
  PolicySpec policy(int observation_size, int action_size) const override {
    PolicySpec spec;
    spec.head = head_named(head_);
    spec.observation_size = observation_size;
    spec.action_size = action_size;
    spec.hidden = hidden_layers(hidden_);
    return spec;
  }

  void build(Learner& learner, const DataSource& data) const override {
    Update& update = learner.update("update");
    const Batch batch = data.batch(update);
    const PolicySpec spec = policy(batch.observation_size, batch.action_size);
    const PolicyNetworks pi = add_policy(learner, spec);
    // The squared error is a mean over the action's dimensions too, a log-density a sum.
    const double share = spec.head == Head::kDeterministic ? 1.0 / batch.action_size : 1.0;
    minimise_policy(update, spec, pi, batch, update.graph().scalar(DType::kF32, share),
                    {.learning_rate = nn::Schedule::constant(learning_rate_)});
  }

 private:
  std::int64_t batch_ = 256;
  std::vector<std::int64_t> hidden_ = {256};
  double learning_rate_ = 3e-4;
  std::string head_ = "deterministic";
  bool normalise_ = true;
};

const RegisterMethod<Bc> registration("bc", "behaviour cloning");

}  // namespace
}  // namespace hardy::algorithms
