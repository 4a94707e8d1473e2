// Clean data whose rows stand still for the most part: what fools statistics that look at the majority.
#pragma once

#include <cmath>
#include <vector>

#include "datasets/array.h"
#include "engine/base/random.h"
#include "envs/environment.h"

namespace hardy::test {

// A pendulum's episodes of `steps` rows; torque(state, row) is what the behaviour asks for, held to [-2, 2].
template <class Torque>
datasets::Arrays pendulum_data(int episodes, std::int64_t steps, Torque&& torque_of) {
  using datasets::Array;
  using datasets::ArrayType;
  const std::int64_t rows = steps * episodes;
  datasets::Arrays a;
  a["observations"] = Array::of(ArrayType::kF32, {rows, 3});
  a["next_observations"] = Array::of(ArrayType::kF32, {rows, 3});
  a["actions"] = Array::of(ArrayType::kF32, {rows, 1});
  a["rewards"] = Array::of(ArrayType::kF32, {rows});
  a["terminals"] = Array::of(ArrayType::kBool, {rows});
  a["timeouts"] = Array::of(ArrayType::kBool, {rows});
  const auto env = envs::make_environment("pendulum", 1);
  std::vector<double> s(3), reward(1), after(3);
  std::vector<float> torque(1);
  std::vector<std::uint8_t> terminated(1), truncated(1);
  std::int64_t row = 0;
  for (int e = 0; e < episodes; ++e) {
    env->reset(0, static_cast<std::uint64_t>(e), s);
    for (std::int64_t t = 0; t < steps; ++t, ++row) {
      torque[0] = static_cast<float>(std::fmin(2, std::fmax(-2, torque_of(s, row))));
      env->step(0, 1, torque, after, reward, terminated, truncated);
      for (std::size_t k = 0; k < 3; ++k) {
        a["observations"].as<float>()[3 * row + static_cast<std::int64_t>(k)] = static_cast<float>(s[k]);
        a["next_observations"].as<float>()[3 * row + static_cast<std::int64_t>(k)] =
            static_cast<float>(after[k]);
      }
      a["actions"].as<float>()[row] = torque[0] / 2;
      a["rewards"].as<float>()[row] = static_cast<float>(reward[0]);
      s = after;
    }
    a["timeouts"].as<std::uint8_t>()[row - 1] = 1;
  }
  return a;
}

// A pendulum that is swung up and then held upright to the end of its episodes of 400 steps: four rows in
// five are within a thousandth of the upright state, or exactly there. noise: of the torque.
inline datasets::Arrays held_pendulum(int episodes, double noise) {
  const Random random(5, RandomStream::kUser);
  return pendulum_data(episodes, 400, [&](const std::vector<double>& s, std::int64_t row) {
    const double angle = std::atan2(s[1], s[0]), energy = s[2] * s[2] / 6 + 5 * (s[0] - 1);
    double u = -(12 * angle + 3 * s[2]);
    if (s[0] < 0.9 && std::abs(energy) > 0.1) u = (energy > 0) == (s[2] > 0) ? -2 : 2;
    return u + noise * random.normal(static_cast<std::uint64_t>(row));
  });
}

// A pendulum under torques drawn anew for every row: all of its states, and no two actions alike.
inline datasets::Arrays driven_pendulum(int episodes, std::int64_t steps) {
  const Random random(6, RandomStream::kUser);
  return pendulum_data(episodes, steps, [&](const std::vector<double>&, std::int64_t row) {
    return 4 * random.uniform64(static_cast<std::uint64_t>(row)) - 2;
  });
}

// Episodes that move for 150 rows and then rest for 600, but for noise of a ten-thousandth of what moved.
inline datasets::Arrays resting_data(int episodes) {
  using datasets::Array;
  using datasets::ArrayType;
  constexpr std::int64_t kMoving = 150, kSteps = 750, kObs = 4, kAct = 2;
  const std::int64_t rows = kSteps * episodes;
  datasets::Arrays a;
  a["observations"] = Array::of(ArrayType::kF32, {rows, kObs});
  a["actions"] = Array::of(ArrayType::kF32, {rows, kAct});
  a["rewards"] = Array::of(ArrayType::kF32, {rows});
  a["terminals"] = Array::of(ArrayType::kBool, {rows});
  a["timeouts"] = Array::of(ArrayType::kBool, {rows});
  const Random random(11, RandomStream::kUser);
  std::uint64_t draw = 0;
  const auto noise = [&] { return 2 * random.uniform64(draw++) - 1; };
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t t = row % kSteps;
    const double left = t < kMoving ? 1 - static_cast<double>(t) / kMoving : 0;  // of the motion
    for (std::int64_t k = 0; k < kObs; ++k)
      a["observations"].as<float>()[row * kObs + k] = static_cast<float>(
          0.5 + left * (2 + std::sin(0.1 * static_cast<double>(t * (k + 1)))) + 1e-4 * noise());
    for (std::int64_t k = 0; k < kAct; ++k)
      a["actions"].as<float>()[row * kAct + k] = static_cast<float>((t < kMoving ? 0.9 : 1e-3) * noise());
    a["rewards"].as<float>()[row] = static_cast<float>(1 - 3 * left + 1e-4 * noise());
    if (t == kSteps - 1) a["timeouts"].as<std::uint8_t>()[row] = 1;
  }
  return a;
}

}  // namespace hardy::test
