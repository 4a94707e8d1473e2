// Pendulum with the semantics of Gymnasium's Pendulum-v1: swing a rod up and hold it there.
//   state: angle theta (0 is up), speed; observation [3]: cos, sin, speed; action [1]: torque in [-2, 2]
//   speed += (3 g / (2 l) sin theta + 3 / (m l^2) torque) dt, held to [-8, 8]; theta += speed dt (g 10, m = l
//   = 1) reward -(theta^2 + 0.1 speed^2 + 0.001 torque^2) of the state before the step, theta in [-pi, pi)
//   truncated: 200 steps; start: theta in [-pi, pi), speed in [-1, 1), uniformly
#pragma once

#include <cmath>
#include <numbers>

#include "envs/control/task.h"

namespace hardy::envs {

struct Pendulum {
  static constexpr const char* kName = "pendulum";
  static constexpr int kState = 2, kObservation = 3, kAction = 1, kSteps = 200;
  using Action = float;
  static constexpr double kLimit = 2;
  static constexpr double kReferenceMin = -1225, kReferenceMax = -150;

  template <class = void>
  constexpr void start(const Random& draws, double* state) const {
    state[0] = (2 * draws.uniform64(0) - 1) * std::numbers::pi;
    state[1] = 2 * draws.uniform64(1) - 1;
  }
  template <class T = double>
  constexpr void observe(const T* state, T* observation) const {
    const T angle = state[0];  // read once: both in one call of the C library
    observation[0] = std::cos(angle);
    observation[1] = std::sin(angle);
    observation[2] = state[1];
  }
  template <class T = double>
  constexpr Outcome step(const float* action, const Random&, T* state) const {
    const double torque = held(static_cast<double>(action[0]), kLimit);
    const double turns = std::floor((state[0] + std::numbers::pi) / (2 * std::numbers::pi));
    const double angle = state[0] - turns * 2 * std::numbers::pi;
    const double cost = angle * angle + 0.1 * state[1] * state[1] + 0.001 * torque * torque;
    state[1] = held(state[1] + (15 * std::sin(state[0]) + 3 * torque) * 0.05, 8);
    state[0] += state[1] * 0.05;
    return {-cost, false};
  }
};

}  // namespace hardy::envs
