// The mountain car with the semantics of Gymnasium's MountainCarContinuous-v0 (Moore 1990), in float64: a car
// too weak for its hill swings itself up. A sparse task: nothing but costs until the top.
//   state and observation [2]: position in [-1.2, 0.6], speed in [-0.07, 0.07]; action [1]: force in [-1, 1]
//   speed += 0.0015 force - 0.0025 cos(3 position); position += speed; the left end stops the car
//   reward: 100 at the top less 0.1 action^2, of the action as given
//   terminated: position >= 0.45 and not rolling back, which is this task's success; truncated: 999 steps
//   start: position in [-0.6, -0.4), at rest
#pragma once

#include <cmath>

#include "envs/control/task.h"

namespace hardy::envs {

struct MountainCarContinuous {
  static constexpr const char* kName = "mountain_car_continuous";
  static constexpr int kState = 2, kObservation = 2, kAction = 1, kSteps = 999;
  using Action = float;
  static constexpr double kLimit = 1;
  static constexpr double kReferenceMin = -33.3, kReferenceMax = 95;
  static constexpr double kSuccessReturn = 0.05;  // the top less 998 steps of full force; else at most 0

  template <class = void>
  constexpr void start(const Random& draws, double* state) const {
    state[0] = -0.6 + 0.2 * draws.uniform64(0);
    state[1] = 0;
  }
  template <class T = double>
  constexpr void observe(const T* state, T* observation) const {
    observation[0] = state[0];
    observation[1] = state[1];
  }
  template <class T = double>
  constexpr Outcome step(const float* action, const Random&, T* state) const {
    const auto given = static_cast<double>(action[0]);
    double speed = state[1] + (held(given, kLimit) * 0.0015 - 0.0025 * std::cos(3 * state[0]));
    speed = held(speed, 0.07);
    double position = state[0] + speed;
    if (position > 0.6) position = 0.6;
    if (position < -1.2) position = -1.2;
    if (position == -1.2 && speed < 0) speed = 0;
    state[0] = position;
    state[1] = speed;
    const bool top = position >= 0.45 && speed >= 0;
    return {(top ? 100.0 : 0.0) - given * given * 0.1, top};
  }
};

}  // namespace hardy::envs
