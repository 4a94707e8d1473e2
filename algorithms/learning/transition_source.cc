#include "algorithms/learning/transition_source.h"

#include "engine/ops/gather.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {

Batch TransitionSource::batch(Update& u) const {
  const std::int64_t rows = drawn(u);
  Graph& g = u.graph();
  const Tensor index =
      u.indices(rows, u.table("rows", DType::kI32, {1}, tables_.rows, true), RandomStream::kBatch);
  const auto rows_of = [&](const char* name, void* memory, std::int64_t width, DType type = DType::kF32) {
    const Shape shape =
        tables_.shared ? Shape{tables_.capacity, width} : Shape{u.agents(), tables_.capacity, width};
    return ops::gather_rows(g, u.table(name, type, shape, memory, tables_.shared), index);
  };
  Batch b;
  b.agents = u.agents();
  b.rows = rows;
  b.observation_size = observation_size();
  b.action_size = action_size();
  b.observations = rows_of("observations", tables_.observations, observation_size());
  b.actions = tables_.choices ? ops::squeeze(g, rows_of("actions", tables_.choices, 1, DType::kI32), -1)
                              : rows_of("actions", tables_.actions, action_size());
  b.rewards = ops::squeeze(g, rows_of("rewards", tables_.rewards, 1), -1);
  b.next_observations = rows_of("next_observations", tables_.next_observations, observation_size());
  b.terminals = ops::squeeze(g, rows_of("terminals", tables_.terminals, 1), -1);
  if (tables_.next_actions) b.next_actions = rows_of("next_actions", tables_.next_actions, action_size());
  if (tables_.trust) b.trust = ops::squeeze(g, rows_of("trust", tables_.trust, 1), -1);
  if (tables_.action_trust)
    b.action_trust = ops::squeeze(g, rows_of("action_trust", tables_.action_trust, 1), -1);
  b.reward_span = tables_.reward_span;
  return b;
}

}  // namespace hardy::algorithms
