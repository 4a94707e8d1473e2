#include "algorithms/adversarial/steps/trajectories.h"

#include <algorithm>

#include "engine/linalg/lanes.h"
#include "envs/linear_mdp/simulator.h"

namespace hardy::algorithms {
namespace {

int certain_state(const std::vector<double>& start) {
  const auto sure = std::ranges::find(start, 1.0);
  return sure == start.end() ? -1 : static_cast<int>(sure - start.begin());
}

}  // namespace

template <int W>
Trajectories<W>::Trajectories(const Game& game, std::span<const Lane> lanes, const Tables& tables,
                              Record& record)
    : mdp_(*game.instance.mdp),
      tables_(tables),
      record_(record),
      members_(static_cast<int>(lanes.size())),
      together_(W > 1 && !game.random.splitmix && certain_state(mdp_.start) >= 0),
      certain_start_(certain_state(mdp_.start)),
      start_(mdp_.start),
      law_(static_cast<std::size_t>(mdp_.S)),
      uniforms_(std::int64_t{2} * mdp_.H * W) {
  for (std::size_t s = 1; s < start_.size(); ++s) start_[s] += start_[s - 1];
  for (std::size_t w = 0; w < W; ++w) {
    seeds_[w] = lanes[std::min(w, lanes.size() - 1)].seed;
    draws_[w] = Draws(game.random, seeds_[w]);
  }
}

template <int W>
int Trajectories<W>::draw_start(int w) {
  if (certain_start_ >= 0) return certain_start_;  // costs no random number
  return envs::draw_from(start_.data(), tables_.S, draws(w).next());
}

template <int W>
void Trajectories<W>::play(std::int64_t k, EpisodeLosses& losses, Played& played) {
  const int H = tables_.H;
  const auto walk = [&](int w, auto&& next) {
    simulate(w, next, [&](int h, int s, int a) {
      const std::int64_t at = std::int64_t{h} * W + w;
      played.states[static_cast<std::size_t>(at)] = s;
      played.actions[static_cast<std::size_t>(at)] = a;
      played.to_go[at] = losses.visited(h, s, a, w);
    });
  };
  if (together_) philox_uniforms(seeds_, DrawFor::kPlay, k, H, uniforms_.at(0));
  for (int w = 0; w < W; ++w) {
    if (together_) {
      walk(w, [at = uniforms_.at(w)]() mutable {
        const double u01 = *at;
        at += W;
        return u01;
      });
    } else {
      Draws& random = draws(w);
      random.begin(DrawFor::kPlay, k);
      walk(w, [&random] { return random.next(); });
    }
  }
  for (int h = H - 1; h-- > 0;)
    for (int w = 0; w < W; ++w)
      played.to_go[std::int64_t{h} * W + w] += played.to_go[std::int64_t{h + 1} * W + w];
}

template class Trajectories<1>;
template class Trajectories<linalg::kLanes>;

}  // namespace hardy::algorithms
