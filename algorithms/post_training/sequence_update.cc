#include "algorithms/post_training/sequence_update.h"

#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"

namespace hardy::algorithms {

SequenceArrays::SequenceArrays(std::int64_t agents, std::int64_t sequences, std::int64_t steps) {
  for (auto* v : {&behaviour, &counts, &log_prob})
    v->resize(static_cast<std::size_t>(agents * sequences * steps));
  for (auto* v :
       {&rollout_weight, &demonstration_weight, &praise_weight, &imitation_weight, &advantage, &length})
    v->resize(static_cast<std::size_t>(agents * sequences));
}

void SequenceArrays::clear() {
  for (auto* v : {&behaviour, &counts, &rollout_weight, &demonstration_weight, &praise_weight,
                  &imitation_weight, &advantage})
    std::ranges::fill(*v, 0.0f);
  std::ranges::fill(length, 1.0f);
}

Tensor sequence_loss(Update& u, SequenceArrays& x, const SequenceLoss& by, const SequenceScores& scores) {
  Graph& g = u.graph();
  const Shape each = g.shape(scores.log_prob), one{each[0], each[1], 1};
  const auto numbers = [&](const char* name, const Shape& shape, std::vector<float>& memory) {
    return u.table(name, DType::kF32, shape, memory.data(), false);
  };
  EstimatorInputs with{scores.log_prob,
                       numbers("behaviour", each, x.behaviour),
                       numbers("counts", each, x.counts),
                       numbers("rollout_weight", one, x.rollout_weight),
                       numbers("advantage", one, x.advantage),
                       numbers("length", one, x.length),
                       scores.log_reference};
  Tensor imitation;
  if (by.entropy_weighted) {  // e^H and e^-H, H the mean over a row, detached
    const Tensor entropy = ops::multiply(g, scores.entropy, with.token);
    const Tensor mean = ops::stop_gradient(g, ops::divide(g, ops::sum(g, entropy, -1), with.length));
    const Tensor praise = ops::multiply(g, numbers("praise_weight", one, x.praise_weight), ops::exp(g, mean));
    with.weight = ops::add(g, with.weight, ops::affine(g, praise, 0.1));
    imitation = ops::affine(g,
                            ops::multiply(g, numbers("imitation_weight", one, x.imitation_weight),
                                          ops::exp(g, ops::negate(g, mean))),
                            0.5);
  }
  Tensor loss = policy_gradient_loss(g, by.rollouts, with);
  if (by.entropy_weight > 0) {
    const Tensor entropy = ops::multiply(g, scores.entropy, ops::multiply(g, with.weight, with.token));
    loss = ops::subtract(g, loss, ops::affine(g, sum_of_sequences(g, entropy), by.entropy_weight));
  }
  with.weight = numbers("demonstration_weight", one, x.demonstration_weight);
  with.log_reference.reset();
  loss = ops::add(g, loss, policy_gradient_loss(g, by.demonstrations, with));
  if (by.entropy_weighted) {
    with.weight = imitation, with.advantage = ops::fill(g, DType::kF32, one, 1);
    loss = ops::add(g, loss, policy_gradient_loss(g, estimator_named("sft"), with));
  }
  u.leave(scores.log_prob, x.log_prob.data());
  return loss;
}

}  // namespace hardy::algorithms
