// Sparse Q-learning (Xu et al. 2023, arXiv 2303.15810): in-sample learning with the regulariser whose policy
// leaves out what is far below its state's value: weights max(w, 0), w = 1 + (Q - V) / (2 alpha).
#include "algorithms/offline/implicit_q.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

class Sql final : public InSampleMethod {
 public:
  void options(run::Schema& schema) override {
    c_.options(schema, "sparse Q-learning", false, false);
    schema.option("alpha", &alpha_, "weight of the regulariser: small, V nears the maximum over the data",
                  1e-6);
  }

 private:
  // 1[w > 0] w^2 + V / alpha: where it is least, the mean of max(w, 0) is 1.
  Tensor value_loss(Graph& g, Tensor u, Tensor v) const override {
    return ops::map(g, SparseValue{alpha_}, u, v);
  }
  // min(max(w, 0), cap)
  Tensor weights(Graph& g, Tensor u) const override {
    return ops::map(g, SparseWeight{alpha_, c_.weight_cap}, u);
  }

  double alpha_ = 1;
};

const RegisterMethod<Sql> registration("sql", "sparse Q-learning: weights that leave rows out");

}  // namespace
}  // namespace hardy::algorithms
