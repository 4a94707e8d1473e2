// `hardy bench METHOD`: how fast a method's step is here, against the machine's own peak.
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "algorithms/offline/method.h"
#include "algorithms/offline/offline_trainee.h"
#include "algorithms/online/sac_trainee.h"
#include "algorithms/training_job.h"
#include "engine/base/error.h"
#include "engine/ops/gemm.h"
#include "engine/run/json_text.h"
#include "engine/run/measure.h"
#include "engine/run/schema.h"
#include "tools/hardy/bench_family.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

constexpr int kObservations = 17, kActions = 6;  // half-cheetah's sizes, the field's usual yardstick

datasets::Transitions random_transitions(std::int64_t rows) {
  datasets::Transitions t;
  t.rows = rows;
  t.observation_size = kObservations;
  t.action_size = kActions;
  const auto fill = [&](std::vector<float>& x, std::int64_t width, std::uint64_t which) {
    const Random random(which, Stream::kUser);
    x.resize(static_cast<std::size_t>(rows * width));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 2 * random.uniform(i) - 1;
  };
  fill(t.observations, kObservations, 1);
  fill(t.actions, kActions, 2);
  fill(t.rewards, 1, 3);
  fill(t.next_observations, kObservations, 4);
  t.terminals.assign(static_cast<std::size_t>(rows), 0.0f);
  t.episode_end.assign(static_cast<std::size_t>(rows), 0);
  return t;
}

// Floating-point operations of one agent's step: products alone, a multiply-add is 2. With I inputs,
// width H, two hidden layers and O outputs a forward pass takes I H + H^2 + H O multiply-adds a row, a
// backward pass that and H^2 + H O again for the gradients with respect to inputs.
struct Flops {
  double h, batch;
  double forward(double in, double out) const { return 2 * batch * (in * h + h * h + h * out); }
  double backward(double in, double out) const { return forward(in, out) + 2 * batch * (h * h + h * out); }
  double through(double in, double out) const {
    return 2 * batch * (in * h + h * h + h * out);
  }  // inputs alone
};

double flops_of(const std::string& method, double critics, double h, double batch) {
  const Flops f{h, batch};
  const double s = kObservations, sa = kObservations + kActions, a = kActions;
  const double policy = f.forward(s, a) + f.backward(s, a);
  if (method == "bc") return policy;
  if (method == "sac") {
    const double actor_forward = f.forward(s, 2 * a);
    return actor_forward + critics * (f.forward(sa, 1) + f.forward(sa, 1) + f.backward(sa, 1)) +    // critics
           actor_forward + f.backward(s, 2 * a) + critics * (f.forward(sa, 1) + f.through(sa, 1));  // actor
  }
  return f.forward(s, 1) + critics * f.forward(sa, 1) + f.forward(s, 1) + f.backward(s, 1) +
         critics * (f.forward(sa, 1) + f.backward(sa, 1)) + policy;
}

std::vector<BenchFamily>& families() {
  static std::vector<BenchFamily> all;  // made on first use: static objects of other files fill it
  return all;
}

