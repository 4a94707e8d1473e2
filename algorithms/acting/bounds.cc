#include "algorithms/acting/bounds.h"

#include <algorithm>
#include <cmath>

#include "algorithms/acting/formulas.h"
#include "engine/base/text.h"

namespace hardy::algorithms {

bool ActionBounds::unit() const {
  return std::ranges::all_of(low, [](float x) { return x == -1; }) &&
         std::ranges::all_of(high, [](float x) { return x == 1; });
}

std::string ActionBounds::text() const {
  constexpr std::size_t kShown = 4;
  const auto pair = [&](std::size_t k) { return "[" + to_text(low[k]) + ", " + to_text(high[k]) + "]"; };
  if (std::ranges::all_of(low, [&](float x) { return x == low[0]; }) &&
      std::ranges::all_of(high, [&](float x) { return x == high[0]; }))
    return pair(0);
  std::string all;
  for (std::size_t k = 0; k < std::min(size(), kShown); ++k) all += (k ? " " : "") + pair(k);
  return size() > kShown ? all + " ..." : all;
}

void ActionBounds::scale(std::span<float> actions) const {
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const std::size_t k = i % size();
    actions[i] = scaled_within(low[k], high[k], actions[i]);
  }
}

double ActionBounds::log_volume() const {
  double sum = 0;
  for (std::size_t k = 0; k < size(); ++k) sum += std::log(static_cast<double>(half(k)));
  return sum;
}

}  // namespace hardy::algorithms
