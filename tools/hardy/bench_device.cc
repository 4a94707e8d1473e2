#include "tools/hardy/bench_device.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>

#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::tools {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

// A block is long enough that waiting for it costs little, and short enough that the stream takes all of it
// at once: a full stream would make the host wait while it puts steps in.
constexpr int kLongestBlock = 64;
constexpr double kBlockSeconds = 0.02;

class Stopwatch {
 public:
  explicit Stopwatch(algorithms::Learner& learner) : learner_(learner) {}

  // Puts `steps` steps in, waits for them; seconds of all, and of the host until the last was in.
  struct Timing {
    double seconds, host;
  };
  Timing block(int steps) {
    const auto began = Clock::now();
    for (int i = 0; i < steps; ++i) learner_.step(team_);
    const double host = since(began);
    learner_.reports();  // waits
    const double seconds = since(began);
    for (std::int64_t a = 0; a < learner_.agents(); ++a)
      if (!learner_.active(a)) throw Error::failed_run(learner_.stop_reason(a), "agent " + std::to_string(a));
    return {seconds, host};
  }

 private:
  algorithms::Learner& learner_;
  ThreadTeam team_{1};
};

}  // namespace

int bench_on_device(device::Device& device, const DeviceBench& settings) {
  const std::size_t free_before = device.info().memory_free_bytes;
  BenchLearner bench(settings.method, settings.agents, settings.rows, &device);
  algorithms::Learner& learner = bench.learner();
  if (settings.plan) std::fprintf(stderr, "%s", learner.describe_plans().c_str());

  Stopwatch watch(learner);
  const double first_step = watch.block(1).seconds;  // allocates, loads kernels, captures
  int steps_a_block = 1;
  while (watch.block(steps_a_block).seconds < kBlockSeconds && steps_a_block < kLongestBlock)
    steps_a_block *= 2;

  std::int64_t steps = 0;
  double spent = 0, host = 0, quickest = std::numeric_limits<double>::infinity(), slowest = 0;
  do {
    const Stopwatch::Timing b = watch.block(steps_a_block);
    steps += steps_a_block;
    spent += b.seconds;
    host += b.host;
    quickest = std::min(quickest, b.seconds);
    slowest = std::max(slowest, b.seconds);
  } while (spent < settings.seconds);

  const device::Info info = device.info();
  const auto taken = static_cast<std::int64_t>(free_before - std::min(free_before, info.memory_free_bytes));
  const double rate = static_cast<double>(steps) / spent, agents = static_cast<double>(settings.agents);
  const double gflops = bench.gflop_per_agent_step() * rate * agents;
  const auto microseconds = [&](double block) { return 1e6 * block / steps_a_block; };
  const device::Products products = device.options().products;
  const nlohmann::json result{{"method", settings.method},
                              {"device", info.name},
                              {"about", info.about},
                              {"tf32", products == device::Products::kTf32},
                              {"tf32x3", products == device::Products::kThreeTf32},
                              {"branches", device.options().branches},
                              {"agents", settings.agents},
                              {"rows", settings.rows},
                              {"seconds", spent},
                              {"steps", steps},
                              {"first_step_seconds", first_step},
                              {"microseconds_per_step", 1e6 / rate},
                              {"quickest_block_microseconds_per_step", microseconds(quickest)},
                              {"slowest_block_microseconds_per_step", microseconds(slowest)},
                              {"host_microseconds_per_step", 1e6 * host / static_cast<double>(steps)},
                              {"graph_nodes", learner.device_nodes()},
                              {"device_bytes", taken},
                              {"steps_per_second", rate},
                              {"agent_steps_per_second", rate * agents},
                              {"gflop_per_agent_step", bench.gflop_per_agent_step()},
                              {"gflops", gflops}};
  if (settings.json)
    std::printf("%s\n", result.dump(2).c_str());
  else {
    std::printf(
        "%s, %lld agent(s) on %s (%s%s): %.1f us a step (blocks: %.1f to %.1f), %.1f of them the host's, %zu "
        "graph nodes, %.1f MiB, %.1f agent-steps/s, %.1f GFLOP/s\n",
        settings.method.c_str(), static_cast<long long>(settings.agents), info.name.c_str(),
        info.about.c_str(),
        products == device::Products::kTf32        ? ", TF32"
        : products == device::Products::kThreeTf32 ? ", 3xTF32"
                                                   : "",
        1e6 / rate, microseconds(quickest), microseconds(slowest), 1e6 * host / static_cast<double>(steps),
        learner.device_nodes(), static_cast<double>(taken) / (1 << 20), rate * agents, gflops);
  }
  return 0;
}

}  // namespace hardy::tools
