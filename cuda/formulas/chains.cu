// The functors that chains are made of: all that training steps put behind one another.
#include "algorithms/offline/formulas.h"
#include "algorithms/online/formulas.h"
#include "cuda/ops/chain.cuh"
#include "engine/nn/formulas.h"
#include "engine/ops/formulas.h"

namespace hardy::cuda {
namespace {

struct Formulas {
  static constexpr auto arithmetic() {
    using namespace ops;
    return functor<Add, 2>() + functor<Subtract, 2>() + functor<Multiply, 2>() + functor<Divide, 2>() +
           functor<Minimum, 2>() + functor<Maximum, 2>() + functor<Copy, 1>() + functor<Affine, 1>() +
           functor<Square, 1>() + functor<Exp, 1>() + functor<Log, 1>() + functor<Softplus, 1>() +
           functor<Clamp, 1>() + functor<Gelu, 1>() + functor<Silu, 1>() + functor<Relu, 1>() +
           functor<ReluGradient, 2>() + functor<Tanh, 1>() + functor<TanhGradient, 2>();
  }
  static constexpr auto heads() {
    using namespace nn;
    return functor<Reparameterise, 3>() + functor<NormalLogDensity, 3>() + functor<SquashedLogDensity, 3>() +
           functor<SquashedActionLogDensity, 3>() + functor<Squash, 1>();
  }
  static constexpr auto methods() {
    using namespace algorithms;
    return functor<Expectile, 1>() + functor<BootstrapTarget, 3>() + functor<Huber, 2>() +
           functor<HuberWithin, 3>() + functor<AdvantageWeight, 1>() + functor<CappedRatio, 1>() +
           functor<Gumbel, 2>() + functor<SparseValue, 2>() + functor<SparseWeight, 1>() +
           functor<Exceeds, 2>() + functor<FollowQuantile, 2>() + functor<Magnitude, 1>() +
           functor<Root, 1>() + functor<Uncertainty, 1>() + functor<UniformOfNormal, 1>() +
           functor<SoftTarget, 5>() + functor<ActorLoss, 3>() + functor<TemperatureLoss, 2>();
  }

  static constexpr auto known() { return arithmetic() + heads() + methods(); }
};

// An operand stretched to the output's shape is a copy of it.
graph::Chains chains() {
  graph::Chains all = chains_of<Formulas>();
  all.codes["stretch"] = all.codes.at("copy");
  return all;
}
const graph::RegisterChains registration(kBackend, chains());

}  // namespace
}  // namespace hardy::cuda
