// UW-MSG (Ye, Yang, Gu, Zhang 2023, Corruption-Robust Offline Reinforcement Learning with General Function
// Approximation): MSG whose critics count a row's squared error the less the more they disagree about it,
// (Q_i - y_i)^2 / u(s, a) with u = ratio std_i Q_i(s, a), held to [1, 10].
#include "algorithms/offline/formulas.h"
#include "algorithms/offline/msg.h"
#include "engine/base/text.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class UwMsg final : public MsgMethod {
 public:
  void options(run::Schema& schema) override {
    MsgMethod::options(schema, "UW-MSG");
    schema
        .option("uncertainty-ratio", &ratio_,
                "uncertainty of a row for each standard deviation of its values over the critics", 0.0)
        .option("uncertainty-min", &least_, "least uncertainty, which a squared error is divided by", 1e-6)
        .option("uncertainty-max", &most_, "largest uncertainty", 1e-6);
  }
  void check() override {
    MsgMethod::check();
    if (least_ > most_)
      throw Error("the least uncertainty is above the largest",
                  "--uncertainty-min " + to_text(least_) + " --uncertainty-max " + to_text(most_));
  }

 private:
  Tensor critic_loss(Update& critics, Tensor q, Tensor y) const override {
    Graph& g = critics.graph();
    const Tensor u = ops::stop_gradient(g, ops::map(g, Uncertainty{ratio_, least_, most_}, deviation(g, q)));
    critics.report("uncertainty", ops::mean_per_agent(g, u));
    return squared_errors(g, q, y, u);
  }

  double ratio_ = 0.3, least_ = 1, most_ = 10;
};

const RegisterMethod<UwMsg> registration("uw_msg", "MSG with errors divided by the critics' disagreement");

}  // namespace
}  // namespace hardy::algorithms
