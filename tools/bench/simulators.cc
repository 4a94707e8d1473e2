// What stands between a simulator and Hardy: a step through hardy/plugin.h over a call of the same function,
// in this process and in one of its own; and hardy_act of a policy at batch 1, with its share of what the
// products cost.
//   HARDY_BENCH_PLUGIN=build/point_mass/libpoint_mass.so build/release/tools/bench_simulators
#include <benchmark/benchmark.h>
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "algorithms/acting/policy_file.h"
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

BENCHMARK(direct)->Arg(1)->Arg(32)->Name("plugin/direct");
BENCHMARK_CAPTURE(through_hardy, in_process, "")->Arg(1)->Arg(32)->Name("plugin/in_process");
BENCHMARK_CAPTURE(through_hardy, isolated, ",isolated=true")
    ->Arg(1)
    ->Arg(32)
    ->UseRealTime()
    ->Name("plugin/isolated");
BENCHMARK(act)->Args({256, 1})->Args({256, 32})->Name("act");

}  // namespace
}  // namespace hardy

BENCHMARK_MAIN();
