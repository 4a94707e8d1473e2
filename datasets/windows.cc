#include "datasets/windows.h"

#include <algorithm>
#include <limits>
#include <string>

#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

std::vector<float> with_zeros(const std::vector<float>& rows, int width) {
  std::vector<float> all;
  all.reserve(rows.size() + static_cast<std::size_t>(width));
  all = rows;
  all.resize(rows.size() + static_cast<std::size_t>(width), 0.0f);
  return all;
}

// The rows [begin, end) of one episode.
void add_episode(Windows& w, std::size_t begin, std::size_t end) {
  const auto steps = static_cast<std::size_t>(w.steps);
  double to_go = 0;
  for (std::size_t row = end; row-- > begin;) {
    to_go += static_cast<double>(w.rewards[row]);
    w.returns_to_go[row] = static_cast<float>(to_go);
    w.timesteps[row] = static_cast<std::int32_t>(row - begin);
    const std::size_t length = std::min(steps, end - row);
    w.lengths[row] = static_cast<std::int32_t>(length);
    w.token_ends[row] = static_cast<std::int32_t>(3 * length);
    for (std::size_t p = 0; p < length; ++p)
      w.positions[row * steps + p] = static_cast<std::int32_t>(row + p);
  }
}

}  // namespace

Windows windows_of(const Transitions& t, std::int64_t steps) {
  if (steps < 1) throw Error("a window has 1 step at least", std::to_string(steps) + " steps");
  if (t.rows >= std::numeric_limits<std::int32_t>::max())
    throw Error("are more rows than windows are drawn from", std::to_string(t.rows));
  const auto n = static_cast<std::size_t>(t.rows);
  Windows w;
  w.rows = static_cast<std::int32_t>(t.rows), w.steps = steps;
  w.observation_size = t.observation_size, w.action_size = t.action_size;
  w.observations = with_zeros(t.observations, t.observation_size);
  w.actions = with_zeros(t.actions, t.action_size);
  w.rewards = with_zeros(t.rewards, 1);
  w.returns_to_go.assign(n + 1, 0);
  w.timesteps.assign(n + 1, 0);
  w.valid.assign(n + 1, 1);
  w.valid[n] = 0;
  w.lengths.assign(n, 0);
  w.token_starts.assign(n, 0);
  w.token_ends.assign(n, 0);
  w.positions.assign(n * static_cast<std::size_t>(steps), static_cast<std::int32_t>(n));
  for (std::size_t begin = 0, row = 0; row < n; ++row) {
    if (t.episode_end[row] == 0 && row + 1 < n) continue;
    add_episode(w, begin, row + 1);
    begin = row + 1;
  }
  return w;
}

}  // namespace hardy::datasets
