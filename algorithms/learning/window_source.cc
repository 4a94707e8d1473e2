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
  w.actions = wide("actions", t.actions, t.action_size);
  w.rewards = narrow("rewards", t.rewards, DType::kF32);
  w.returns_to_go = narrow("returns_to_go", t.returns_to_go, DType::kF32);
  w.timesteps = narrow("timesteps", t.timesteps, DType::kI32);
  w.valid = narrow("valid", t.valid, DType::kF32);
  w.lengths = ops::squeeze(
      g, ops::gather_rows(g, table("lengths", DType::kI32, rows, 1, t.lengths.data()), first), -1);
  return w;
}

}  // namespace hardy::algorithms
