#include "algorithms/adversarial/steps/trajectories.h"

#include <algorithm>

#include "algorithms/adversarial/steps/philox_lanes.h"
#include "engine/linalg/lanes.h"
#include "envs/linear_mdp/simulator.h"

namespace hardy::algorithms {
namespace {

int certain_state(const std::vector<double>& start) {
  const auto sure = std::ranges::find(start, 1.0);
  return sure == start.end() ? -1 : static_cast<int>(sure - start.begin());
}

// L_h of every lane from the losses of its steps.
void add_up(Played& played, int H, int lanes) {
  for (std::int64_t at = std::int64_t{H - 1} * lanes; at-- > 0;) played.to_go[at] += played.to_go[at + lanes];
}

// envs::draw_from() without a jump that depends on u, which costs more than a few comparisons do.
constexpr int kFew = 32;
int draw_of_few(const double* cumulative, int n, double u) {
  int index = 0;
  for (int i = 0; i + 1 < n; ++i) index += u >= cumulative[i] ? 1 : 0;
  return index;
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
  if (together_) {
    if constexpr (W > 1) philox_lanes(seeds_, DrawFor::kPlay, k, H, uniforms_.at(0));
    play_together(losses, played);
    return;
  }
  const auto walk = [&](int w, auto&& next) {
    simulate(w, next, [&](int h, int s, int a) {
      const std::int64_t at = std::int64_t{h} * W + w;
      played.states[static_cast<std::size_t>(at)] = s;
      played.actions[static_cast<std::size_t>(at)] = a;
      played.to_go[at] = losses.visited(h, s, a, w);
    });
  };
  for (int w = 0; w < W; ++w) {
    Draws& random = draws(w);
    random.begin(DrawFor::kPlay, k);
    walk(w, [&random] { return random.next(); });
  }
  add_up(played, H, W);
}

// Layer by layer, so that lanes do not wait for each other's draws.
template <int W>
void Trajectories<W>::play_together(EpisodeLosses& losses, Played& played) {
  const int H = tables_.H, S = tables_.S, A = tables_.A;
  std::array<int, W> s, a;
  s.fill(certain_start_);
  const double* u = uniforms_.at(0);
  for (int h = 0; h < H; ++h) {
    const double* const pi = tables_.pi.at(tables_.table(h));
    for (std::size_t w = 0; w < W; ++w) {  // as draw_action()
      const double* const p = pi + std::int64_t{s[w]} * A * W + static_cast<std::int64_t>(w);
      double reached = 0;
      a[w] = 0;
      for (int i = 0; i + 1 < A; ++i) {
        reached += p[std::int64_t{i} * W];
        a[w] += u[w] >= reached ? 1 : 0;
      }
    }
    u += W;
    for (std::size_t w = 0; w < W; ++w) {
      const std::size_t at = static_cast<std::size_t>(h) * W + w;
      played.states[at] = s[w];
      played.actions[at] = a[w];
      played.to_go[static_cast<std::int64_t>(at)] = losses.visited(h, s[w], a[w], static_cast<int>(w));
    }
    if (h + 1 == H) break;
    for (std::size_t w = 0; w < W; ++w) {
      const double* const law = mdp_.cumulative(h, s[w], a[w], law_.data());
      s[w] = S <= kFew ? draw_of_few(law, S, u[w]) : envs::draw_from(law, S, u[w]);
    }
    u += W;
  }
  add_up(played, H, W);
}

template class Trajectories<1>;
template class Trajectories<linalg::kLanes>;

}  // namespace hardy::algorithms
