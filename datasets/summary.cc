#include "datasets/summary.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "datasets/corrupt.h"
#include "datasets/transitions.h"

namespace hardy::datasets {
namespace {

constexpr int kBins = 20;

nlohmann::json spread(const std::vector<double>& x) {
  if (x.empty()) return nullptr;
  const double n = static_cast<double>(x.size()), mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
  double square = 0;
  for (const double v : x) square += (v - mean) * (v - mean);
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  return {{"mean", mean}, {"std", std::sqrt(square / n)}, {"min", *low}, {"max", *high}};
}

nlohmann::json histogram(const std::vector<double>& x) {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const double width = std::max(*high - *low, 1e-9) / kBins;
  std::vector<double> edges;
  std::vector<int> counts(kBins, 0);
  for (int i = 0; i <= kBins; ++i) edges.push_back(*low + width * i);
  for (const double v : x) {
    if (!std::isfinite(v)) continue;
    ++counts[static_cast<std::size_t>(std::clamp(static_cast<int>((v - *low) / width), 0, kBins - 1))];
  }
  return {{"edges", edges}, {"counts", counts}};
}

nlohmann::json column_statistics(const Array& a) {
  nlohmann::json dims = nlohmann::json::array();
  const std::vector<float> x = a.floats();
  const auto d = static_cast<std::size_t>(a.shape.size() == 2 ? a.shape[1] : 1);
  for (std::size_t k = 0; k < d; ++k) {
    std::vector<double> column;
    std::int64_t bad = 0;
    for (std::size_t i = k; i < x.size(); i += d) std::isfinite(x[i]) ? column.push_back(x[i]) : void(++bad);
    nlohmann::json s = spread(column);
    if (bad) s["not_finite"] = bad;
    dims.push_back(s);
  }
  return dims;
}

}  // namespace

Episodes episodes_of(const Arrays& arrays) {
  Episodes e;
  const std::vector<float> rewards = arrays.at("rewards").floats(),
                           terminals = arrays.at("terminals").floats();
  const std::vector<float> timeouts =
      arrays.count("timeouts") ? arrays.at("timeouts").floats() : std::vector<float>(rewards.size(), 0);
  double total = 0;
  std::int64_t length = 0;
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    total += rewards[i];
    ++length;
    const bool terminal = terminals[i] != 0, timeout = timeouts[i] != 0;
    if (!terminal && !timeout && i + 1 < rewards.size()) continue;
    e.returns.push_back(total);
    e.lengths.push_back(length);
    e.terminated += terminal;
    e.timed_out += timeout && !terminal;
    total = 0;
    length = 0;
  }
  return e;
}

nlohmann::json summarise(const Arrays& arrays, const std::string& path) {
  check_d4rl(arrays, path);
  const Episodes e = episodes_of(arrays);
  nlohmann::json s{{"path", path},
                   {"rows", arrays.at("observations").rows()},
                   {"observation_size", arrays.at("observations").shape[1]},
                   {"action_size", arrays.at("actions").shape[1]},
                   {"episodes", e.returns.size()},
                   {"terminated", e.terminated},
                   {"timed_out", e.timed_out},
                   {"corruption", corruption_manifest(arrays)}};
  s["return"] = spread(e.returns);
  s["return"]["histogram"] = histogram(e.returns);
  s["length"] = spread({e.lengths.begin(), e.lengths.end()});
  if (const auto reference = reference_scores(path)) {
    std::vector<double> scores;
    for (const double r : e.returns)
      scores.push_back(100 * (r - reference->min) / (reference->max - reference->min));
    s["score"] = spread(scores);
    s["score"]["family"] = reference->family;
  }
  for (const auto& [key, array] : arrays) {
    s["layout"][key] = array.describe();
    if (array.type != ArrayType::kString &&
        (key == "observations" || key == "actions" || key == "rewards" || key == "next_observations"))
      s["columns"][key] = column_statistics(array);
  }
  return s;
}

}  // namespace hardy::datasets
