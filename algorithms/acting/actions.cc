#include "algorithms/acting/actions.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"

namespace hardy::algorithms {

ActionBounds bounds_of(const datasets::Transitions& t, const datasets::ActionSpace& space) {
  const auto width = static_cast<std::size_t>(t.action_size);
  if (space.low.size() == width) return {space.low, space.high, "the file's action_space"};
  ActionBounds b{std::vector<float>(width, INFINITY), std::vector<float>(width, -INFINITY),
                 "what the file's actions span"};
  for (std::size_t i = 0; i < t.actions.size(); ++i) {
    b.low[i % width] = std::min(b.low[i % width], t.actions[i]);
    b.high[i % width] = std::max(b.high[i % width], t.actions[i]);
  }
  for (std::size_t k = 0; k < width; ++k) {
    if (b.low[k] >= -1 && b.high[k] <= 1)
      b.low[k] = -1, b.high[k] = 1;
    else if (b.low[k] == b.high[k])  // one value alone: it becomes the middle
      b.low[k] -= 1, b.high[k] += 1;
  }
  return b;
}

OutsideActions outside_of(const ActionBounds& bounds, const datasets::Transitions& t) {
  OutsideActions found;
  const std::size_t width = bounds.size();
  float furthest = 0;
  for (std::size_t row = 0; row < static_cast<std::size_t>(t.rows); ++row) {
    bool any = false;
    for (std::size_t k = 0; k < width; ++k) {
      const float a = t.actions[row * width + k];
      const float beyond = std::max(a - bounds.high[k], bounds.low[k] - a) / bounds.half(k);
      if (beyond <= 1e-6f) continue;
      any = true;
      if (beyond <= furthest) continue;
      furthest = beyond;
      found.row = static_cast<std::int64_t>(row), found.dim = static_cast<std::int64_t>(k), found.value = a;
    }
    found.rows += any;
  }
  return found;
}

void clip_actions(const ActionBounds& bounds, datasets::Transitions& t) {
  for (std::size_t i = 0; i < t.actions.size(); ++i) {
    const std::size_t k = i % bounds.size();
    t.actions[i] = std::clamp(t.actions[i], bounds.low[k], bounds.high[k]);
  }
}

bool look_like_choices(const datasets::Transitions& t) {
  return t.action_size == 1 &&
         std::ranges::all_of(t.actions, [](float a) { return a >= 0 && a <= 1000 && a == std::floor(a); }) &&
         std::ranges::any_of(t.actions, [](float a) { return a > 0; });
}

void require_continuous(const envs::EnvSpec& spec, const std::string& who) {
  if (!spec.discrete()) return;
  throw Error("its action is one of " + std::to_string(spec.action_choices) + " choices", spec.name,
              who + " acts by numbers within bounds; take a task of continuous actions");
}

void require_continuous(const datasets::ActionSpace& space, const std::string& path, const std::string& who) {
  if (!space.discrete) return;
  throw Error("its actions are choices (" + space.evidence + ")", path + " /actions",
              who + " learns numbers within bounds; take a file of continuous actions");
}

}  // namespace hardy::algorithms