int run(const std::vector<std::string>& args) {
  for (const std::string& word : args)
    if (const BenchFamily* family = bench_family_of(word)) return family->run(args);
  std::string method = "riql";
  std::int64_t agents = 1, threads = std::max(1u, std::thread::hardware_concurrency()), rows = 100000;
  double seconds = 5;
  bool json = false, plan = false;
  run::Schema schema("bench",
                     "Times whole training steps on random data of half-cheetah's sizes: sampling, losses, "
                     "optimisers, targets.");
  schema.positional("METHOD", &method, "bc, iql, riql (K = 5), sac, or a method of `hardy regret`")
      .option("agents", &agents, "trained together", 1, 4096)
      .option("threads", &threads, "threads", 1, 1024)
      .option("seconds", &seconds, "to measure for", 0.1, 3600.0)
      .option("rows", &rows, "of the dataset", 256, 10000000)
      .option("plan", &plan, "print the planned kernels as well")
      .option("json", &json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  std::vector<std::uint64_t> seeds;
  for (std::int64_t i = 0; i < agents; ++i) seeds.push_back(static_cast<std::uint64_t>(i));
  ThreadTeam team(static_cast<int>(threads));
  std::unique_ptr<algorithms::Trainee> trainee;
  std::unique_ptr<algorithms::OfflineMethod> offline;
  // SAC's replay and noise on random transitions of the same sizes, without a simulator.
  algorithms::Replay replay;
  std::unique_ptr<algorithms::Learner> sac;
  if (method == "sac") {
    const datasets::Transitions t = random_transitions(rows);
    const auto repeat = [&](std::vector<float>& to, const std::vector<float>& from) {
      for (std::int64_t a = 0; a < agents; ++a) to.insert(to.end(), from.begin(), from.end());
    };
    repeat(replay.observations, t.observations);
    repeat(replay.actions, t.actions);
    repeat(replay.rewards, t.rewards);
    repeat(replay.next_observations, t.next_observations);
    repeat(replay.terminals, t.terminals);
    replay.rows = static_cast<std::int32_t>(rows);
    sac = std::make_unique<algorithms::Learner>(seeds);
    algorithms::build_sac(*sac, {}, kObservations, kActions,
                          {replay.observations.data(), replay.actions.data(), replay.rewards.data(),
                           replay.next_observations.data(), replay.terminals.data(), &replay.rows, rows});
  } else {
    offline = algorithms::make_offline_method(method);
    offline->check();
    trainee = std::make_unique<algorithms::OfflineTrainee>(*offline, random_transitions(rows), seeds,
                                                           std::vector<float>(kActions, -1.0f),
                                                           std::vector<float>(kActions, 1.0f));
  }
  algorithms::Learner& learner = sac ? *sac : trainee->learner();
  if (plan) std::fprintf(stderr, "%s", learner.describe_plans().c_str());
  const double peak_before = run::measure_fma_peak(static_cast<int>(threads));
  for (int i = 0; i < 5; ++i) learner.step(team);
  std::int64_t steps = 0;
  const auto began = std::chrono::steady_clock::now();
  double spent = 0;
  do {
    learner.step(team);
    ++steps;
    spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  } while (spent < seconds);
  const double peak = std::max(peak_before, run::measure_fma_peak(static_cast<int>(threads)));
  const double sgemm = run::measure_sgemm(256, 256, 256, static_cast<int>(threads));
  const double rate = static_cast<double>(steps) / spent;
  const double gflop = flops_of(method, method == "riql" ? 5 : 2, 256, 256) * 1e-9;
  const double achieved = gflop * rate * static_cast<double>(agents);
  const nlohmann::json result{{"method", method},
                              {"agents", agents},
                              {"threads", threads},
                              {"seconds", spent},
                              {"steps_per_second", rate},
                              {"agent_steps_per_second", rate * static_cast<double>(agents)},
                              {"gflop_per_agent_step", gflop},
                              {"gflops", achieved},
                              {"fma_peak_gflops", peak},
                              {"sgemm_256_gflops", sgemm},
                              {"kernel", gemm_kernel_name()},
                              {"share_of_peak", achieved / peak}};
  if (json)
    std::printf("%s\n", run::json_text(result).c_str());
  else
    std::printf(
        "%s, %lld agent(s), %lld thread(s): %.1f steps/s, %.1f agent-steps/s, %.1f GFLOP/s = %.0f %% of the "
        "FMA peak of %.1f (SGEMM 256^3: %.1f, %s)\n",
        method.c_str(), static_cast<long long>(agents), static_cast<long long>(threads), rate,
        rate * static_cast<double>(agents), achieved, 100 * achieved / peak, peak, sgemm, gemm_kernel_name());
  return 0;
}

const RegisterCommand command({"bench", "how fast a method's step is here, against the machine's peak", run});

}  // namespace

RegisterBenchFamily::RegisterBenchFamily(BenchFamily family) { families().push_back(family); }

const BenchFamily* bench_family_of(const std::string& method) {
  for (const BenchFamily& f : families())
    if (f.has(method)) return &f;
  return nullptr;
}

}  // namespace hardy::tools
