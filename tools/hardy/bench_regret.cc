// `hardy bench ftrl_log_barrier --env simplex ...`: replica-episodes a second of a regret learner, beside
// what its operations and bytes would take at this machine's measured rates.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>

#include "algorithms/experiments/regret_run.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/device/backends.h"
#include "engine/ops/gemm.h"
#include "engine/run/json_text.h"
#include "engine/run/measure.h"
#include "engine/run/schema.h"
#include "tools/hardy/bench_family.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

using nlohmann::json;

// Of all threads of this process: what a run costs, whoever else uses the machine.
double processor_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Spent {
  double seconds = 0, processor = 0, whole = 0;  // whole: with what stands before and after the episodes
};
Spent play(const algorithms::RegretConfig& config, ThreadTeam& team) {
  const auto began = std::chrono::steady_clock::now();
  const double before = processor_seconds();
  const double seconds = algorithms::run_regret(config, team).seconds;
  return {seconds, processor_seconds() - before,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()};
}

// Longer and longer until the time is filled; the fastest of the three last runs counts, because other
// programs only ever make it slower.
Spent fastest(algorithms::RegretConfig& c, ThreadTeam& team, double seconds) {
  Spent spent = play(c, team);
  while (spent.seconds < seconds / 6) {
    c.episodes *= 2;
    spent = play(c, team);
  }
  for (int i = 0; i < 2; ++i) {
    const Spent again = play(c, team);
    spent = {std::min(spent.seconds, again.seconds), std::min(spent.processor, again.processor),
             std::min(spent.whole, again.whole)};
  }
  return spent;
}

// On a device: all launches of a run, its losses handed over and one point of the curve taken back.
int bench_there(device::Device& device, algorithms::RegretConfig c, double seconds, bool as_json) {
  c.device = &device;
  c.curve_points = 1, c.keep_trajectories = 0;
  const auto replicas = static_cast<double>(c.seeds.size());
  const auto cost = algorithms::cost_of(c);
  ThreadTeam team(1);
  const bool given = seconds == 0;
  const Spent spent = given ? play(c, team) : fastest(c, team, seconds);
  const double rate = static_cast<double>(c.episodes) / spent.seconds;
  const device::Info info = device.info();
  const json result{{"method", c.method},
                    {"env", c.instance.mdp->name},
                    {"device", info.name},
                    {"about", info.about},
                    {"replicas", c.seeds.size()},
                    {"threads_a_replica", c.device_threads},
                    {"episodes", c.episodes},
                    {"seconds", spent.seconds},
                    {"whole_seconds", spent.whole},
                    {"processor_seconds", spent.processor},
                    {"microseconds_per_episode", 1e6 / rate},
                    {"episodes_per_second", rate},
                    {"replica_episodes_per_second", rate * replicas},
                    {"flop_per_episode", cost.flop_per_episode},
                    {"gflops", rate * replicas * cost.flop_per_episode * 1e-9}};
  if (as_json)
    std::printf("%s\n", run::json_text(result).c_str());
  else
    std::printf(
        "%s, %.0f replica(s) on %s (%s): %.0f replica-episodes/s, %.1f us an episode of all, %.1f GFLOP/s\n",
        c.method.c_str(), replicas, info.name.c_str(), info.about.c_str(), rate * replicas, 1e6 / rate,
        rate * replicas * cost.flop_per_episode * 1e-9);
  return 0;
}

bool has(const std::string& name) {
  const auto methods = algorithms::regret_methods();
  return std::any_of(methods.begin(), methods.end(), [&](const auto& m) { return m.name == name; });
}

