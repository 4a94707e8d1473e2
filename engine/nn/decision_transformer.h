// The decision transformer (Chen et al. 2021, arXiv 2106.01345): three tokens a step, return to go,
// observation and action, each a linear map plus the embedding of the step's time in its episode; a layer
// norm; layers of causal attention and of a GELU feed-forward part of four widths, each behind a layer norm
// (GPT-2's order); a last layer norm. The action is read from the observation's token.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/nn/network.h"

namespace hardy::nn {

struct DecisionTransformerSpec {
  std::int64_t observations = 0, actions = 0;  // numbers of each
  std::int64_t width = 128, layers = 3, heads = 1;
  std::int64_t times = 1000;  // steps of an episode that have an embedding

  // An Error that names the number which does not fit.
  void check() const;
};

// B windows of T steps an agent; those that are no window's are behind its end.
struct StepWindows {
  std::int64_t B = 0, T = 0;
  graph::Tensor returns;                   // to go, scaled [A, B, T]
  graph::Tensor observations, actions;     // [A, B, T, n]
  graph::Tensor times;                     // i32 [A, B, T], below DecisionTransformerSpec::times
  graph::Tensor token_starts, token_ends;  // i32 [A, B]: 0 and 3 steps, as ops::attention has them
};

class DecisionTransformer final : public Architecture {
 public:
  explicit DecisionTransformer(const DecisionTransformerSpec& spec) : spec_(spec) { spec_.check(); }

  const DecisionTransformerSpec& spec() const { return spec_; }
  // What training does to a value [A, rows, d] at a place of the network: dropout. None: nothing.
  using Drop = std::function<graph::Tensor(graph::Graph&, graph::Tensor)>;
  struct Drops {
    Drop tokens, residual;  // behind the embeddings' norm; of what each part adds to the residual stream
  };
  // Behind the last norm, [A, B T, d]: the tokens of observations, and those of actions where they are asked
  // for. A step's depend on the steps before it, and on its own return to go, observation and (that of the
  // action) action.
  struct Hidden {
    graph::Tensor observations, actions;
  };
  Hidden hidden(graph::Graph& g, std::span<const graph::Tensor> parameters, const StepWindows& in,
                bool of_actions, const Drops& drops = {}) const;
  // tanh of the head, [A, B T, actions].
  graph::Tensor actions(graph::Graph& g, std::span<const graph::Tensor> parameters,
                        graph::Tensor of_observations) const;

  std::vector<TensorSpec> tensors(const std::string& name, std::int64_t agents) const override;
  graph::Tensor apply(graph::Graph& g, std::span<const graph::Tensor> parameters, graph::Tensor x,
                      const std::string& label) const override;  // an Error: it takes windows
  std::int64_t inputs() const override { return spec_.observations; }
  std::int64_t outputs() const override { return spec_.actions; }
  nlohmann::json describe() const override;

 private:
  DecisionTransformerSpec spec_;
};
using DecisionTransformerPtr = std::shared_ptr<const DecisionTransformer>;

}  // namespace hardy::nn
