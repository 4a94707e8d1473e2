// The MuJoCo tasks' environment steps per second on one core, beside a bare mj_step loop on the same model
// that follows the same episodes: how much the environment costs on top of the physics.
//   build/release/tools/bench_mujoco --benchmark_repetitions=9 --benchmark_report_aggregates_only
#include <benchmark/benchmark.h>

#if HARDY_HAVE_MUJOCO
#include <time.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "envs/environment.h"
#include "envs/mujoco/model.h"
#include "envs/mujoco/task.h"

namespace hardy::envs {
namespace {

// Episodes of uniform actions, 2,000 steps in all: what both sides repeat.
struct Episodes {
  struct Start {
    std::uint64_t seed;
    std::size_t begin, end;
    std::vector<double> state;
  };
  std::vector<Start> starts;
  std::vector<float> actions;

  std::string task;
  std::size_t width = 0;  // of an action

  explicit Episodes(const std::string& name) : task(name) {
    const auto env = make_environment(name, 1);
    width = static_cast<std::size_t>(env->spec().action_size);
    std::vector<double> observation(static_cast<std::size_t>(env->spec().observation_size)), reward(1);
    std::vector<std::uint8_t> terminated(1), truncated(1);
    constexpr std::size_t kSteps = 2000;
    for (std::size_t t = 0; t < kSteps * width; ++t)
      actions.push_back(2 * Random(1, RandomStream::kExplore).uniform(t) - 1);
    std::size_t t = 0;
    for (std::uint64_t seed = 0; t < kSteps; ++seed) {
      Start start{seed, t, t, std::vector<double>(env->state_size())};
      env->reset(0, seed, observation);
      env->save_state(0, start.state);
      do {
        env->step(0, 1, std::span(actions).subspan(t++ * width, width), observation, reward, terminated,
                  truncated);
      } while (t < kSteps && !terminated[0] && !truncated[0]);
      start.end = t;
      starts.push_back(std::move(start));
    }
  }
};

struct Environment {
  const Episodes& episodes;
  std::unique_ptr<BatchEnvironment> env = make_environment(episodes.task, 1);
  std::vector<double> observation =
                          std::vector<double>(static_cast<std::size_t>(env->spec().observation_size)),
                      reward = std::vector<double>(1);
  std::vector<std::uint8_t> terminated = {0}, truncated = {0};

  void run(const Episodes::Start& episode) {
    const std::span<const float> actions(episodes.actions);
    env->reset(0, episode.seed, observation);
    for (std::size_t t = episode.begin; t < episode.end; ++t) {
      env->step(0, 1, actions.subspan(t * episodes.width, episodes.width), observation, reward, terminated,
                truncated);
      benchmark::DoNotOptimize(reward.data());
    }
  }
};

struct Bare {
  const Episodes& episodes;
  MujocoTask task = mujoco_task(episodes.task);
  Model model = compile_model(episodes.task, task);
  Data data = make_data(*model);

  void run(const Episodes::Start& episode) {
    load_physics(*model, *data, std::span(episode.state).first(physics_state_size(*model)));
    for (std::size_t t = episode.begin; t < episode.end; ++t) {
      for (std::size_t k = 0; k < episodes.width; ++k)
        data->ctrl[k] = episodes.actions[t * episodes.width + k];
      for (int frame = 0; frame < task.frame_skip; ++frame) mj_step(model.get(), data.get());
    }
  }
};

double thread_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Both by turns, episode by episode and in this thread's own time, so that a busy machine slows both alike:
// `share` is the environment's rate over the bare one's, resets included, and `steps_per_second` the
// environment's.
void side_by_side(benchmark::State& state, const std::string& task) {
  const Episodes episodes(task);
  Bare bare{episodes};
  Environment environment{episodes};
  double bare_time = 0, environment_time = 0, steps = 0;
  for (auto _ : state)
    for (const auto& episode : episodes.starts) {
      const double a = thread_seconds();
      bare.run(episode);
      const double b = thread_seconds();
      environment.run(episode);
      const double c = thread_seconds();
      bare_time += b - a, environment_time += c - b;
      steps += static_cast<double>(episode.end - episode.begin);
    }
  state.counters["share"] = bare_time / environment_time;
  state.counters["steps_per_second"] = steps / environment_time;
}

// 64 instances over a team of threads; items are instance-steps. Falls are not reset: physics go on.
void batch(benchmark::State& state, const std::string& task) {
  constexpr int kInstances = 64;
  const auto env = make_environment(task, kInstances);
  const auto act = static_cast<std::size_t>(env->spec().action_size),
             obs = static_cast<std::size_t>(env->spec().observation_size);
  ThreadTeam team(static_cast<int>(state.range(0)));
  std::vector<double> observations(kInstances * obs), rewards(kInstances);
  std::vector<std::uint8_t> terminated(kInstances), truncated(kInstances);
  std::vector<float> actions(kInstances * act);
  for (int i = 0; i < kInstances; ++i)
    env->reset(i, static_cast<std::uint64_t>(i), std::span(observations).first(obs));
  std::uint64_t t = 0;
  for (auto _ : state) {
    const Random random(1, RandomStream::kExplore, t++);
    for (std::size_t k = 0; k < actions.size(); ++k) actions[k] = 2 * random.uniform(k) - 1;
    step_all(*env, team, actions, observations, rewards, terminated, truncated);
  }
  state.SetItemsProcessed(state.iterations() * kInstances);
}

BENCHMARK_CAPTURE(side_by_side, hopper, "hopper");
BENCHMARK_CAPTURE(side_by_side, half_cheetah, "half_cheetah");
BENCHMARK_CAPTURE(side_by_side, walker2d, "walker2d");
BENCHMARK_CAPTURE(side_by_side, ant, "ant");
BENCHMARK_CAPTURE(batch, hopper, "hopper")->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK_CAPTURE(batch, half_cheetah, "half_cheetah")->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace hardy::envs
#endif

BENCHMARK_MAIN();