int run(const std::vector<std::string>& args) {
  std::string method, env = "simplex:seed=20230131,H=3,S=4,A=3,d=3,K=8", losses, covariance = "exact";
  std::string device_name = "cpu";
  std::int64_t device_threads = 0;
  std::int64_t replicas = 64, threads = std::max(1u, std::thread::hardware_concurrency()), episodes = 0;
  double seconds = 3, eta = 0.2, beta = 0.02, gamma = 0.05;
  bool as_json = false;
  run::Schema schema("bench", "Times whole episodes of a regret learner.");
  schema.positional("METHOD", &method, "a method of `hardy regret`")
      .option("env", &env, "the instance")
      .option("losses", &losses, "the loss process; default: the environment's own")
      .option("covariance", &covariance, "exact, empirical:M=..., mgr:M=...,N=...")
      .option("replicas", &replicas, "together", 1, 1000000)
      .option("threads", &threads, "threads", 1, 1024)
      .option("seconds", &seconds, "to measure for", 0.01, 3600.0)
      .option("episodes", &episodes, "to run, instead of seconds", 0)
      .option("eta", &eta, "step size", 0)
      .option("beta", &beta, "scale of the bonus; 0 turns it off", 0)
      .option("gamma", &gamma, "of the regularised inverse", 0, 1)
      .option("device", &device_name,
              "cpu, cuda (the first GPU) or cuda:N, where whole runs are timed; `hardy devices` lists them")
      .option("device-threads", &device_threads, "on a GPU: threads that play a replica; 0: as it sees fit",
              0, 384)
      .option("json", &as_json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  algorithms::RegretConfig c;
  c.method = method;
  c.instance = envs::make_instance(env, losses, 1 << 20);
  c.covariance = algorithms::parse_covariance(covariance);
  c.settings[0].eta = eta;
  c.settings[0].beta = beta;
  c.settings[0].gamma = gamma;
  c.seeds.clear();
  for (std::int64_t r = 0; r < replicas; ++r) c.seeds.push_back(static_cast<std::uint64_t>(r));
  c.hindsight = false;
  c.episodes = episodes > 0 ? episodes : 2;
  c.covariance.sizes = algorithms::sizes_of(*c.instance.mdp, c.episodes);
  if (device_threads > 0 && device_name == "cpu")
    throw Error("is for GPUs", "--device-threads", "leave it out, or add --device cuda");
  if (const auto device = device::open_chosen_device(device_name, {})) {
    c.device_threads = static_cast<int>(device_threads);
    return bench_there(*device, c, episodes > 0 ? 0 : seconds, as_json);
  }
  const auto cost = algorithms::cost_of(c);
  std::fprintf(stderr, "%s\n", cost.text.c_str());
  ThreadTeam team(static_cast<int>(threads));
  const auto cores = static_cast<int>(threads);
  const double dgemm = run::measure_dgemm(512, 512, 512, cores);
  const double bandwidth = run::measure_read_bandwidth(cores, 512);
  const Spent spent = episodes > 0 ? play(c, team) : fastest(c, team, seconds);
  const double episodes_per_second = static_cast<double>(c.episodes) / spent.seconds;
  const double rate = episodes_per_second * static_cast<double>(replicas);
  // A replica's episode takes at least as long as its operations at the peak, and as its bytes from memory.
  const double by_flop = cost.flop_per_episode / (dgemm * 1e9),
               by_bytes = cost.bytes_per_episode / (bandwidth * 1e9);
  const double allowed = 1 / std::max(by_flop, by_bytes);
  const json result{
      {"method", method},
      {"env", env},
      {"replicas", replicas},
      {"threads", threads},
      {"episodes", c.episodes},
      {"seconds", spent.seconds},
      {"processor_seconds", spent.processor},
      {"episodes_per_second", episodes_per_second},
      {"replica_episodes_per_second", rate},
      {"replica_episodes_per_processor_second", static_cast<double>(c.episodes * replicas) / spent.processor},
      {"flop_per_episode", cost.flop_per_episode},
      {"bytes_per_episode", cost.bytes_per_episode},
      {"bytes_held", cost.bytes},
      {"gflops", rate * cost.flop_per_episode * 1e-9},
      {"dgemm_512_gflops", dgemm},
      {"fma_peak_f64_gflops", run::measure_fma_peak(cores) / 2},
      {"read_bandwidth_gb_per_second", bandwidth},
      {"allowed_episodes_per_second", allowed},
      {"bound_by", by_flop >= by_bytes ? "operations" : "bytes"},
      {"share_of_allowed", rate / allowed},
      {"kernel", gemm_kernel_name()}};
  if (as_json)
    std::printf("%s\n", run::json_text(result).c_str());
  else
    std::printf(
        "%s, %lld replica(s), %lld thread(s): %.0f replica-episodes/s, %.1f GFLOP/s, %.0f %% of the %.0f "
        "that "
        "operations (DGEMM %.1f GFLOP/s) and bytes (%.1f GB/s) allow\n",
        method.c_str(), static_cast<long long>(replicas), static_cast<long long>(threads), rate,
        rate * cost.flop_per_episode * 1e-9, 100 * rate / allowed, allowed, dgemm, bandwidth);
  return 0;
}

const RegisterBenchFamily family("regret", {has, run});

}  // namespace
}  // namespace hardy::tools
