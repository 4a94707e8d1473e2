// The decision transformer (Chen et al. 2021, arXiv 2106.01345): the actions of the data as a sequence model
// has them, given the return that followed.
#include "algorithms/offline/sequence_model.h"

namespace hardy::algorithms {
namespace {

class Dt final : public SequenceModel {
 public:
  void options(run::Schema& schema) override { SequenceModel::options(schema, "decision transformer"); }

  void build(Learner& learner, const DataSource& data) const override {
    Update& u = learner.update("update");
    const Predicted p = predict(learner, u, data, false);
    u.minimise("policy", masked_error(u.graph(), p.data, p.actions, p.data.actions), {p.policy}, descent());
  }
};

const RegisterMethod<Dt> registration("dt", "decision transformer: actions by the return that is asked for");

}  // namespace
}  // namespace hardy::algorithms
