// Cart-pole with the semantics of Gymnasium's CartPole-v1 (Barto, Sutton, Anderson 1983): two choices, a push
// of 10 N to the left (0) or to the right (1).
//   state and observation [4]: position, speed, angle, angular speed; Euler's steps of 0.02 s
//   reward 1 a step, 0 of one beyond the end
//   terminated: |position| > 2.4 or |angle| > 12 degrees; truncated: 500 steps
//   start: all four in [-0.05, 0.05), uniformly
#pragma once

#include <cmath>
#include <numbers>

#include "envs/control/task.h"

namespace hardy::envs {

struct CartPole {
  static constexpr const char* kName = "cart_pole";
  static constexpr int kState = 4, kObservation = 4, kAction = 1, kSteps = 500;
  static constexpr int kChoices = 2;
  using Action = std::int32_t;
  static constexpr double kReferenceMin = 22, kReferenceMax = 500;

  template <class = void>
  constexpr void start(const Random& draws, double* state) const {
    for (std::uint64_t k = 0; k < 4; ++k) state[k] = 0.05 * (2 * draws.uniform64(k) - 1);
  }
  template <class = void>
  constexpr void observe(const double* state, double* observation) const {
    for (int k = 0; k < 4; ++k) observation[k] = state[k];
  }
  template <class T = double>
  constexpr Outcome step(const std::int32_t* action, const Random&, T* x) const {
    constexpr double kGravity = 9.8, kPole = 0.1, kTotal = 1.1, kHalfLength = 0.5, kStep = 0.02;
    const bool began_over = over(x);
    const double force = action[0] == 1 ? 10 : -10;
    const double cosine = std::cos(x[2]), sine = std::sin(x[2]);
    const double push = (force + kPole * kHalfLength * x[3] * x[3] * sine) / kTotal;
    const double angular =
        (kGravity * sine - cosine * push) / (kHalfLength * (4.0 / 3.0 - kPole * cosine * cosine / kTotal));
    const double linear = push - kPole * kHalfLength * angular * cosine / kTotal;
    x[0] += kStep * x[1];
    x[1] += kStep * linear;
    x[2] += kStep * x[3];
    x[3] += kStep * angular;
    const bool ends = over(x);
    return {ends && began_over ? 0.0 : 1.0, ends};
  }

 private:
  static constexpr bool over(const double* x) {
    constexpr double kLimit = 12 * 2 * std::numbers::pi / 360;
    return x[0] < -2.4 || x[0] > 2.4 || x[2] < -kLimit || x[2] > kLimit;
  }
};

}  // namespace hardy::envs
