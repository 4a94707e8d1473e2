#include "datasets/corruption/corrupt_values.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/error.h"
#include "engine/base/text.h"

namespace hardy::datasets {
namespace {

bool in_float32(double x) {  // false of a NaN
  return std::abs(x) <= static_cast<double>(std::numeric_limits<float>::max());
}

}  // namespace

void ElementAttack::require_float32(std::int64_t row, double clean, double attacked) const {
  const bool scales = mode == Mode::kRandom || mode == Mode::kAdversarial || mode == Mode::kScaled;
  if (!scales || in_float32(attacked) || !in_float32(clean)) return;
  throw Error(
      "would become " + to_text(attacked) + ", which float32 cannot hold, in row " + std::to_string(row),
      name_of(element), "give a smaller scale than " + to_text(scale));
}

void ElementAttack::apply(std::int64_t first, std::span<const double> clean, const RowSet& episode_starts,
                          std::span<const float> delta, std::span<double> out) {
  const auto n = static_cast<std::int64_t>(out.size() / width);
  const std::int64_t past = std::min(first, history());
  const auto clean_row = [&](std::int64_t row) {
    return clean.data() + static_cast<std::size_t>(row - first + past) * width;
  };
  std::int64_t since_start = 0;  // rows of the episode before this one, as far back as is asked for
  for (std::int64_t row = first - past; row < first; ++row)
    since_start = episode_starts.has(row) ? 1 : since_start + 1;
  std::size_t attacked = 0;
  for (std::int64_t row = first; row < first + n; ++row) {
    if (episode_starts.has(row)) {
      since_start = 0;
      held.clear();
    }
    const double* x = clean_row(row);
    const std::int64_t behind = std::min(since_start++, delay);
    if (!rows.has(row)) {
      if (mode == Mode::kStuck) held.assign(x, x + width);
      continue;
    }
    if (mode == Mode::kStuck && held.empty()) held.assign(x, x + width);
    double* y = out.data() + static_cast<std::size_t>(row - first) * width;
    for (std::size_t k = 0; k < width; ++k) {
      const double draw =
          draws_noise() ? noise() : 0;  // drawn for every dimension: a mask of sensors moves none
      if (!touched[k]) continue;
      switch (mode) {
        case Mode::kRandom:
          y[k] = element == Element::kRewards ? draw * 30 : x[k] + draw * std[k];
          break;
        case Mode::kAdversarial:
          y[k] = element == Element::kRewards
                     ? x[k] * -scale
                     : x[k] + static_cast<double>(delta[attacked * width + k]) * std[k];
          break;
        case Mode::kStuck:
          y[k] = held[k];
          break;
        case Mode::kDropped:
          y[k] = 0;
          break;
        case Mode::kScaled:
          y[k] = scale * x[k];
          break;
        case Mode::kDelayed:
          y[k] = clean_row(row - behind)[k];
          break;
      }
      require_float32(row, x[k], y[k]);
    }
    ++attacked;
  }
}

}  // namespace hardy::datasets
