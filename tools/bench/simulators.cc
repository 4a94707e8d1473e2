// What stands between a simulator and Hardy: a step through hardy/plugin.h over a call of the same function,
// in this process and in one of its own; and hardy_act of a policy at batch 1, with its share of what the
// products cost.
//   HARDY_BENCH_PLUGIN=build/point_mass/libpoint_mass.so build/release/tools/bench_simulators
// With HARDY_BENCH_ENV=NAME and HARDY_BENCH_BATCH=N instead: steps of that environment alone, which begin
// anew where they end (tools/bench/against_gymnasium).
#include <benchmark/benchmark.h>
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <vector>

#include "algorithms/acting/policy_file.h"
#include "engine/base/json.h"
#include "engine/base/threads.h"
#include "envs/environment.h"
#include "envs/plugin/plugin.h"
#include "tools/api/hardy.h"

namespace hardy {
namespace {

std::string library() {
  const char* file = std::getenv("HARDY_BENCH_PLUGIN");
  if (file == nullptr) throw std::runtime_error("HARDY_BENCH_PLUGIN names no plug-in (examples/point_mass)");
  return file;
}

// n point masses.
struct Memory {
  explicit Memory(int n)
      : actions(static_cast<std::size_t>(n), 0.5f),
        observations(2 * actions.size()),
        rewards(actions.size()),
        terminated(actions.size()),
        truncated(actions.size()) {}
  std::vector<float> actions;
  std::vector<double> observations, rewards;
  std::vector<std::uint8_t> terminated, truncated;
};

void direct(benchmark::State& state) {
  const int n = static_cast<int>(state.range(0));
  void* const opened = ::dlopen(library().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) throw std::runtime_error("the plug-in cannot be loaded");
  const auto entry = reinterpret_cast<const hardy_plugin_table* (*)()>(::dlsym(opened, "hardy_plugin_entry"));
  const hardy_plugin_table& table = *entry();
  void* batch = nullptr;
  table.create("", n, &batch);
  Memory m(n);
  for (int i = 0; i < n; ++i) table.reset(batch, i, 1, m.observations.data() + 2 * i);
  hardy_plugin_step step{};
  step.struct_size = sizeof step, step.end = n;
  step.actions = m.actions.data(), step.observations = m.observations.data(), step.rewards = m.rewards.data();
  step.terminated = m.terminated.data(), step.truncated = m.truncated.data();
  for (auto _ : state) {
    table.step(batch, &step);
    benchmark::ClobberMemory();
  }
  table.destroy(batch);
  state.SetItemsProcessed(state.iterations() * n);
}

void through_hardy(benchmark::State& state, const std::string& keys) {
  const int n = static_cast<int>(state.range(0));
  const auto env = envs::make_environment("plugin:file=" + library() + keys, n);
  Memory m(n);
  ThreadTeam team(1);
  for (int i = 0; i < n; ++i)
    env->reset(i, 1, std::span(m.observations).subspan(2 * static_cast<std::size_t>(i), 2));
  for (auto _ : state)
    envs::step_all(*env, team, m.actions, m.observations, m.rewards, m.terminated, m.truncated);
  state.SetItemsProcessed(state.iterations() * n);
}

// An action in the middle of its range, or the second choice; as tools/bench/rivals/async_vector.py does it.
void environment(benchmark::State& state, const std::string& name, int n) {
  const auto env = envs::make_environment(name, n);
  const envs::EnvSpec& spec = env->spec();
  const auto count = static_cast<std::size_t>(n), width = static_cast<std::size_t>(spec.observation_size);
  std::vector<float> numbers;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0; k < spec.action_low.size(); ++k)
      numbers.push_back((spec.action_low[k] + 3 * spec.action_high[k]) / 4);
  const std::vector<std::int32_t> choices(count, 1);
  std::vector<double> observations(count * width), rewards(count);
  std::vector<std::uint8_t> terminated(count), truncated(count);
  ThreadTeam team(1);
  std::uint64_t seed = 0;
  const auto reset = [&](std::size_t i) {
    env->reset(static_cast<int>(i), seed++, std::span(observations).subspan(i * width, width));
  };
  for (std::size_t i = 0; i < count; ++i) reset(i);
  for (auto _ : state) {
    envs::step_all(*env, team, spec.discrete() ? Actions(choices) : Actions(numbers), observations, rewards,
                   terminated, truncated);
    for (std::size_t i = 0; i < count; ++i)
      if (terminated[i] != 0 || truncated[i] != 0) reset(i);
  }
  state.SetItemsProcessed(state.iterations() * n);
}

void act(benchmark::State& state) {
  const std::int64_t width = state.range(0), rows = state.range(1);
  algorithms::PolicySpec spec;
  spec.head = algorithms::Head::kTanhGaussian;
  spec.observation_size = 17, spec.action_size = 6, spec.hidden = {width, width};
  spec.action_low.assign(6, -1), spec.action_high.assign(6, 1);
  std::vector<std::vector<float>> parameters;
  double multiplications = 0;
  for (const nn::TensorSpec& t : spec.mlp()->tensors("policy", 1)) {
    parameters.emplace_back(static_cast<std::size_t>(t.shape.elements()), 0.01f);
    if (t.shape.rank() == 3) multiplications += static_cast<double>(t.shape.elements() * rows);
  }
  const std::string path = (std::filesystem::temp_directory_path() / "hardy-bench.policy").string();
  algorithms::write_policy(path, spec, parameters, nlohmann::json::object());
  hardy_policy* policy = nullptr;
  hardy_actor* actor = nullptr;
  if (hardy_policy_open(path.c_str(), &policy) != HARDY_OK ||
      hardy_actor_create(policy, rows, &actor) != HARDY_OK)
    throw std::runtime_error(hardy_last_error());
  std::filesystem::remove(path);
  const std::vector<double> observations(static_cast<std::size_t>(17 * rows), 0.3);
  std::vector<float> actions(static_cast<std::size_t>(6 * rows));
  for (auto _ : state) hardy_act(actor, rows, observations.data(), actions.data(), nullptr, nullptr);
  state.counters["flops"] =
      benchmark::Counter(2 * multiplications, benchmark::Counter::kIsIterationInvariantRate);
  hardy_actor_destroy(actor);
  hardy_policy_close(policy);
}

void register_all() {
  const char* const name = std::getenv("HARDY_BENCH_ENV");
  const char* const batch = std::getenv("HARDY_BENCH_BATCH");
  if (name != nullptr) {
    const int n = batch != nullptr ? std::atoi(batch) : 1;
    benchmark::RegisterBenchmark("environment", environment, std::string(name), n)->UseRealTime();
    return;
  }
  benchmark::RegisterBenchmark("plugin/direct", direct)->Arg(1)->Arg(32);
  benchmark::RegisterBenchmark("plugin/in_process", through_hardy, "")->Arg(1)->Arg(32);
  benchmark::RegisterBenchmark("plugin/isolated", through_hardy, ",isolated=true")
      ->Arg(1)
      ->Arg(32)
      ->UseRealTime();
  benchmark::RegisterBenchmark("act", act)->Args({256, 1})->Args({256, 32});
}

}  // namespace
}  // namespace hardy

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  hardy::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
