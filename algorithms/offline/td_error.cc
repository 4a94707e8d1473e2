#include "algorithms/offline/td_error.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/graph/plan.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {
namespace {

using graph::Graph;
using graph::Tensor;

constexpr std::int64_t kRows = 1024;  // of a pass

// The critic at given actions and at the policy's, of one pass.
struct Values {
  Graph g;
  Tensor s, a, next, here, there;
  std::vector<std::pair<Tensor, const std::vector<float>*>> parameters;
  std::unique_ptr<graph::Plan> plan;

  std::vector<Tensor> tensors_of(const VictimNetwork& net, const char* name) {
    std::vector<Tensor> tensors;
    for (const nn::TensorSpec& spec : net.architecture->tensors(name, 1)) {
      parameters.emplace_back(g.parameter(spec.name, DType::kF32, spec.shape), &net.tensors[tensors.size()]);
      tensors.push_back(parameters.back().first);
    }
    return tensors;
  }

  explicit Values(const Victim& v) {
    const auto input = [&](const char* name, int width) {
      return g.input(name, DType::kF32, {1, kRows, width});
    };
    s = input("s", v.observation_size), a = input("a", v.action_size),
    next = input("next", v.observation_size);
    const std::vector<Tensor> q = tensors_of(v.q, "q"), pi = tensors_of(v.policy, "policy");
    const std::int64_t members = std::max<std::int64_t>(1, v.q.architecture->members());
    const auto value = [&](Tensor state, Tensor action) {
      const Tensor all = v.q.architecture->apply(g, q, ops::concat(g, state, action), "q");
      return ops::mean(g, ops::reshape(g, all, {members, kRows}), 0);
    };
    here = value(s, a);
    there = value(next, mode_of(g, v, v.policy.architecture->apply(g, pi, next, "policy")));
    plan = std::make_unique<graph::Plan>(g, std::initializer_list<Tensor>{here, there});
    for (const auto& [tensor, memory] : parameters) plan->bind(tensor, const_cast<float*>(memory->data()));
  }
};

}  // namespace

TrimmedMean trimmed_mean(std::span<const float> x, std::span<const std::uint8_t> ends, double kept,
                         std::int64_t resamples, std::uint64_t seed) {
  std::vector<std::uint32_t> order(x.size()), episode(x.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order,
                    [&](std::uint32_t i, std::uint32_t j) { return x[i] < x[j] || (x[i] == x[j] && i < j); });
  std::uint32_t episodes = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    episode[i] = episodes;
    episodes += ends[i] != 0 || i + 1 == x.size();
  }
  std::vector<double> lengths(episodes, 0.0);
  for (const std::uint32_t e : episode) ++lengths[e];
  // counts: how often each episode is there.
  const auto of = [&](const std::vector<std::uint32_t>& counts) {
    double rows = 0, sum = 0;
    for (std::size_t e = 0; e < counts.size(); ++e) rows += counts[e] * lengths[e];
    const double most = std::max(1.0, std::floor(kept * rows));
    double taken = 0;
    for (const std::uint32_t i : order) {
      const double n = std::min<double>(counts[episode[i]], most - taken);
      sum += n * static_cast<double>(x[i]);
      taken += n;
      if (taken >= most) break;
    }
    return sum / taken;
  };
  TrimmedMean result;
  result.mean = result.low = result.high = of(std::vector<std::uint32_t>(episodes, 1));
  std::vector<double> all;
  for (std::int64_t r = 0; r < resamples; ++r) {
    const Random random(seed, RandomStream::kShuffle, static_cast<std::uint64_t>(r));
    std::vector<std::uint32_t> counts(episodes, 0);
    for (std::uint32_t e = 0; e < episodes; ++e) ++counts[random.integer(e, episodes)];
    all.push_back(of(counts));
  }
  if (all.empty()) return result;
  std::ranges::sort(all);
  const auto quantile = [&](double p) {
    return all[static_cast<std::size_t>(std::lround(p * static_cast<double>(all.size() - 1)))];
  };
  result.low = quantile(0.025), result.high = quantile(0.975);
  return result;
}

std::vector<float> squared_td_errors(const Victim& critic, const datasets::Transitions& data, double gamma,
                                     ThreadTeam& team) {
  if (data.observation_size != critic.observation_size || data.action_size != critic.action_size)
    throw Error("has " + std::to_string(critic.observation_size) + " observations and " +
                    std::to_string(critic.action_size) + " actions, the dataset has " +
                    std::to_string(data.observation_size) + " and " + std::to_string(data.action_size),
                critic.file.string(), "take data of its task");
  Values values(critic);
  const auto obs = static_cast<std::size_t>(data.observation_size),
             act = static_cast<std::size_t>(data.action_size);
  std::vector<float> squares;
  squares.reserve(static_cast<std::size_t>(data.rows));
  for (std::int64_t begin = 0; begin < data.rows; begin += kRows) {
    const auto n = static_cast<std::size_t>(std::min(kRows, data.rows - begin)),
               first = static_cast<std::size_t>(begin);
    const auto states = [&](const std::vector<float>& from, Tensor to) {
      float* const x = values.plan->data<float>(to);
      std::copy_n(from.data() + first * obs, n * obs, x);
      if (critic.observation_mean.empty()) return;
      for (std::size_t i = 0; i < n * obs; ++i)
        x[i] = (x[i] - critic.observation_mean[i % obs]) / critic.observation_std[i % obs];
    };
    states(data.observations, values.s);
    states(data.next_observations, values.next);
    float* const a = values.plan->data<float>(values.a);
    std::copy_n(data.actions.data() + first * act, n * act, a);
    if (critic.bounds) critic.bounds->scale({a, n * act});
    values.plan->run(team);
    const float *here = values.plan->data<float>(values.here),
                *there = values.plan->data<float>(values.there);
    for (std::size_t i = 0; i < n; ++i) {
      const double delta =
          static_cast<double>(data.rewards[first + i]) +
          gamma * (1 - static_cast<double>(data.terminals[first + i])) * static_cast<double>(there[i]) -
          static_cast<double>(here[i]);
      squares.push_back(static_cast<float>(delta * delta));
    }
  }
  return squares;
}

}  // namespace hardy::algorithms
