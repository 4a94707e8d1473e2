#include "datasets/transitions.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy::datasets {
namespace {

const Array& required(const Arrays& arrays, const std::string& key, const std::string& path) {
  const auto found = arrays.find(key);
  if (found != arrays.end()) return found->second;
  std::string keys;
  for (const auto& [name, array] : arrays) keys += (keys.empty() ? "" : ", ") + name;
  throw Error("has no '" + key + "'", path, keys.empty() ? "the file is empty" : "it has: " + keys);
}

void require_rows(const Array& a, std::int64_t rows, std::size_t rank, const std::string& where) {
  const bool column = rank == 1 && a.shape.size() == 2 && a.shape[1] == 1;
  if (a.type == ArrayType::kString || (a.shape.size() != rank && !column))
    throw Error("is " + a.describe(), where,
                "expected numbers of shape " + std::string(rank == 1 ? "[N] or [N, 1]" : "[N, size]"));
  if (a.shape[0] != rows)
    throw Error("has " + std::to_string(a.shape[0]) + " rows, observations have " + std::to_string(rows),
                where);
}

std::vector<std::uint8_t> flags(const Arrays& arrays, const std::string& key) {
  const auto found = arrays.find(key);
  if (found == arrays.end()) return {};
  const std::vector<float> x = found->second.floats();
  std::vector<std::uint8_t> f(x.size());
  std::transform(x.begin(), x.end(), f.begin(), [](float v) { return v != 0; });
  return f;
}

void append(std::vector<float>& to, const std::vector<float>& from, std::int64_t row, int width) {
  to.insert(to.end(), from.begin() + row * width, from.begin() + (row + 1) * width);
}

}  // namespace

View view_named(const std::string& name) {
  if (name == "qlearning") return View::kQlearning;
  if (name == "lossless") return View::kLossless;
  throw Error("there is no view '" + name + "'", "--view", suggestion(name, {"qlearning", "lossless"}));
}

void check_d4rl(const Arrays& arrays, const std::string& path) {
  const Array& observations = required(arrays, "observations", path);
  if (observations.shape.size() != 2)
    throw Error("is " + observations.describe(), path + " /observations", "expected [N, size]");
  const std::int64_t rows = observations.shape[0];
  if (rows == 0) throw Error("has no rows", path);
  require_rows(observations, rows, 2, path + " /observations");
  require_rows(required(arrays, "actions", path), rows, 2, path + " /actions");
  require_rows(required(arrays, "rewards", path), rows, 1, path + " /rewards");
  require_rows(required(arrays, "terminals", path), rows, 1, path + " /terminals");
  if (const auto t = arrays.find("timeouts"); t != arrays.end())
    require_rows(t->second, rows, 1, path + " /timeouts");
  if (const auto n = arrays.find("next_observations"); n != arrays.end()) {
    require_rows(n->second, rows, 2, path + " /next_observations");
    if (n->second.shape[1] != observations.shape[1])
      throw Error("is " + n->second.describe() + ", observations are " + observations.describe(),
                  path + " /next_observations");
  }
}

Transitions transitions_of(const Arrays& arrays, View view, const std::string& path, int max_episode_steps) {
  check_d4rl(arrays, path);
  Transitions t;
  const std::vector<float> observations = arrays.at("observations").floats(),
                           actions = arrays.at("actions").floats(), rewards = arrays.at("rewards").floats();
  const std::vector<std::uint8_t> terminals = flags(arrays, "terminals"),
                                  timeouts = flags(arrays, "timeouts");
  const std::int64_t n = arrays.at("observations").shape[0];
  t.observation_size = static_cast<int>(arrays.at("observations").shape[1]);
  t.action_size = static_cast<int>(arrays.at("actions").shape[1]);
  const bool own_next = view == View::kLossless && arrays.count("next_observations");
  const std::vector<float> next = own_next ? arrays.at("next_observations").floats() : std::vector<float>{};
  for (auto* column : {&t.observations, &t.next_observations}) column->reserve(observations.size());
  t.actions.reserve(actions.size());

  int episode_step = 0;
  for (std::int64_t i = 0; i < (own_next ? n : n - 1); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const bool terminal = terminals[at];
    const bool final_step = timeouts.empty() ? episode_step == max_episode_steps - 1 : timeouts[at] != 0;
    if (final_step && !own_next) {  // the loop of D4RL: a time-limited row has no successor in the file
      episode_step = 0;
      if (!t.episode_end.empty()) t.episode_end.back() = 1;
      continue;
    }
    append(t.observations, observations, i, t.observation_size);
    append(t.next_observations, own_next ? next : observations, own_next ? i : i + 1, t.observation_size);
    append(t.actions, actions, i, t.action_size);
    t.rewards.push_back(rewards[at]);
    t.terminals.push_back(terminal);
    t.episode_end.push_back(terminal || final_step);
    episode_step = terminal || final_step ? 0 : episode_step + 1;
    ++t.rows;
  }
  if (t.rows == 0) throw Error("gives no transition under this view", path);
  t.episode_end.back() = 1;
  return t;
}

void require_finite(const Transitions& t, const std::string& path) {
  const auto check = [&](const std::vector<float>& x, int width, const char* name) {
    const auto bad = std::find_if(x.begin(), x.end(), [](float v) { return !std::isfinite(v); });
    if (bad == x.end()) return;
    const auto at = bad - x.begin();
    throw Error("holds a value that is not finite, first in row " + std::to_string(at / width) +
                    ", dimension " + std::to_string(at % width),
                path + " /" + name, "see 'hardy data inspect'");
  };
  check(t.observations, t.observation_size, "observations");
  check(t.actions, t.action_size, "actions");
  check(t.rewards, 1, "rewards");
  check(t.next_observations, t.observation_size, "next_observations");
}

Normalisation observation_normalisation(const Transitions& t) {
  const auto d = static_cast<std::size_t>(t.observation_size);
  std::vector<double> sum(d, 0), square(d, 0);
  const double n = 2 * static_cast<double>(t.rows);
  for (const auto* column : {&t.observations, &t.next_observations})
    for (std::size_t i = 0; i < column->size(); ++i) sum[i % d] += (*column)[i];
  for (double& s : sum) s /= n;  // now the mean
  for (const auto* column : {&t.observations, &t.next_observations})
    for (std::size_t i = 0; i < column->size(); ++i) {
      const double x = (*column)[i] - sum[i % d];
      square[i % d] += x * x;
    }
  Normalisation result;
  for (std::size_t k = 0; k < d; ++k) {
    result.mean.push_back(static_cast<float>(sum[k]));
    result.std.push_back(static_cast<float>(std::sqrt(square[k] / n) + 1e-3));
  }
  return result;
}

void normalise_observations(Transitions& t, const Normalisation& n) {
  const auto d = static_cast<std::size_t>(t.observation_size);
  for (auto* column : {&t.observations, &t.next_observations})
    for (std::size_t i = 0; i < column->size(); ++i)
      (*column)[i] = ((*column)[i] - n.mean[i % d]) / n.std[i % d];
}

}  // namespace hardy::datasets
