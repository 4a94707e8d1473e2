#include "engine/nn/heads.h"

#include "engine/nn/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/softmax.h"
#include "engine/ops/take.h"

namespace hardy::nn {
namespace {

using graph::Graph;
using graph::Tensor;

Tensor over_actions(Graph& g, Tensor x) { return ops::squeeze(g, ops::sum(g, x, -1), -1); }

}  // namespace

ActionSample tanh_gaussian(Graph& g, Tensor mean, Tensor log_std, Tensor noise) {
  const Tensor u = ops::map(g, Reparameterise{}, mean, log_std, noise);
  return {ops::map(g, Squash{}, u), over_actions(g, ops::map(g, SquashedLogDensity{}, u, log_std, noise))};
}

Tensor tanh_gaussian_log_prob(Graph& g, Tensor mean, Tensor log_std, Tensor action) {
  constexpr double kLast = 1 - 0x1p-24;
  const Tensor inside = ops::clamp(g, action, -kLast, kLast);
  return over_actions(g, ops::map(g, SquashedActionLogDensity{}, mean, log_std, inside));
}

Tensor gaussian_log_prob(Graph& g, Tensor mean, Tensor log_std, Tensor action) {
  return over_actions(g, ops::map(g, NormalLogDensity{}, mean, log_std, action));
}

ActionSample gaussian(Graph& g, Tensor mean, Tensor log_std, Tensor noise) {
  const Tensor action = ops::map(g, Reparameterise{}, mean, log_std, noise);
  return {action, gaussian_log_prob(g, mean, log_std, action)};
}

Tensor categorical_log_prob(Graph& g, Tensor logits, Tensor action) {
  return ops::squeeze(g, ops::take(g, ops::log_softmax(g, logits), action), -1);
}

Tensor categorical_entropy(Graph& g, Tensor logits) {
  return ops::affine(
      g, over_actions(g, ops::multiply(g, ops::softmax(g, logits), ops::log_softmax(g, logits))), -1);
}

ActionSample categorical(Graph& g, Tensor logits, Tensor seeds, Tensor step, RandomStream stream) {
  const Tensor action = ops::random_categorical(g, logits, seeds, step, stream);
  return {action, categorical_log_prob(g, logits, action)};
}

}  // namespace hardy::nn
