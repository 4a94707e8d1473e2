#include "datasets/chosen_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

// Leaves the rows that `keep` has a 1 for.
void keep_rows(Transitions& t, const std::vector<std::uint8_t>& keep) {
  const auto compact = [&](auto& column, std::size_t width) {
    auto to = column.begin();
    for (std::size_t row = 0; row * width < column.size(); ++row)
      if (keep[row] != 0)
        to = std::copy_n(column.begin() + static_cast<std::ptrdiff_t>(row * width), width, to);
    column.erase(to, column.end());
  };
  const auto observations = static_cast<std::size_t>(t.observation_size),
             actions = static_cast<std::size_t>(t.action_size);
  compact(t.observations, observations);
  compact(t.next_observations, observations);
  compact(t.actions, actions);
  compact(t.next_actions, actions);
  compact(t.rewards, 1);
  compact(t.terminals, 1);
  compact(t.episode_end, 1);
  compact(t.trust, 4);
  t.rows = static_cast<std::int64_t>(t.rewards.size());
}

struct Episode {
  std::size_t begin, end;
  double value;
};
// By their returns, the highest first, of equal ones the earlier.
std::vector<Episode> best_first(const Transitions& t, double discount) {
  std::vector<Episode> episodes;
  const auto rows = static_cast<std::size_t>(t.rows);
  double sum = 0, weight = 1;
  for (std::size_t row = 0, begin = 0; row < rows; ++row) {
    sum += weight * t.rewards[row];
    weight *= discount;
    if (t.episode_end[row] == 0 && row + 1 < rows) continue;
    if (!std::isfinite(sum))
      throw Error("the return of the episode that ends in row " + std::to_string(row) + " is not finite",
                  "rewards", "mend them, or corrupt them by less");
    episodes.push_back({begin, row + 1, sum});
    begin = row + 1, sum = 0, weight = 1;
  }
  std::ranges::stable_sort(episodes, std::ranges::greater{}, &Episode::value);
  return episodes;
}

}  // namespace

BestEpisodes keep_best_episodes(Transitions& t, double share, double discount) {
  const std::vector<Episode> episodes = best_first(t, discount);
  const auto rows = static_cast<std::size_t>(t.rows);
  const auto count = static_cast<double>(episodes.size());
  // 0.29 of 100 are 29, whatever the last bit of the product.
  const auto best = static_cast<std::size_t>(std::max(1.0, std::floor(share * count * (1 + 1e-12))));
  std::vector<std::uint8_t> keep(rows, 0);
  for (std::size_t i = 0; i < best; ++i)
    std::fill(keep.begin() + static_cast<std::ptrdiff_t>(episodes[i].begin),
              keep.begin() + static_cast<std::ptrdiff_t>(episodes[i].end), 1);
  keep_rows(t, keep);
  return {static_cast<std::int64_t>(best), static_cast<std::int64_t>(episodes.size()), t.rows,
          static_cast<std::int64_t>(rows), episodes[best - 1].value};
}

std::vector<float> return_weights(const Transitions& t, double temperature) {
  const std::vector<Episode> episodes = best_first(t, 1);
  const auto rows = static_cast<std::size_t>(t.rows);
  std::vector<double> weights(rows);
  double sum = 0;
  std::size_t above = 0;  // rows of episodes that returned more
  for (std::size_t i = 0; i < episodes.size();) {
    std::size_t end = i, equal = 0;
    for (; end < episodes.size() && episodes[end].value == episodes[i].value; ++end)
      equal += episodes[end].end - episodes[end].begin;
    const double weight = std::exp(-static_cast<double>(above) / (static_cast<double>(rows) * temperature));
    for (; i < end; ++i)
      std::fill(weights.begin() + static_cast<std::ptrdiff_t>(episodes[i].begin),
                weights.begin() + static_cast<std::ptrdiff_t>(episodes[i].end), weight);
    sum += weight * static_cast<double>(equal);
    above += equal;
  }
  std::vector<float> scaled(rows);
  std::ranges::transform(weights, scaled.begin(),
                         [&](double w) { return static_cast<float>(w * static_cast<double>(rows) / sum); });
  return scaled;
}

std::int64_t add_next_actions(Transitions& t) {
  const auto rows = static_cast<std::size_t>(t.rows), width = static_cast<std::size_t>(t.action_size);
  t.next_actions = t.actions;
  std::vector<std::uint8_t> keep(rows, 1);
  for (std::size_t row = 0; row < rows; ++row) {
    const bool ends = t.episode_end[row] != 0 || row + 1 == rows;
    if (!ends)
      std::copy_n(t.actions.begin() + static_cast<std::ptrdiff_t>((row + 1) * width), width,
                  t.next_actions.begin() + static_cast<std::ptrdiff_t>(row * width));
    else if (t.terminals[row] == 0)
      keep[row] = 0;
  }
  for (std::size_t row = 0; row + 1 < rows; ++row)  // the row before one that goes ends its episode
    if (keep[row + 1] == 0) t.episode_end[row] = 1;
  const std::int64_t before = t.rows;
  keep_rows(t, keep);
  if (t.rows == 0)
    throw Error("no row is followed by another of its episode, so that none has a next action", "--dataset",
                "rows must be the steps of episodes, one behind the other; iql and others take single rows");
  return before - t.rows;
}

}  // namespace hardy::datasets
