// The pendulum with a reward at its success alone: the rod has been up (angle within 0.2 of the top, speed
// within 1) for ten steps on end, half a second. Moves, observations and starts are pendulum's.
//   reward: 1 at the success, which ends the episode, and 0 before: a return of 1 is a success, one of 0 is
//   none truncated: 200 steps; state: pendulum's, and the steps that it has been up
#pragma once

#include "envs/control/pendulum.h"

namespace hardy::envs {

struct PendulumSparse {
  static constexpr const char* kName = "pendulum_sparse";
  static constexpr int kState = 3, kObservation = 3, kAction = 1, kSteps = 200;
  using Action = float;
  static constexpr double kLimit = Pendulum::kLimit;
  static constexpr double kReferenceMin = 0, kReferenceMax = 1, kSuccessReturn = 1;
  static constexpr int kHeld = 10;

  template <class = void>
  constexpr void start(const Random& draws, double* state) const {
    Pendulum{}.start(draws, state);
    state[2] = 0;
  }
  template <class T = double>
  constexpr void observe(const T* state, T* observation) const {
    Pendulum{}.observe(state, observation);
  }
  template <class T = double>
  constexpr Outcome step(const float* action, const Random& draws, T* state) const {
    Pendulum{}.step(action, draws, state);
    const bool up = std::cos(state[0]) > std::cos(0.2) && held(state[1], 1) == state[1];
    state[2] = up ? state[2] + 1 : 0;
    const bool success = state[2] >= kHeld;
    return {success ? 1.0 : 0.0, success};
  }
};

}  // namespace hardy::envs
