#include "algorithms/learning/window_source.h"

#include "engine/ops/gather.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {

WindowBatch WindowSource::windows(Update& u) const {
  datasets::Windows& t = tables_;
  const std::int64_t B = drawn(u), T = t.steps, rows = t.rows;
  Graph& g = u.graph();
  WindowBatch w;
  w.agents = u.agents();
  w.windows = B;
  w.steps = T;
  const auto table = [&](const char* name, DType type, std::int64_t height, std::int64_t width,
                         void* memory) {
    return u.table(name, type, Shape{height, width}, memory, true);
  };
  const Tensor first = u.indices(B, u.table("rows", DType::kI32, {1}, &t.rows, true), RandomStream::kBatch);
  const Tensor at = ops::reshape(
      g, ops::gather_rows(g, table("positions", DType::kI32, rows, T, t.positions.data()), first),
      {w.agents, B * T});
  const auto wide = [&](const char* name, std::vector<float>& memory, std::int64_t width) {
    return ops::reshape(g, ops::gather_rows(g, table(name, DType::kF32, rows + 1, width, memory.data()), at),
                        {w.agents, B, T, width});
  };
  const auto narrow = [&](const char* name, auto& memory, DType type) {
    return ops::reshape(g, ops::gather_rows(g, table(name, type, rows + 1, 1, memory.data()), at),
                        {w.agents, B, T});
  };
  w.observations = wide("observations", t.observations, t.observation_size);
  if (corrected_) {
    const auto own = [&](const Network& column, std::int64_t width) {
      return ops::reshape(g, u.parameter(column, 0), {w.agents, rows + 1, width});
    };
    w.action_table = own(corrected_->actions, t.action_size);
    w.reward_table = own(corrected_->rewards, 1);
    w.return_table = own(corrected_->returns_to_go, 1);
    w.rows = at;
    w.actions = ops::reshape(g, ops::gather_rows(g, w.action_table, at), {w.agents, B, T, t.action_size});
    w.rewards = ops::reshape(g, ops::gather_rows(g, w.reward_table, at), {w.agents, B, T});
    w.returns_to_go = ops::reshape(g, ops::gather_rows(g, w.return_table, at), {w.agents, B, T});
  } else {
    w.actions = wide("actions", t.actions, t.action_size);
    w.rewards = narrow("rewards", t.rewards, DType::kF32);
    w.returns_to_go = narrow("returns_to_go", t.returns_to_go, DType::kF32);
  }
  w.timesteps = narrow("timesteps", t.timesteps, DType::kI32);
  w.valid = narrow("valid", t.valid, DType::kF32);
  const auto per_window = [&](const char* name, std::vector<std::int32_t>& memory) {
    return ops::squeeze(g, ops::gather_rows(g, table(name, DType::kI32, rows, 1, memory.data()), first), -1);
  };
  w.lengths = per_window("lengths", t.lengths);
  w.token_starts = per_window("token_starts", t.token_starts);
  w.token_ends = per_window("token_ends", t.token_ends);
  return w;
}

}  // namespace hardy::algorithms
