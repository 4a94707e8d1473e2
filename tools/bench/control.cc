// The small tasks' steps per second on one core: batches of 1,024 instances, those that end are begun anew.
//   build/release/tools/bench_control --benchmark_repetitions=5 --benchmark_report_aggregates_only
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "engine/base/random.h"
#include "envs/environment.h"

namespace hardy::envs {
namespace {

void steps(benchmark::State& state, const std::string& task) {
  constexpr std::size_t kInstances = 1024;
  const auto env = make_environment(task, kInstances);
  const EnvSpec& spec = env->spec();
  const auto obs = static_cast<std::size_t>(spec.observation_size),
             act = static_cast<std::size_t>(spec.action_size);
  std::vector<double> observations(kInstances * obs), rewards(kInstances);
  std::vector<std::uint8_t> terminated(kInstances), truncated(kInstances);
  std::vector<float> numbers(kInstances * act);
  std::vector<std::int32_t> choices(kInstances);
  const Random random(1, RandomStream::kExplore);
  for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = 2 * random.uniform(k) - 1;
  for (std::size_t i = 0; i < kInstances; ++i) {
    if (spec.discrete())
      choices[i] =
          static_cast<std::int32_t>(random.integer(i, static_cast<std::uint32_t>(spec.action_choices)));
    env->reset(static_cast<int>(i), i, std::span(observations).subspan(i * obs, obs));
  }
  const Actions actions = spec.discrete() ? Actions(std::span<const std::int32_t>(choices))
                                          : Actions(std::span<const float>(numbers));
  std::uint64_t seed = kInstances;
  for (auto _ : state) {
    env->step(0, kInstances, actions, observations, rewards, terminated, truncated);
    for (std::size_t i = 0; i < kInstances; ++i)
      if (terminated[i] || truncated[i])
        env->reset(static_cast<int>(i), ++seed, std::span(observations).subspan(i * obs, obs));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kInstances));
}

BENCHMARK_CAPTURE(steps, cart_pole, "cart_pole");
BENCHMARK_CAPTURE(steps, pendulum, "pendulum");
BENCHMARK_CAPTURE(steps, acrobot, "acrobot");
BENCHMARK_CAPTURE(steps, mountain_car_continuous, "mountain_car_continuous");
BENCHMARK_CAPTURE(steps, point_maze, "point_maze");
BENCHMARK_CAPTURE(steps, key_door, "key_door");

}  // namespace
}  // namespace hardy::envs

BENCHMARK_MAIN();
