// A learner whose loss is finite where its gradient is not.
#pragma once

#include "algorithms/learning/learner.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {

// Two agents with a parameter x each and the loss exp(log(x^2) / 2) = |x|: the first stands at 0, where the
// loss is 0 and the chain rule gives NaN, the other at 1.
struct Steep {
  Learner learner;
  explicit Steep(device::Device* on = nullptr) : learner({1, 2}, on) {
    const Network x = learner.vector("x", 1, 0.0f);
    Update& update = learner.update("steep");
    Graph& g = update.graph();
    const Tensor size =
        ops::exp(g, ops::affine(g, ops::log(g, ops::square(g, update.parameter(x, 0))), 0.5, 0));
    update.minimise("steep", ops::reshape(g, size, {2}), {x}, {});
    learner.finish();
    learner.write_parameters([](nn::ParameterStore& store) { store.agent(0, 1)[0] = 1; });
  }
  float x(std::int64_t agent) const { return learner.parameters().agent(0, agent)[0]; }
};

}  // namespace hardy::algorithms
