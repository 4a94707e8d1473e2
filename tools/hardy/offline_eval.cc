#include "tools/hardy/offline_eval.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "datasets/store.h"
#include "engine/base/error.h"
#include "engine/run/json_text.h"
#include "engine/run/schema.h"

namespace hardy::tools {

void OfflineEvalOptions::options(run::Schema& schema) {
  schema.section("without an environment")
      .option("offline", &offline,
              "fitted Q evaluation on --dataset: the discounted return from the beginnings of its episodes, "
              "with 95 % of "
              "the fits; ranks policies, and depends on what the data show of their actions")
      .option("dataset", &dataset, "with rewards; the policy need not have been trained on it")
      .option("view", &view, "which rows become transitions, as in train", {"lossless", "qlearning"})
      .option("threads", &threads, "threads; 0: the machine's. Numbers do not depend on them", 0, 1024);
  fit.options(schema);
}

int eval_offline(const std::vector<std::filesystem::path>& files, const OfflineEvalOptions& options,
                 std::uint64_t seed, bool json) {
  if (options.dataset.empty()) throw Error("needs data", "--offline", "name them with --dataset");
  const auto reader = datasets::open_dataset(options.dataset);
  datasets::check_d4rl(*reader);
  const datasets::Transitions data = datasets::transitions_of(*reader, datasets::view_named(options.view));
  datasets::require_finite(data, options.dataset);
  algorithms::FittedQSettings settings = options.fit;
  settings.seed = static_cast<std::int64_t>(seed);
  ThreadTeam team(options.threads > 0 ? static_cast<int>(options.threads)
                                      : static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  nlohmann::json results = nlohmann::json::array();
  for (const std::filesystem::path& file : files) {
    const algorithms::FittedQ q = algorithms::fitted_q(algorithms::read_policy(file), data, settings, team);
    if (!json)
      std::printf(
          "%s: value %.4g [%.4g, %.4g] from %lld beginnings, discount %g; the data's own episodes %.4g\n",
          file.c_str(), q.mean, q.low, q.high, static_cast<long long>(q.beginnings), settings.gamma,
          q.behaviour);
    if (!json && q.moved > std::max(q.high - q.low, 0.01 * std::abs(q.mean)))
      std::fprintf(stderr,
                   "note: the value moved by %.3g in the last quarter of the fit: it has not settled, give "
                   "more --fit-steps\n",
                   q.moved);
    results.push_back({{"policy", file.string()},
                       {"values", q.values},
                       {"value", q.mean},
                       {"low", q.low},
                       {"high", q.high},
                       {"behaviour", q.behaviour},
                       {"beginnings", q.beginnings},
                       {"moved", q.moved},
                       {"gamma", settings.gamma}});
  }
  if (json) std::printf("%s\n", run::json_text(results).c_str());
  return 0;
}

}  // namespace hardy::tools
