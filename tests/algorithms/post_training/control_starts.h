// Environments with resets of a seed, and demonstrations in memory, that the tests of control policies share.
#pragma once

#include <cmath>

#include "algorithms/post_training/control_data.h"
#include "datasets/memory.h"
#include "envs/control/task_environment.h"

namespace hardy::test {

// Eight digits of four each, of which one sequence is right: 1 of 65,536. Observation: which digit is next,
// one of six, and a number of the start's own.
struct Lock {
  static constexpr const char* kName = "test_lock";
  static constexpr int kState = 3, kObservation = 9, kAction = 1, kSteps = 8, kChoices = 4;
  using Action = std::int32_t;
  static constexpr double kReferenceMin = 0, kReferenceMax = 1, kSuccessReturn = 1;
  static constexpr std::int32_t kCode[] = {2, 0, 3, 3, 1, 2, 0, 1};

  void start(const Random& draws, double* state) const {
    state[0] = 0, state[1] = draws.uniform64(0), state[2] = 1;
  }
  void observe(const double* state, double* observation) const {
    for (int k = 0; k < 8; ++k) observation[k] = k == static_cast<int>(state[0]);
    observation[8] = state[1];
  }
  envs::Outcome step(const std::int32_t* action, const Random&, double* state) const {
    if (action[0] != kCode[static_cast<int>(state[0])]) state[2] = 0;
    state[0] += 1;
    return {state[0] == kSteps && state[2] == 1 ? 1.0 : 0.0, false};
  }
};
// The same, which begins elsewhere with every reset.
struct RestlessLock : Lock {
  static constexpr const char* kName = "test_restless_lock";
  void start(const Random&, double* state) const {
    static double resets = 0;
    state[0] = 0, state[1] = ++resets, state[2] = 1;
  }
};
inline const envs::Registration lock_registration(Lock::kName, envs::make_task<Lock>);
inline const envs::Registration restless_registration(RestlessLock::kName, envs::make_task<RestlessLock>);

// Episodes as a file has them; choices where there is no action.
struct Recording {
  datasets::Arrays arrays;
  std::vector<float> observations, actions, rewards;
  std::vector<std::int64_t> choices;
  std::vector<std::uint8_t> terminals, timeouts;

  datasets::MemoryReader reader(std::int64_t obs, std::int64_t act) {
    const auto rows = static_cast<std::int64_t>(rewards.size());
    const auto put = [&](const char* key, datasets::ArrayType type, std::vector<std::int64_t> shape,
                         const auto& x) {
      using T = typename std::decay_t<decltype(x)>::value_type;
      arrays[key] = datasets::Array::of(type, std::move(shape));
      std::copy(x.begin(), x.end(), arrays[key].template as<T>());
    };
    put("observations", datasets::ArrayType::kF32, {rows, obs}, observations);
    if (choices.empty())
      put("actions", datasets::ArrayType::kF32, {rows, act}, actions);
    else
      put("actions", datasets::ArrayType::kI64, {rows, 1}, choices);
    put("rewards", datasets::ArrayType::kF32, {rows}, rewards);
    put("terminals", datasets::ArrayType::kBool, {rows}, terminals);
    put("timeouts", datasets::ArrayType::kBool, {rows}, timeouts);
    return {arrays, "made.hdf5"};
  }
};

// An episode of the environment from the reset of each seed, by what `act` makes of an observation.
template <class Act>
Recording recorded(const std::string& environment, const std::vector<std::uint64_t>& seeds, const Act& act) {
  Recording r;
  const auto env = envs::make_environment(environment, 1);
  const envs::EnvSpec& spec = env->spec();
  std::vector<double> now(static_cast<std::size_t>(spec.observation_size)), reward(1);
  std::vector<std::uint8_t> terminated(1), truncated(1);
  for (const std::uint64_t seed : seeds) {
    env->reset(0, seed, now);
    for (int t = 0;; ++t) {
      r.observations.insert(r.observations.end(), now.begin(), now.end());
      const float a = act(now, t);
      const std::vector<float> number{a};
      const std::vector<std::int32_t> choice{static_cast<std::int32_t>(a)};
      if (spec.discrete())
        r.choices.push_back(choice[0]);
      else
        r.actions.push_back(a);
      env->step(0, 1, spec.discrete() ? Actions(choice) : Actions(number), now, reward, terminated,
                truncated);
      r.rewards.push_back(static_cast<float>(reward[0]));
      r.terminals.push_back(terminated[0]);
      r.timeouts.push_back(truncated[0]);
      if (terminated[0] || truncated[0]) break;
    }
  }
  return r;
}
inline std::vector<std::uint64_t> seeds_of(const algorithms::ControlData& data) {
  std::vector<std::uint64_t> seeds;
  for (const algorithms::ControlStart& s : data.starts) seeds.push_back(s.seed);
  return seeds;
}
inline float right_digit(const std::vector<double>&, int t) { return static_cast<float>(Lock::kCode[t]); }

// Swings a pendulum up by its energy, and holds it there.
inline float swing_up(const std::vector<double>& observation, int) {
  const double up = observation[0], speed = observation[2], angle = std::atan2(observation[1], up);
  const double missing = 15 - (speed * speed / 2 + 15 * up);
  const double torque = up > 0.9 ? -(10 * angle + 2 * speed) : (speed >= 0 ? 1 : -1) * missing;
  return static_cast<float>(std::clamp(torque, -2.0, 2.0));
}

}  // namespace hardy::test
