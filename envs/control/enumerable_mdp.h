// An enumerable episodic MDP on a device: layers h = 0..H-1 with transition arrays P_h(s' | s, a) and losses
// l_h(s, a), played by index. What the arrays hold (features phi, measures mu) is the caller's affair: a
// linear MDP's P_h(s' | s, a) is phi(s, a) . mu_h(s').
//   state: layer, state index; observation [2]: the same; action: the index of a choice
//   reward: minus the loss; terminated: after layer H - 1, and nothing is lost or moves from there on
#pragma once

#include <cstdint>

#include "envs/control/task.h"

namespace hardy::envs {

struct EnumerableMdp {
  static constexpr const char* kName = "enumerable_mdp";
  static constexpr int kState = 2, kObservation = 2, kAction = 1, kSteps = 1 << 30;
  using Action = std::int32_t;

  std::int64_t layers = 1, states = 1, actions = 1;
  const double* start_law = nullptr;    // [S], sums to 1; null: state 0
  const double* transitions = nullptr;  // P [H - 1, S, A, S], rows that sum to 1
  const double* losses = nullptr;       // l [H, S, A]

  template <class = void>
  constexpr void start(const Random& draws, double* state) const {
    state[0] = 0;
    state[1] = start_law ? static_cast<double>(drawn(start_law, draws.uniform64(0))) : 0;
  }
  template <class = void>
  constexpr void observe(const double* state, double* observation) const {
    observation[0] = state[0];
    observation[1] = state[1];
  }
  template <class T = double>
  constexpr Outcome step(const std::int32_t* action, const Random& draws, T* state) const {
    const auto h = static_cast<std::int64_t>(state[0]), s = static_cast<std::int64_t>(state[1]);
    if (h >= layers) return {0, true};
    const std::int64_t at = (h * states + s) * actions + action[0];
    const Outcome outcome{-losses[at], h + 1 >= layers};
    state[0] += 1;
    if (outcome.terminated) return outcome;
    state[1] = static_cast<double>(drawn(transitions + at * states, draws.uniform64(0)));
    return outcome;
  }

 private:
  // The state of a law [S] that u in [0, 1) falls to.
  constexpr std::int64_t drawn(const double* law, double u) const {
    std::int64_t next = 0;
    while (next + 1 < states && u >= law[next]) u -= law[next++];
    while (next > 0 && law[next] <= 0) --next;  // rounding carried the draw past the last one that can be
    return next;
  }
};

}  // namespace hardy::envs
