// Implicit Q-learning (Kostrikov, Nair, Levine 2021, arXiv 2110.06169), with two critics, a squared
// error and the minimum of the targets.
#include "algorithms/offline/implicit_q.h"

namespace hardy::algorithms {
namespace {

class Iql final : public InSampleMethod {
 public:
  void options(run::Schema& schema) override { c_.options(schema); }

 private:
  // Expectile regression on the smaller target critic.
  Tensor value_loss(Graph& g, Tensor u, Tensor) const override { return ops::map(g, Expectile{c_.tau}, u); }
};

const RegisterMethod<Iql> registration("iql", "implicit Q-learning");

}  // namespace
}  // namespace hardy::algorithms
