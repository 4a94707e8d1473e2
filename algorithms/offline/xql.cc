// Extreme Q-learning (Garg, Hejna, Geist, Ermon 2023, arXiv 2301.02328): errors of a maximum have a Gumbel
// law, so that V is fitted by its likelihood and becomes the soft maximum of Q over the data's actions.
#include "algorithms/offline/implicit_q.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Xql final : public InSampleMethod {
 public:
  void options(run::Schema& schema) override {
    c_.options(schema, "extreme Q-learning", false);
    schema
        .option("loss-temp", &temperature_,
                "temperature b of V's Gumbel regression: small, V nears the maximum", 1e-6)
        .option("max-clip", &clip_, "largest (Q - V) / b that V's loss sees", 0.0, 80.0);
  }

 private:
  // The Gumbel loss exp(z) - z - 1 of z = u / b held below the clip, over exp of the batch's largest z (or of
  // -1): what is large sets the step's scale instead of bursting it.
  Tensor value_loss(Graph& g, Tensor u, Tensor) const override {
    const Tensor z = ops::map(g, CappedRatio{temperature_, clip_}, u);
    const Tensor top = ops::clamp(g, ops::max(g, ops::stop_gradient(g, z), 1), -1, clip_);
    return ops::map(g, Gumbel{}, z, top);
  }

  std::string of_whole_batch() const override { return "the largest error"; }

  double temperature_ = 1, clip_ = 7;
};

const RegisterMethod<Xql> registration("xql", "extreme Q-learning: V by Gumbel regression");

}  // namespace
}  // namespace hardy::algorithms
