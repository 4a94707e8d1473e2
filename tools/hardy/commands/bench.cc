// `hardy bench METHOD`: how fast a method's step is here: on the processor against the machine's own peak, or
// on a device (bench_device.h).
#include <chrono>
#include <cstdio>
#include <thread>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/registry.h"
#include "engine/base/text.h"
#include "engine/device/backends.h"
#include "engine/ops/gemm.h"
#include "engine/run/json_text.h"
#include "engine/run/measure.h"
#include "engine/run/product_options.h"
#include "engine/run/schema.h"
#include "tools/hardy/bench_device.h"
#include "tools/hardy/bench_family.h"
#include "tools/hardy/bench_learner.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

Registry<BenchFamily>& families() {
  static Registry<BenchFamily> all("bench family",
                                   "");  // made on first use: static objects of other files fill it
  return all;
}

int run(const std::vector<std::string>& args) {
  for (const std::string& word : args)
    if (const BenchFamily* family = bench_family_of(word)) return family->run(args);
  std::string method = "riql";
  std::int64_t agents = 1, threads = std::max(1u, std::thread::hardware_concurrency()), rows = 100000;
  double seconds = 5;
  bool json = false, plan = false;
  std::string device_name = "cpu";
  device::Options device_options;
  run::ProductOptions products;
  run::Schema schema("bench",
                     "Times whole training steps on random data of half-cheetah's sizes: sampling, losses, "
                     "optimisers, targets.");
  schema
      .positional("METHOD", &method,
                  join(algorithms::methods().names(), ", ") +
                      ", a method of `hardy regret`, or a post-training one (hpt); products: those of RIQL's "
                      "step, one by one on a GPU")
      .option("agents", &agents, "trained together", 1, 4096)
      .option("threads", &threads, "threads", 1, 1024)
      .option("seconds", &seconds, "to measure for", 0.1, 3600.0)
      .option("rows", &rows, "of the dataset", 256, 10000000)
      .option(
          "device", &device_name,
          "cpu, cuda (the first GPU) or cuda:N; `hardy devices` lists them. There a step's time, the host's "
          "part of it, its graph's nodes and its memory are given; threads have no part in it");
  products.options(schema);
  schema
      .option("branches", &device_options.branches,
              "on a GPU: how many kernels of a step may run side by side, each in a stream of its own", 1, 8)
      .option("plan", &plan, "print the planned kernels as well")
      .option("json", &json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  if (const auto device = device::open_chosen_device(device_name, products.in(device_options)))
    return bench_on_device(*device, {method, agents, rows, seconds, plan, json});
  ThreadTeam team(static_cast<int>(threads));
  BenchLearner bench(method, agents, rows, nullptr);
  algorithms::Learner& learner = bench.learner();
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
  const double gflop = bench.gflop_per_agent_step();
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

RegisterBenchFamily::RegisterBenchFamily(const std::string& name, BenchFamily family) {
  families().add(name, family);
}

const BenchFamily* bench_family_of(const std::string& method) {
  for (const auto& [name, f] : families())
    if (f.has(method)) return &f;
  return nullptr;
}

}  // namespace hardy::tools
