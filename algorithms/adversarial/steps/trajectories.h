// Trajectories of a group's policies: the one that is played, and those that a simulator is asked for.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/adversarial/steps/draws.h"
#include "algorithms/adversarial/steps/episode_losses.h"
#include "algorithms/adversarial/steps/tables.h"

namespace hardy::algorithms {

// The action of a state's policy p [A][W], its first lane's, at a uniform number.
template <int W>
int draw_action(const double* p, int A, double at) {
  double reached = 0;
  int a = 0;
  for (; a < A - 1; ++a) {
    reached += p[std::int64_t{a} * W];
    if (at < reached) break;
  }
  return a;
}

template <int W>
class Trajectories {
 public:
  Trajectories(const Game& game, std::span<const Lane> lanes, const Tables& tables, Record& record);

  // One trajectory of pi a lane: states, actions, losses, L_h.
  void play(std::int64_t k, EpisodeLosses& losses, Played& played);
  // Walks one trajectory of lane w under pi by the simulator, with the uniform numbers that next() gives:
  // visit(h, s, a) for every step.
  template <class Next, class Visit>
  void simulate(int w, Next&& next, Visit&& visit);
  template <class Visit>
  void simulate(int w, Visit&& visit) {
    simulate(
        w, [&random = draws(w)] { return random.next(); }, visit);
  }
  // That lane w has simulated so many; what repeats the last replica is not counted.
  void count(int w, std::int64_t trajectories) {
    if (w >= members_) return;
    record_.trajectories += trajectories;
    record_.simulator_calls += trajectories * (tables_.H - 1);
  }
  int draw_start(int w);
  Draws& draws(int w) { return draws_[static_cast<std::size_t>(w)]; }

 private:
  void play_together(EpisodeLosses& losses, Played& played);

  const envs::LinearMdp& mdp_;
  const Tables& tables_;
  Record& record_;
  const int members_;
  const bool together_;     // all lanes' numbers of play() are drawn at once
  int certain_start_ = -1;  // or the state that every episode starts in
  std::vector<double> start_, law_;
  std::array<std::uint64_t, W> seeds_{};
  std::array<Draws, W> draws_;
  Numbers uniforms_;  // [2 H][W]
};

template <int W>
template <class Next, class Visit>
void Trajectories<W>::simulate(int w, Next&& next, Visit&& visit) {
  const int H = tables_.H, S = tables_.S, A = tables_.A;
  const double* pi = tables_.pi.at(w);
  int s = certain_start_ >= 0 ? certain_start_ : draw_start(w);
  for (int h = 0; h < H; ++h, pi += std::int64_t{S} * A * W) {
    const int a = draw_action<W>(pi + std::int64_t{s} * A * W, A, next());
    visit(h, s, a);
    if (h + 1 == H) break;
    const double* law = mdp_.cumulative(h, s, a, law_.data());
    s = 0;
    for (const double at = next(); s < S - 1 && at >= law[s];) ++s;
  }
}

}  // namespace hardy::algorithms
