// Acrobot with the semantics of Gymnasium's Acrobot-v1 (Sutton 1996; the equations of Sutton and Barto's
// book): two hanging links, a motor between them, the tip to be swung above a line. Three choices: a torque
// of -1, 0, 1 N m.
//   state: angle of the first link (0 hangs), of the second against it, their speeds
//   observation [6]: cos and sin of the first angle and of the second, the speeds
//   one Runge-Kutta step of 0.2 s; angles in [-pi, pi], speeds held to 4 pi and 9 pi; links of 1 m, 1 kg,
//   with moments
//     of inertia of 1 about their middles, g 9.8
//   terminated: -cos(first) - cos(first + second) > 1; reward 0 there and -1 elsewhere; truncated: 500 steps
//   start: all four in [-0.1, 0.1), uniformly
#pragma once

#include <numbers>

#include "engine/base/sin_cos.h"
#include "envs/control/abreast.h"

namespace hardy::envs {

struct Acrobot {
  static constexpr const char* kName = "acrobot";
  static constexpr int kState = 4, kObservation = 6, kAction = 1, kSteps = 500;
  static constexpr int kChoices = 3;
  static constexpr bool kAbreast = true;  // a step takes the sines and cosines of 14 angles
  using Action = std::int32_t;
  static constexpr double kReferenceMin = -500, kReferenceMax = -80;
  static constexpr double kSuccessReturn = -499;  // the line, if in the last step

  template <class = void>
  constexpr void start(const Random& draws, double* state) const {
    for (std::uint64_t k = 0; k < 4; ++k) state[k] = 0.1 * (2 * draws.uniform64(k) - 1);
  }
  template <class V>
  void observe(const V* state, V* observation) const {
    for (int k = 0; k < 2; ++k) {
      const auto [sine, cosine] = simd::sin_cos(state[k]);
      observation[2 * k] = cosine;
      observation[2 * k + 1] = sine;
      observation[4 + k] = state[2 + k];
    }
  }
  template <class V>
  Abreast<V> step(const V* action, V* x) const {
    constexpr double kStep = 0.2;
    const V torque = action[0] - 1;
    V slope[4][4], at[4];
    motion(x, torque, slope[0]);
    for (int stage = 1; stage < 4; ++stage) {
      const double ahead = stage == 3 ? kStep : kStep / 2;
      for (int k = 0; k < 4; ++k) at[k] = x[k] + ahead * slope[stage - 1][k];
      motion(at, torque, slope[stage]);
    }
    for (int k = 0; k < 4; ++k)
      x[k] += kStep / 6 * (slope[0][k] + 2 * slope[1][k] + 2 * slope[2][k] + slope[3][k]);
    x[0] = turned(x[0]);
    x[1] = turned(x[1]);
    x[2] = held(x[2], 4 * std::numbers::pi);
    x[3] = held(x[3], 9 * std::numbers::pi);
    const V height = -simd::sin_cos(x[0]).cosine - simd::sin_cos(x[1] + x[0]).cosine, none{};
    return {height > 1 ? none : none - 1, height > 1 ? none + 1 : none};
  }

 private:
  template <class V>
  static V turned(V angle) {
    constexpr double kTurn = 2 * std::numbers::pi;
    const V half = V{} + std::numbers::pi;
    while (any(angle > half)) angle = angle > half ? angle - kTurn : angle;
    while (any(angle < -half)) angle = angle < -half ? angle + kTurn : angle;
    return angle;
  }
  // d/dt of (first, second, their speeds): the book's equations with m = l = I = 1 and centres at 0.5;
  // cos(x - pi / 2) as sin x.
  template <class V>
  static void motion(const V* x, V torque, V* slope) {
    constexpr double kGravity = 9.8, kCentre = 0.5;
    const auto [pull, bend] = simd::sin_cos(x[1]);
    const V own = kCentre * kCentre + (1 + kCentre * kCentre + 2 * kCentre * bend) + 1 + 1;
    const V shared = kCentre * kCentre + kCentre * bend + 1;
    const V lower = kCentre * kGravity * simd::sin_cos(x[0] + x[1]).sine;
    const V upper = -kCentre * x[3] * x[3] * pull - 2 * kCentre * x[3] * x[2] * pull +
                    (kCentre + 1) * kGravity * simd::sin_cos(x[0]).sine + lower;
    slope[0] = x[2];
    slope[1] = x[3];
    slope[3] = (torque + shared / own * upper - kCentre * x[2] * x[2] * pull - lower) /
               (kCentre * kCentre + 1 - shared * shared / own);
    slope[2] = -(shared * slope[3] + upper) / own;
  }
};

}  // namespace hardy::envs
